"""The local cloud for the outside tests, and clients of it.

CHATCTL_ENDPOINT names a cloud that already runs. Without it `chatctl local --no-deploy` is started,
with the program that CHATCTL_BIN names or the last debug build.
"""

import atexit
import json
import os
import pathlib
import signal
import socket
import subprocess
import time
import urllib.request

import boto3
import botocore.config
import botocore.exceptions

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHATCTL = pathlib.Path(os.environ.get("CHATCTL_BIN", ROOT / "target" / "debug" / "chatctl"))
KEYS = {"aws_access_key_id": "AKIDOUTSIDE", "aws_secret_access_key": "secret"}
ACCOUNT = "000000000000"
REGION = "us-east-1"

_started = {}


def endpoint():
    """The address of a running cloud; starts one if need be."""
    if "CHATCTL_ENDPOINT" in os.environ:
        return os.environ["CHATCTL_ENDPOINT"]
    if not _started:
        port = free_port()
        _started["endpoint"] = f"http://127.0.0.1:{port}"
        atexit.register(stop, start(port))
    return _started["endpoint"]


def start(port, *more):
    """A new cloud on this port, once it answers."""
    process = subprocess.Popen(
        [str(CHATCTL), "local", "--no-deploy", "--port", str(port), *more],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until(lambda: healthy(process))
    return process


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def healthy(process):
    assert process.poll() is None, "the local cloud ended"
    try:
        return control("GET", "health")
    except OSError:
        return None


def stop(process):
    process.send_signal(signal.SIGINT)
    process.wait(timeout=30)


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


def environment():
    """The environment in which the AWS CLI talks to the cloud."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    return clean | {
        "AWS_ACCESS_KEY_ID": KEYS["aws_access_key_id"],
        "AWS_SECRET_ACCESS_KEY": KEYS["aws_secret_access_key"],
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": endpoint(),
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_PAGER": "",
        "NO_PROXY": "127.0.0.1",
    }


def aws(*words):
    """Runs the AWS CLI; its JSON answer."""
    done = subprocess.run(
        ["aws", *words, "--output", "json"],
        env=environment(),
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
        time.sleep(0.02)
    raise AssertionError("waited in vain")
