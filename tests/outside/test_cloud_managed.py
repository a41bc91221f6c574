"""The managed runtimes of the local cloud: plain handlers, as people paste them, run by this machine's `node` and
`python3`. Words and shapes of errors are those that AWS's own runtimes give.
"""

import base64
import io
import json
import re
import shutil
import sys
import uuid
import zipfile

import pytest

from cloud import ACCOUNT, client, turn
from test_cloud_runtimes import BASIC, TRUST

NODE = "nodejs22.x"
PYTHON = f"python3.{min(sys.version_info.minor, 14)}"


def package(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def role():
    iam, name = client("iam"), f"managed-{uuid.uuid4().hex[:8]}"
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]
    iam.attach_role_policy(RoleName=name, PolicyArn=BASIC)
    turn(60)
    return role["Arn"]


@pytest.fixture
def run(role):
    """Makes a function of these files and calls it: its error, its answer, and the tail of its log."""
    assert shutil.which("node"), "node is missing: install Node.js"
    functions, made = client("lambda"), []

    def call(runtime, files, event=None, handler="index.handler", **more):
        files = files if isinstance(files, dict) else {("index.mjs" if "node" in runtime else "index.py"): files}
        name = f"m-{uuid.uuid4().hex[:8]}"
        functions.create_function(
            FunctionName=name, Role=role, Runtime=runtime, Handler=handler, Timeout=20,
            Code={"ZipFile": package(files)}, **more,
        )
        made.append(name)
        functions.get_waiter("function_active_v2").wait(FunctionName=name)
        answer = functions.invoke(FunctionName=name, LogType="Tail", Payload=json.dumps(event or {}))
        tail = base64.b64decode(answer["LogResult"]).decode()
        return answer.get("FunctionError"), json.load(answer["Payload"]), tail

    yield call
    for name in made:
        functions.delete_function(FunctionName=name)


FORMS = {
    "an ES module": {"index.mjs": "export const handler = async (event) => ({ got: event.a });"},
    "CommonJS": {"index.js": "exports.handler = async (event) => ({ got: event.a });"},
    "a .cjs file": {"index.cjs": "exports.handler = async (event) => ({ got: event.a });"},
    "a package that is a module": {
        "package.json": '{"type":"module"}',
        "index.js": "import { readFileSync } from 'node:fs'; export const handler = async (event) => ({ got: event.a });",
    },
    "a callback": {"index.js": "exports.handler = (event, context, done) => setTimeout(() => done(null, { got: event.a }), 5);"},
    "context.succeed": {"index.js": "exports.handler = (event, context) => context.succeed({ got: event.a });"},
    "a module that it brings along": {
        "node_modules/helper/index.js": "exports.get = (event) => event.a;",
        "index.mjs": "import helper from 'helper'; export const handler = async (event) => ({ got: helper.get(event) });",
    },
}


@pytest.mark.parametrize("form", FORMS)
def test_node_calls_a_handler_in(run, form):
    assert run(NODE, FORMS[form], {"a": 7})[:2] == (None, {"got": 7})


def test_node_finds_a_handler_in_a_folder_and_in_an_object(run):
    files = {"src/app.js": "exports.api = { wave: async () => process.cwd() === process.env.LAMBDA_TASK_ROOT };"}
    assert run(NODE, files, handler="src/app.api.wave")[:2] == (None, True)


def test_node_answers_null_when_nothing_is_left_to_do(run):
    assert run(NODE, "export const handler = () => {};")[:2] == (None, None)
    assert run(NODE, "export const handler = () => new Promise(() => {});")[:2] == (None, None)


def test_node_waits_for_an_empty_event_loop_unless_told_otherwise(run):
    code = """exports.handler = (event, context, done) => {
      context.callbackWaitsForEmptyEventLoop = event.wait;
      setTimeout(() => console.log("later"), 300);
      done(null, "now");
    };"""
    error, answer, log = run(NODE, {"index.js": code}, {"wait": True})
    assert (error, answer) == (None, "now") and "\tINFO\tlater" in log
    error, answer, log = run(NODE, {"index.js": code}, {"wait": False})
    assert (error, answer) == (None, "now") and "later" not in log


def test_node_24_has_no_callbacks(run):
    error, answer, _ = run("nodejs24.x", FORMS["a callback"])
    assert error == "Unhandled" and answer["errorType"] == "Runtime.CallbackHandlerDeprecated"


def test_node_s_context_and_variables(run):
    code = """export const handler = async (event, context) => ({
      ...context, left: context.getRemainingTimeInMillis(), env: process.env.AWS_EXECUTION_ENV, trace: process.env._X_AMZN_TRACE_ID,
    });"""
    _, answer, log = run(NODE, code)
    assert answer["functionVersion"] == "$LATEST" and answer["memoryLimitInMB"] == "128"
    assert answer["invokedFunctionArn"].startswith(f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:m-")
    assert f"START RequestId: {answer['awsRequestId']} " in log
    assert 0 < answer["left"] <= 20_000 and answer["env"] == f"AWS_Lambda_{NODE}"
    assert answer["trace"].startswith("Root=1-")


def test_node_s_console_lines_have_time_request_and_level(run):
    code = """console.log("loaded");
    export const handler = async (event, context) => { console.warn("two\\nlines %d", 7); return context.awsRequestId; };"""
    _, request, log = run(NODE, code)
    assert re.search(rf"^\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{3}}Z\t{request}\tWARN\ttwo\rlines 7$", log, re.M), log
    json_lines = {"LoggingConfig": {"LogFormat": "JSON"}}
    _, request, log = run(NODE, code, **json_lines)
    line = json.loads(next(line for line in log.splitlines() if '"WARN"' in line))
    assert (line["requestId"], line["level"], line["message"]) == (request, "WARN", "two\nlines 7")


@pytest.mark.parametrize("how", ["throw new TypeError('as asked')", "return Promise.reject(new TypeError('as asked'))"])
def test_node_reports_an_error_and_its_trace(run, how):
    error, answer, log = run(NODE, f"export const handler = async () => {{ {how}; }};")
    assert error == "Unhandled"
    assert (answer["errorType"], answer["errorMessage"]) == ("TypeError", "as asked")
    assert answer["trace"][0] == "TypeError: as asked" and "at " in answer["trace"][1]
    assert '\tERROR\tInvoke Error \t{"errorType":"TypeError","errorMessage":"as asked"' in log
    assert "Status: error\tError Type: TypeError" in log


def test_node_reports_what_nobody_caught_and_starts_again(run):
    code = "export const handler = () => { setTimeout(() => { throw new RangeError('late'); }, 5); return new Promise(() => {}); };"
    error, answer, log = run(NODE, code)
    assert error == "Unhandled" and (answer["errorType"], answer["errorMessage"]) == ("RangeError", "late")
    assert "\tERROR\tUncaught Exception \t" in log
    code = "export const handler = () => { Promise.reject(new Error('late')); return new Promise((done) => setTimeout(done, 500)); };"
    error, answer, _ = run(NODE, code)
    assert error == "Unhandled"
    assert (answer["errorType"], answer["errorMessage"]) == ("Runtime.UnhandledPromiseRejection", "Error: late")


NODE_BROKEN = {
    "Runtime.ImportModuleError": ({"other.js": "1"}, "index.handler", "Error: Cannot find module 'index'"),
    "Runtime.HandlerNotFound": ({"index.js": "exports.other = 1"}, "index.handler", "index.handler is undefined or not exported"),
    "Runtime.UserCodeSyntaxError": ({"index.js": "exports.handler = ("}, "index.handler", "SyntaxError: "),
    "Runtime.MalformedHandlerName": ({"index.js": "1"}, "index", "Bad handler"),
    "RangeError": ({"index.js": "throw new RangeError('no luck')"}, "index.handler", "no luck"),
}


@pytest.mark.parametrize("kind", NODE_BROKEN)
def test_node_reports_a_handler_that_cannot_be_loaded(run, kind):
    files, handler, words = NODE_BROKEN[kind]
    error, answer, _ = run(NODE, files, handler=handler)
    assert error == "Unhandled" and answer["errorType"] == kind
    assert answer["errorMessage"].startswith(words) and answer["trace"]


def test_a_missing_package_is_an_import_error(run):
    for files in ({"index.mjs": "import x from 'nowhere'; export const handler = x;"}, {"index.js": "require('nowhere')"}):
        _, answer, _ = run(NODE, files)
        assert answer["errorType"] == "Runtime.ImportModuleError" and "'nowhere'" in answer["errorMessage"]


def test_python_calls_a_handler(run):
    code = """import decimal, os
def handler(event, context):
    assert os.getcwd() == os.environ["LAMBDA_TASK_ROOT"] and context.get_remaining_time_in_millis() > 0
    return {"got": event["a"], "n": decimal.Decimal("7"), "id": context.aws_request_id, "arn": context.invoked_function_arn,
            "env": os.environ["AWS_EXECUTION_ENV"], "memory": context.memory_limit_in_mb}
"""
    error, answer, log = run(PYTHON, code, {"a": "b"})
    assert error is None, answer
    assert (answer["got"], answer["n"], answer["memory"]) == ("b", 7, "128")
    assert f"START RequestId: {answer['id']} " in log and answer["env"] == f"AWS_Lambda_{PYTHON}"
    files = {"pack/__init__.py": "", "pack/app.py": "from . import helper\ndef go(event, context): return helper.WORD", "pack/helper.py": "WORD = 1"}
    assert run(PYTHON, files, handler="pack/app.go")[:2] == (None, 1)
    assert run(PYTHON, files, handler="pack.app.go")[:2] == (None, 1)


def test_python_s_log_lines(run):
    code = """import logging
def handler(event, context):
    print("plain")
    logging.warning("two\\nlines %d", 7)
    logging.info("too low")
    return context.aws_request_id
"""
    _, request, log = run(PYTHON, code)
    assert "\nplain\n" in log and "too low" not in log
    assert re.search(rf"^\[WARNING\]\t\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{3}}Z\t{request}\ttwo\rlines 7$", log, re.M), log


def test_python_reports_an_error_and_its_trace(run):
    error, answer, log = run(PYTHON, "def handler(event, context):\n    raise KeyError('x')\n")
    assert error == "Unhandled" and (answer["errorType"], answer["errorMessage"]) == ("KeyError", "'x'")
    assert len(answer["stackTrace"]) == 1 and "line 2, in handler" in answer["stackTrace"][0]
    assert answer["requestId"] in log
    assert "[ERROR] KeyError: 'x'\rTraceback (most recent call last):\r" in log
    error, answer, _ = run(PYTHON, "def handler(event, context):\n    return {1, 2}\n")
    assert error == "Unhandled" and answer["errorType"] == "Runtime.MarshalError"
    assert answer["errorMessage"] == "Unable to marshal response: Object of type set is not JSON serializable"


PYTHON_BROKEN = {
    "Runtime.ImportModuleError": ("other.handler", "1", "Unable to import module 'other': No module named 'other'"),
    "Runtime.HandlerNotFound": ("index.handler", "x = 1", "Handler 'handler' missing on module 'index'"),
    "Runtime.UserCodeSyntaxError": ("index.handler", "def handler(", "Syntax error in module 'index': "),
    "Runtime.MalformedHandlerName": ("index", "1", "Bad handler 'index': not enough values to unpack (expected 2, got 1)"),
    "ZeroDivisionError": ("index.handler", "1 / 0", "division by zero"),
}


@pytest.mark.parametrize("kind", PYTHON_BROKEN)
def test_python_reports_a_handler_that_cannot_be_loaded(run, kind):
    handler, code, words = PYTHON_BROKEN[kind]
    error, answer, _ = run(PYTHON, code, handler=handler)
    assert error == "Unhandled" and answer["errorType"] == kind and answer["errorMessage"].startswith(words)
