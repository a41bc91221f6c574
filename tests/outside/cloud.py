"""The local cloud for the outside tests, and clients of it.

CHATCTL_ENDPOINT names a cloud that already runs (`chatctl local --no-deploy`). Without it one is
started through the example program of this repository.
"""

import atexit
import json
import os
import pathlib
import subprocess
import time
import urllib.request

import boto3
import botocore.config
import botocore.exceptions

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLE = pathlib.Path(
    os.environ.get("CHATCTL_CLOUD_BIN", ROOT / "target" / "debug" / "examples" / "local_cloud")
)
KEYS = {"aws_access_key_id": "AKIDOUTSIDE", "aws_secret_access_key": "secret"}
ACCOUNT = "000000000000"
REGION = "us-east-1"

_started = {}


def endpoint():
    """The address of a running cloud; starts one if need be."""
    if "CHATCTL_ENDPOINT" in os.environ:
        return os.environ["CHATCTL_ENDPOINT"]
    if not _started:
        if not EXAMPLE.exists():
            raise AssertionError(f"{EXAMPLE} is missing: run `cargo build --example local_cloud`")
        process = subprocess.Popen(
            [str(EXAMPLE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        _started["process"] = process
        _started["endpoint"] = process.stdout.readline().strip()
        atexit.register(process.communicate, timeout=30)
    return _started["endpoint"]


def client(service, **more):
    """A boto3 client that does not retry, so that what is refused is seen."""
    settings = {
        "endpoint_url": endpoint(),
        "region_name": REGION,
        "config": botocore.config.Config(retries={"total_max_attempts": 1, "mode": "standard"}),
    }
    return boto3.client(service, **(settings | KEYS | more))


def refused(work, *args, **kwargs):
    """Code and words of the refusal that a call must meet."""
    try:
        work(*args, **kwargs)
    except botocore.exceptions.ClientError as error:
        return error.response["Error"]["Code"], error.response["Error"]["Message"]
    raise AssertionError("the call was not refused")


def control(method, path, body=None):
    """Asks the cloud's own switchboard."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{endpoint()}/_chatctl/{path}", data=data, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def turn(seconds):
    """Turns the cloud's clock forward."""
    return control("POST", "clock", {"turnMillis": int(seconds * 1000)})


def aws(*words):
    """Runs the AWS CLI; its JSON answer."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    environment = clean | {
        "AWS_ACCESS_KEY_ID": KEYS["aws_access_key_id"],
        "AWS_SECRET_ACCESS_KEY": KEYS["aws_secret_access_key"],
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": endpoint(),
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_PAGER": "",
        "NO_PROXY": "127.0.0.1",
    }
    done = subprocess.run(
        ["aws", *words, "--output", "json"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) if done.stdout.strip() else {}


def until(look, seconds=20):
    """Waits for a condition."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("waited in vain")
