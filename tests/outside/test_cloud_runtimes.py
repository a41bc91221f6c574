"""Functions of the local cloud in other languages: plain Node and plain Python that speak the Runtime API.

Both bootstraps do what the event asks for, so one set of tests holds for both. They use nothing but what
the language brings along, and were written from AWS's description of the Runtime API.
"""

import concurrent.futures
import io
import json
import os
import shutil
import sys
import time
import uuid
import zipfile

import pytest

from cloud import ACCOUNT, REGION, client, turn, until

NODE = r"""#!/usr/bin/env node
const http = require("http"), fs = require("fs"), path = require("path");
const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");
const ask = (method, what, body, headers) => new Promise((done, fail) => {
  const request = http.request({ host, port, method, path: "/2018-06-01/runtime/" + what, headers }, (answer) => {
    const chunks = [];
    answer.on("data", (chunk) => chunks.push(chunk));
    answer.on("end", () => done({ headers: answer.headers, body: Buffer.concat(chunks).toString() }));
  });
  request.on("error", fail);
  request.end(body);
});
const pause = (millis) => new Promise((done) => setTimeout(done, millis));
async function handle(event, headers) {
  if (event.fail) throw new TypeError(event.fail);
  if (event.exit) process.exit(event.exit);
  if (event.tick) setInterval(() => fs.appendFileSync(event.tick, "x"), 1);
  if (event.eat) { const eaten = []; for (let i = 0; i < event.eat; i++) { eaten.push(Buffer.alloc(1 << 20, 1)); await pause(1); } }
  if (event.sleep) await pause(event.sleep);
  const word = fs.readFileSync(path.join(process.env.LAMBDA_TASK_ROOT, "word.txt"), "utf8");
  console.log("did", JSON.stringify(event));
  return { pid: process.pid, word, arn: headers["lambda-runtime-invoked-function-arn"],
    left: headers["lambda-runtime-deadline-ms"] - Date.now(), trace: headers["lambda-runtime-trace-id"] };
}
const report = (what, error) => {
  const body = JSON.stringify({ errorMessage: error.message, errorType: error.name, stackTrace: [] });
  return ask("POST", what + "/error", body, { "Lambda-Runtime-Function-Error-Type": error.name });
};
async function main() {
  if (process.env.BROKEN) { await report("init", new RangeError("no luck")); process.exit(1); }
  for (;;) {
    const { headers, body } = await ask("GET", "invocation/next");
    const invocation = "invocation/" + headers["lambda-runtime-aws-request-id"];
    try { await ask("POST", invocation + "/response", JSON.stringify(await handle(JSON.parse(body), headers))); }
    catch (error) { await report(invocation, error); }
  }
}
main();
"""

PYTHON = f"#!{sys.executable}" + r"""
import json, os, pathlib, sys, threading, time, urllib.request

base = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/"


def ask(what, body=None, **headers):
    data = None if body is None else json.dumps(body).encode()
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    with urllib.request.urlopen(urllib.request.Request(base + what, data, headers)) as answer:
        return answer.headers, answer.read()


def tick(file):
    while True:
        with open(file, "a") as out:
            out.write("x")
        time.sleep(0.001)


def handle(event, headers):
    if "fail" in event:
        raise TypeError(event["fail"])
    if "exit" in event:
        os._exit(event["exit"])
    if "tick" in event:
        threading.Thread(target=tick, args=[event["tick"]], daemon=True).start()
    eaten = []
    for _ in range(event.get("eat", 0)):
        eaten.append(b"x" * (1 << 20))
        time.sleep(0.001)
    time.sleep(event.get("sleep", 0) / 1000)
    word = pathlib.Path(os.environ["LAMBDA_TASK_ROOT"], "word.txt").read_text()
    print("did", json.dumps(event, separators=(",", ":")), flush=True)
    return {
        "pid": os.getpid(),
        "word": word,
        "arn": headers["Lambda-Runtime-Invoked-Function-Arn"],
        "left": int(headers["Lambda-Runtime-Deadline-Ms"]) - time.time() * 1000,
        "trace": headers["Lambda-Runtime-Trace-Id"],
    }


def report(what, error):
    kind = type(error).__name__
    body = {"errorMessage": str(error), "errorType": kind, "stackTrace": []}
    ask(what + "/error", body, Lambda_Runtime_Function_Error_Type=kind)


if "BROKEN" in os.environ:
    report("init", IndexError("no luck"))
    sys.exit(1)
while True:
    headers, body = ask("invocation/next")
    invocation = "invocation/" + headers["Lambda-Runtime-Aws-Request-Id"]
    try:
        ask(invocation + "/response", handle(json.loads(body), headers))
    except TypeError as error:
        report(invocation, error)
"""

TRUST = {
    "Statement": {
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
}
BASIC = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"


def package(bootstrap):
    """A zip with an executable bootstrap, and a file beside it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = 0o100755 << 16
        archive.writestr(entry, bootstrap)
        entry = zipfile.ZipInfo("word.txt")
        entry.external_attr = 0o100644 << 16
        archive.writestr(entry, "from the zip")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def role():
    iam, name = client("iam"), f"runs-{uuid.uuid4().hex[:8]}"
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]
    iam.attach_role_policy(RoleName=name, PolicyArn=BASIC)
    turn(60)
    return role["Arn"]


@pytest.fixture(params=["node", "python"])
def bootstrap(request):
    assert shutil.which("node"), "node is missing: install Node.js"
    return {"node": NODE, "python": PYTHON}[request.param]


@pytest.fixture
def make(role, bootstrap):
    """Makes functions with that bootstrap; they are gone after the test."""
    functions, made = client("lambda"), []

    def create(**more):
        name = f"r-{uuid.uuid4().hex[:8]}"
        functions.create_function(
            FunctionName=name,
            Role=role,
            Runtime="provided.al2023",
            Handler="index.handler",
            Code={"ZipFile": package(bootstrap)},
            **({"Timeout": 60} | more),
        )
        made.append(name)
        functions.get_waiter("function_active_v2").wait(FunctionName=name)
        return lambda **event: invoke(functions, name, event)

    yield create
    for name in made:
        functions.delete_function(FunctionName=name)


def invoke(functions, name, event):
    answer = functions.invoke(FunctionName=name, Payload=json.dumps(event))
    return answer.get("FunctionError"), json.load(answer["Payload"])


def lines(name, reports):
    """The function's log, once it has so many reports: an event is answered before the last lines."""

    def look():
        events = client("logs").filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
        found = [event["message"] for event in events]
        return found if sum(line.startswith("REPORT") for line in found) == reports else None

    return until(look)


def function_of(answer):
    return answer["arn"].rsplit(":", 1)[1]


def test_an_event_is_answered_with_what_the_headers_and_the_zip_say(make):
    error, answer = make()()
    assert error is None
    assert answer["arn"].startswith(f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:r-")
    assert answer["word"] == "from the zip"
    assert 0 < answer["left"] <= 60_000
    assert answer["trace"].startswith("Root=1-") and ";Parent=" in answer["trace"]
    said = lines(function_of(answer), reports=1)
    heads = [line.split(" ")[0].strip() for line in said]
    assert heads == ["INIT_START", "START", "did", "END", "REPORT"], said


def test_errors_and_crashes_are_told_and_the_next_event_works(make):
    run = make()
    first = run()[1]["pid"]
    error, answer = run(fail="as asked")
    assert error == "Unhandled"
    assert (answer["errorType"], answer["errorMessage"]) == ("TypeError", "as asked")
    assert run()[1]["pid"] == first, "a reported error ends nothing"
    error, answer = run(exit=7)
    assert error == "Unhandled" and answer["errorType"] == "Runtime.ExitError"
    assert answer["errorMessage"].endswith("Error: Runtime exited with error: exit status 7")
    answer = run()[1]
    assert answer["pid"] != first
    reports = [line for line in lines(function_of(answer), reports=5) if line.startswith("REPORT")]
    told = [line for line in reports if "Status: error\tError Type: " in line]
    assert [line.rsplit(" ", 1)[1].strip() for line in told] == ["TypeError", "Runtime.ExitError"]


def test_an_init_error_is_the_answer(make):
    error, answer = make(Environment={"Variables": {"BROKEN": "yes"}})()
    assert error == "Unhandled"
    assert answer["errorMessage"] == "no luck" and answer["errorType"] in ("RangeError", "IndexError")


def test_events_at_one_time_run_in_environments_of_their_own(make):
    run = make()
    with concurrent.futures.ThreadPoolExecutor(3) as callers:
        answers = list(callers.map(lambda _: run(sleep=1500), range(3)))
    processes = {answer["pid"] for _, answer in answers}
    assert len(processes) == 3
    assert run()[1]["pid"] in processes, "an idle environment is used again"


def test_nothing_runs_between_events(make, tmp_path):
    run, file = make(), tmp_path / "ticks"
    run(tick=str(file), sleep=50)

    def stands():
        before = file.stat().st_size
        time.sleep(0.1)
        return file.stat().st_size == before

    until(stands)
    frozen = file.stat().st_size
    time.sleep(0.2)
    assert file.stat().st_size == frozen > 0
    run(sleep=100)
    assert file.stat().st_size > frozen, "it goes on with the next event"


def test_a_process_that_outgrows_its_memory_is_killed(make):
    run = make(MemorySize=192)
    assert run(eat=16)[0] is None
    error, answer = run(eat=400)
    assert error == "Unhandled" and answer["errorType"] == "Runtime.OutOfMemory", answer
    assert answer["errorMessage"].endswith("Error: Runtime exited with error: signal: killed")
    assert run()[0] is None


def test_a_time_out_resets_the_process(make):
    run = make(Timeout=2)
    first = run()[1]["pid"]
    error, answer = run(sleep=600_000)
    assert error == "Unhandled" and answer["errorType"] == "Sandbox.Timedout"
    assert answer["errorMessage"].endswith("Error: Task timed out after 2.00 seconds")
    second = run()[1]["pid"]
    assert second != first
    # The process group is gone, not only its answer.
    until(lambda: not os.path.exists(f"/proc/{first}"))
