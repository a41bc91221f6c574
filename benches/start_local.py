"""How long `chatctl local` takes from its start until it answers: the time that a test suite pays for it.

    cargo build --release && python benches/start_local.py [RUNS]

It starts `chatctl local --no-deploy` many times, one after the other, and measures from the start of the
process to the first line on stdout, which is written when the port answers; then once more with a state
folder that holds a function and some thousand log events. One line of JSON for each program that was
built (target/debug, target/release): milliseconds, median and slowest. The promise is 200.
"""

import json
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[1]
SIGNED = "AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/logs/aws4_request, SignedHeaders=host, Signature=00"


def start(program, folder, *flags):
    """The running process, where it is, and the milliseconds until it said so."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [program, "local", "--no-deploy", "--port", "0", "--output", "json", *flags],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=folder,
    )
    ready = json.loads(process.stdout.readline())
    return process, ready["endpoint"], (time.perf_counter() - began) * 1000


def end(process):
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0


def logs(endpoint, operation, body):
    headers = {"X-Amz-Target": f"Logs_20140328.{operation}", "Authorization": SIGNED}
    request = urllib.request.Request(endpoint, json.dumps(body).encode(), headers, method="POST")
    urllib.request.urlopen(request, timeout=30).close()


def fill(program, folder):
    """A state folder with 5,000 log events."""
    process, endpoint, _ = start(program, folder, "--persist", "kept")
    group = {"logGroupName": "/g"}
    logs(endpoint, "CreateLogGroup", group)
    logs(endpoint, "CreateLogStream", group | {"logStreamName": "s"})
    now = int(time.time() * 1000)
    events = [{"timestamp": now, "message": f"event {n} " + "x" * 100} for n in range(5_000)]
    logs(endpoint, "PutLogEvents", group | {"logStreamName": "s", "logEvents": events})
    end(process)


def measure(program, folder, runs, *flags):
    times = []
    for _ in range(runs):
        process, _, took = start(program, folder, *flags)
        end(process)
        times.append(took)
    return {"median": round(statistics.median(times), 1), "slowest": round(max(times), 1)}


def main():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    for build in ("debug", "release"):
        program = ROOT / "target" / build / "chatctl"
        if not program.exists():
            continue
        with tempfile.TemporaryDirectory() as folder:
            empty = measure(program, folder, runs)
            fill(program, folder)
            kept = measure(program, folder, runs, "--persist", "kept")
        print(json.dumps({"build": build, "runs": runs, "empty": empty, "with_state": kept}))


if __name__ == "__main__":
    main()
