"""The Python runtimes of Lambda, as a client of the Runtime API: finds the handler, calls it with every event, and
reports results, errors and log lines in the form that AWS's own runtime gives them."""

import decimal
import http.client
import importlib
import importlib.abc
import importlib.util
import json
import logging
import os
import re
import sys
import time
import traceback

ROOT = os.environ["LAMBDA_TASK_ROOT"]
HERE = __file__
IS_JSON = os.environ.get("AWS_LAMBDA_LOG_FORMAT") == "JSON"
current = {"id": None}


class Fault(Exception):
    """A function that cannot be called."""

    def __init__(self, kind, message, trace=()):
        super().__init__(message)
        self.kind, self.trace = kind, list(trace)


class Api:
    """The Runtime API, on one connection."""

    def __init__(self):
        self.connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])

    def call(self, method, what, body=None, headers=None):
        self.connection.request(method, f"/2018-06-01/runtime/{what}", body, headers or {})
        answer = self.connection.getresponse()
        return answer.headers, answer.read()

    def report(self, what, error):
        text = json.dumps(error).encode()
        kind = error["errorType"].encode("ascii", "replace").decode()
        headers = {"Content-Type": "application/json", "Lambda-Runtime-Function-Error-Type": kind}
        self.call("POST", f"{what}/error", text, headers)


class Context:
    """The second argument of a handler."""

    def __init__(self, headers):
        client = headers.get("Lambda-Runtime-Client-Context")
        self.aws_request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        self.invoked_function_arn = headers["Lambda-Runtime-Invoked-Function-Arn"]
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.client_context = Client(json.loads(client)) if client else None
        self.identity = Identity()
        self._deadline = int(headers["Lambda-Runtime-Deadline-Ms"])

    def get_remaining_time_in_millis(self):
        return max(self._deadline - int(time.time() * 1000), 0)

    def log(self, message):
        sys.stdout.write(str(message))


class Identity:
    """Who calls by way of Cognito: nobody here."""

    cognito_identity_id = None
    cognito_identity_pool_id = None


class Client:
    """What a mobile SDK says of itself."""

    def __init__(self, values):
        self.custom = values.get("custom")
        self.env = values.get("env")
        self.client = values.get("client")


class Lines(logging.StreamHandler):
    """Lambda's handler of the root logger. One line is one event of the log, so a message of several lines goes
    out with carriage returns."""

    terminator = ""

    def __init__(self):
        super().__init__(sys.stdout)
        form = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s"
        self.setFormatter(logging.Formatter(form, "%Y-%m-%dT%H:%M:%S"))
        self.formatter.converter = time.gmtime

    def format(self, record):
        record.aws_request_id = current["id"] or ""
        if not IS_JSON:
            return super().format(record).replace("\n", "\r") + "\n"
        line = {
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
            "level": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
            "requestId": current["id"],
        }
        if record.exc_info:
            kind, value, trace = record.exc_info
            line |= {"errorType": kind.__name__, "errorMessage": str(value), "stackTrace": traceback.format_tb(trace)}
        return json.dumps(line, default=str) + "\n"


def find_handler(text):
    """The function that `folder/file.function` names."""
    try:
        place, name = text.rsplit(".", 1)
    except ValueError as error:
        raise Fault("Runtime.MalformedHandlerName", f"Bad handler '{text}': {error}") from None
    try:
        module = importlib.import_module(place.replace("/", "."))
    except ImportError as error:
        message = f"Unable to import module '{place}': {error}"
        raise Fault("Runtime.ImportModuleError", message) from None
    except SyntaxError as error:
        trace = [f'  File "{error.filename}" Line {error.lineno}\n    {error.text}']
        message = f"Syntax error in module '{place}': {error}"
        raise Fault("Runtime.UserCodeSyntaxError", message, trace) from None
    try:
        return getattr(module, name)
    except AttributeError:
        message = f"Handler '{name}' missing on module '{place}'"
        raise Fault("Runtime.HandlerNotFound", message) from None


def shape(error):
    """An error as Lambda answers it, without the frames of this file."""
    if isinstance(error, Fault):
        kind, trace = error.kind, error.trace
    else:
        kind = type(error).__name__
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if frame.filename != HERE and "importlib" not in frame.filename]
        trace = traceback.format_list(own)
    return {"errorMessage": str(error), "errorType": kind, "requestId": current["id"] or "", "stackTrace": trace}


def log_error(error):
    if IS_JSON:
        line = {"timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "log_level": "ERROR"}
        print(json.dumps(line | error), flush=True)
        return
    lines = [f"[ERROR] {error['errorType']}: {error['errorMessage']}", "Traceback (most recent call last):"]
    lines += [line.rstrip("\n") for line in error["stackTrace"]]
    print("\n".join(lines).replace("\n", "\r"), flush=True)


def plain(value):
    if isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def body_of(result):
    try:
        return json.dumps(result, default=plain).encode()
    except (TypeError, ValueError) as error:
        raise Fault("Runtime.MarshalError", f"Unable to marshal response: {error}") from None


class Redirect(importlib.abc.MetaPathFinder):
    """`https://{domainName}/{stage}` is an address of the local cloud here: botocore is changed when it is loaded."""

    HOST = re.compile(r"^https://([a-z0-9]+)\.execute-api\.[a-z0-9-]+\.amazonaws\.com(?=[:/?]|$)(:443)?")

    def __init__(self, cloud):
        self.place = cloud + r"/_aws/execute-api/\1"

    def find_spec(self, name, path, target=None):
        if name != "botocore.httpsession":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        load = spec.loader.exec_module

        def change(module):
            load(module)
            send = module.URLLib3Session.send

            def redirected(session, request):
                request.url = self.HOST.sub(self.place, request.url)
                return send(session, request)

            module.URLLib3Session.send = redirected

        spec.loader.exec_module = change
        return spec


def perform(api, handler, headers, body):
    current["id"] = headers["Lambda-Runtime-Aws-Request-Id"]
    os.environ["_X_AMZN_TRACE_ID"] = headers.get("Lambda-Runtime-Trace-Id", "")
    invocation = f"invocation/{current['id']}"
    try:
        answer = body_of(handler(json.loads(body), Context(headers)))
    except Exception as error:
        told = shape(error)
        log_error(told)
        api.report(invocation, told)
    else:
        api.call("POST", f"{invocation}/response", answer, {"Content-Type": "application/json"})


def main():
    logging.getLogger().addHandler(Lines())
    if IS_JSON:
        logging.getLogger().setLevel(os.environ.get("AWS_LAMBDA_LOG_LEVEL", "INFO"))
    # The folder of this file is not the function's.
    sys.path[0] = ROOT
    sys.meta_path.insert(0, Redirect(sys.argv[1]))
    api = Api()
    try:
        handler = find_handler(os.environ["_HANDLER"])
    except Exception as error:
        told = shape(error)
        log_error(told)
        api.report("init", told)
        sys.exit(1)
    while True:
        headers, body = api.call("GET", "invocation/next")
        perform(api, handler, headers, body)


main()
