"""Runs the cases of moto's own suite that touch our services against the local cloud.

    pip install -r tests/outside/requirements.txt
    python tests/outside/moto_run.py [test_iam …]

Without words all groups run, several at a time; a word chooses those whose name it begins. moto's tests
are fetched from its source distribution on PyPI into a temporary folder; nothing of them is kept.

Every case that does not pass stands in `moto/*.txt` under its reason. The run fails when another case
does not pass, when a listed one passes, and when a listed one is gone. Where a reason begins with
"Chance: " the case looks at something random, and may pass or not. MOTO.md sums it up.
"""

import collections
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import tarfile
import tempfile

import cloud

VERSION = "5.2.5"
HERE = pathlib.Path(__file__).resolve().parent
EXPECTED = HERE / "moto"
# The longest first, so that no processor waits for the last one. A test file, a folder, or a file with
# the cases that are meant, as pytest's -k takes them.
GROUPS = {
    "test_dynamodb/test_dynamodb.py": "",
    "test_awslambda/test_lambda.py": "",
    "test_iam/test_iam.py": "",
    "test_iam/test_iam_policies.py": "",
    "test_dynamodb/exceptions": "",
    "test_awslambda/test_lambda_alias.py": "",
    "test_awslambda/test_lambda_concurrency.py": "",
    "test_awslambda/test_lambda_function_urls.py": "",
    "test_awslambda/test_lambda_invoke.py": "",
    "test_awslambda/test_lambda_policy.py": "",
    "test_awslambda/test_lambda_tags.py": "",
    "test_apigateway/test_apigateway.py": "account",
    "test_sts/test_sts.py": "",
    "test_apigatewayv2/test_apigatewayv2.py": "",
    "test_apigatewayv2/test_apigatewayv2_integrationresponses.py": "",
    "test_apigatewayv2/test_apigatewayv2_integrations.py": "",
    "test_apigatewayv2/test_apigatewayv2_routes.py": "",
    "test_apigatewayv2/test_apigatewayv2_stages.py": "",
    "test_apigatewayv2/test_apigatewayv2_tags.py": "",
    "test_logs/test_logs.py": "",
    "test_logs/test_logs_filter_log_events.py": "",
    "test_logs/test_logs_tags.py": "",
    "test_dynamodb/test_dynamodb_batch_get_item.py": "",
    "test_dynamodb/test_dynamodb_batch_write.py": "",
    "test_dynamodb/test_dynamodb_condition_expressions.py": "",
    "test_dynamodb/test_dynamodb_consumedcapacity.py": "",
    "test_dynamodb/test_dynamodb_create_table.py": "",
    "test_dynamodb/test_dynamodb_query.py": "",
    "test_dynamodb/test_dynamodb_scan.py": "",
    "test_dynamodb/test_dynamodb_table_with_range_key.py": "",
    "test_dynamodb/test_dynamodb_table_without_range_key.py": "",
    "test_dynamodb/test_dynamodb_transact.py": "",
    "test_dynamodb/test_dynamodb_update_expressions.py": "",
    "test_dynamodb/test_dynamodb_update_table.py": "",
}
# moto's cases for Lambda are at home in another region than ours.
REGIONS = {"test_awslambda": "us-west-2"}


def fetch(folder):
    """moto's source distribution, unpacked."""
    ready = os.environ.get("CHATCTL_MOTO_SDIST")
    if not ready:
        pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:"]
        subprocess.run([*pip, f"moto=={VERSION}", "-d", folder], check=True)
        ready = next(pathlib.Path(folder).glob("moto-*.tar.gz"))
    with tarfile.open(ready) as archive:
        members = [m for m in archive.getmembers() if m.name.split("/")[1:2] == ["tests"]]
        archive.extractall(folder, members=members, filter="data")
    return next(pathlib.Path(folder).glob("moto-*/tests")).parent


def run(source, group):
    """Runs one group with clouds of its own; the outcome of each case, and its words."""
    port = cloud.free_port()
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "CHATCTL_ENDPOINT"))}
    with tempfile.NamedTemporaryFile("r", suffix=".jsonl", encoding="utf-8") as report:
        environment = clean | {
            "PYTHONPATH": f"{HERE}:{source}",
            "TEST_SERVER_MODE": "true",
            "TEST_SERVER_MODE_ENDPOINT": f"http://127.0.0.1:{port}",
            "CHATCTL_ENDPOINT": f"http://127.0.0.1:{port}",
            "CHATCTL_MOTO_PORT": str(port),
            "CHATCTL_MOTO_REGION": REGIONS.get(group.split("/")[0], cloud.REGION),
            "CHATCTL_MOTO_REPORT": report.name,
            "NO_PROXY": "127.0.0.1",
        }
        pytest = [sys.executable, "-m", "pytest", "-q", "-p", "moto_plugin", "-p", "no:cacheprovider"]
        subprocess.run(
            [*pytest, "--tb=no", "-o", "addopts=", "-k", GROUPS[group], f"tests/{group}"],
            cwd=source,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
            timeout=1800,
        )
        lines = [json.loads(line) for line in report]
    return {line["case"].removeprefix("tests/"): (line["outcome"], line["words"]) for line in lines}


def run_all(groups):
    """Every case of the groups: its outcome and its words."""
    cases = {}
    with tempfile.TemporaryDirectory() as folder:
        source = fetch(folder)
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as workers:
            for group, found in zip(groups, workers.map(lambda one: run(source, one), groups)):
                assert found, f"no case of {group} ran"
                cases |= found
    return cases


def expected():
    """The cases that do not pass, each with its reason."""
    listed = {}
    for file in sorted(EXPECTED.glob("*.txt")):
        reason = None
        for line in file.read_text(encoding="utf-8").splitlines():
            if line.startswith("# "):
                reason = line[2:]
            elif line:
                assert reason and line not in listed, f"{file.name}: {line} has no reason, or two"
                listed[line] = reason
    return listed


def differences(cases, groups):
    """What is not as the lists say, one sentence each."""
    listed = expected()
    words = []
    for case, (outcome, said) in sorted(cases.items()):
        if by_chance(case, listed):
            continue
        if outcome == "passed" and case in listed:
            words.append(f"{case} passes by now, although: {listed[case]}")
        if outcome != "passed" and case not in listed:
            words.append(f"{case} is {outcome}: {said}")
        outside = listed.get(case, "").startswith("Outside: ")
        if case in listed and outcome in ("failed", "outside") and (outcome == "outside") != outside:
            words.append(f"{case} is {outcome}, although: {listed[case]}")
    ran = tuple(groups)
    gone = [case for case in listed if case.startswith(ran) and case not in cases]
    return words + [f"{case} did not run, although: {listed[case]}" for case in gone]


def by_chance(case, listed):
    return listed.get(case, "").startswith("Chance: ")


def summary(cases):
    """How many cases of each service came to what."""
    counts = collections.defaultdict(collections.Counter)
    listed = expected()
    for case, (outcome, _words) in cases.items():
        outcome = "chance" if by_chance(case, listed) else outcome
        counts[case.split("/")[0]][outcome] += 1
        counts["all"][outcome] += 1
    kinds = ["passed", "failed", "outside", "chance", "skipped"]
    rows = [
        "| " + " | ".join([f"`{service}`", *(str(count[kind] or "") for kind in kinds)]) + " |"
        for service, count in sorted(counts.items())
    ]
    return "\n".join(["| service | passes | differs | outside | by chance | skipped |", "|---|---|---|---|---|---|", *rows])


def chosen(words):
    return [group for group in GROUPS if not words or group.startswith(tuple(words))]


def main():
    groups = chosen(sys.argv[1:])
    cases = run_all(groups)
    if kept := os.environ.get("CHATCTL_MOTO_CASES"):
        pathlib.Path(kept).write_text(json.dumps(cases, indent=1), encoding="utf-8")
    print(summary(cases))
    words = differences(cases, groups)
    print("\n".join(words) or "as listed")
    return 1 if words else 0


if __name__ == "__main__":
    sys.exit(main())
