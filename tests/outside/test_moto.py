"""moto's own suite against the local cloud: what passes, what does not and why, is as written down.

The run takes some minutes. `python moto_run.py test_iam` runs one service, and says the same.
"""

from pathlib import Path

import moto_run


def test_the_cases_that_do_not_pass_are_those_in_the_lists():
    groups = moto_run.chosen([])
    cases = moto_run.run_all(groups)
    differences = moto_run.differences(cases, groups)
    assert not differences, "\n".join(differences)
    figures = moto_run.summary(cases)
    written = Path(__file__).with_name("MOTO.md").read_text(encoding="utf-8")
    assert figures in written, f"MOTO.md has other figures than:\n{figures}"
