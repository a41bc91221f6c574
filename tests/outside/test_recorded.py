"""What others recorded of real AWS, asked of the local cloud again (`recorded/`): no more differs than is known."""

import os
import subprocess
import sys
from pathlib import Path


def test_the_local_cloud_says_what_aws_was_recorded_to_say():
    clean = {name: value for name, value in os.environ.items() if name != "CHATCTL_ENDPOINT"}
    cases = [sys.executable, str(Path(__file__).with_name("recorded"))]
    done = subprocess.run(cases, env=clean, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
