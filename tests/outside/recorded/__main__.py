"""Answers of real AWS that others recorded, asked of the local cloud again: what differs, as a table.

    python tests/outside/recorded [--all]

The requests are our own: each leads to the situation of a recorded answer. What AWS said (status, code, words,
which fields there are) is written down here as a fact, with the repository and the path of the recording. It ends
with 1 when something differs that is not in KNOWN. `--all` shows what agrees, too.
"""

import json
import pathlib
import sys
from collections import Counter

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))  # where `cloud` is

import filters  # noqa: E402
import functions  # noqa: E402
import gateway  # noqa: E402
import identity  # noqa: E402
import logs  # noqa: E402
import tables  # noqa: E402
from case import CASES, sent  # noqa: E402

# Differences that are left as they are, each with its reason.
KNOWN = {
    "the same with other capacity wanted": "the engine looks at the items alone",
    "the same with 1.0 for 1": "the engine compares numbers as they are written",
}


def main():
    for cases in (
        logs.logs_cases,
        filters.filter_cases,
        functions.lambda_cases,
        identity.identity_cases,
        tables.table_cases,
        gateway.gateway_cases,
    ):
        cases()
    agree, all_of, differs = Counter(), Counter(), set()
    for service, source, situation, expected, call in CASES:
        status, code, words, answer = sent(call)
        wanted = expected.differs(status, code, words, answer)
        all_of[service] += 1
        agree[service] += wanted is None
        if wanted:
            differs.add(situation)
            shown = (
                f"{status} {code}: {words}"
                if code
                else f"{status} {json.dumps({k: v for k, v in answer.items() if k != 'ResponseMetadata'}, default=str)}"
            )
            print(f"\n{service}: {situation}\n  AWS    {wanted}\n  local  {shown[:700]}\n  source {source}")
        elif "--all" in sys.argv:
            print(f"\n{service}: {situation}: agrees")
    print("\n| service | agree | of |\n|---|---|---|")
    for service in all_of:
        print(f"| {service} | {agree[service]} | {all_of[service]} |")
    print(f"| all | {sum(agree.values())} | {sum(all_of.values())} |")
    return differs != set(KNOWN)


if __name__ == "__main__":
    sys.exit(main())
