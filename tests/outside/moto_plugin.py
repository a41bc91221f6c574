"""A pytest plugin: moto's own tests in server mode, with the local cloud as the server.

What differs between the two and is not what a case is about is bridged here: a reset is a new, empty
cloud; the account is 000000000000; there is one region; HTTP APIs become WebSocket APIs; placeholders
where AWS wants a trust policy or a path become real ones; code from S3 comes along as a zip. What a case
comes to is written as one JSON line to the file that CHATCTL_MOTO_REPORT names.
"""

import io
import json
import os
import urllib.parse

import botocore.awsrequest
import botocore.session
import pytest

import cloud

CLOUD = {}
REGION = os.environ.get("CHATCTL_MOTO_REGION", cloud.REGION)

TRUST = {
    "Version": "2012-10-17",
    "Statement": {
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": "sts:AssumeRole",
    },
}


def real_role(params, **_more):
    """Many cases put words where AWS takes a policy or a path only."""
    text = params.get("AssumeRolePolicyDocument")
    if isinstance(text, str) and not text.strip().startswith("{") or text == "{}":
        params["AssumeRolePolicyDocument"] = json.dumps(TRUST)
    path = params.get("Path")
    if path and not path.startswith("/"):
        params["Path"] = f"/{path}/"
    return params


def web_socket(params, **_more):
    if params.get("ProtocolType") == "HTTP":
        params["ProtocolType"] = "WEBSOCKET"
        params.setdefault("RouteSelectionExpression", "$request.body.action")
    return params


def with_uri(params, **_more):
    if params.get("IntegrationType") != "MOCK":
        params.setdefault("IntegrationUri", "https://example.org")
    return params


def our_arn(params, **_more):
    parts = params["ResourceArn"].split(":")
    params["ResourceArn"] = ":".join([*parts[:3], REGION, *parts[4:]])
    return params


OBJECTS = {}


class Raw(io.BytesIO):
    """What botocore reads an answer's body from."""

    def stream(self, *_more, **_settings):
        yield self.read()


def store(request, **_more):
    """S3 is not here: buckets and objects of these cases live in this process."""
    place = urllib.parse.urlsplit(request.url).path.strip("/")
    if request.method == "PUT" and "/" in place:
        body = request.body
        OBJECTS[place] = body.read() if hasattr(body, "read") else body
    return botocore.awsrequest.AWSResponse(request.url, 200, {}, Raw())


def along(params, **_more):
    """Code from S3 comes along as a zip."""
    code = params.get("Code", params)
    place = f"{code.get('S3Bucket')}/{code.get('S3Key')}"
    if place in OBJECTS:
        code["ZipFile"] = OBJECTS[place]
        for member in ("S3Bucket", "S3Key", "S3ObjectVersion"):
            code.pop(member, None)
    return params



def restart():
    """Begins with an empty cloud, in which changes propagate at once."""
    if CLOUD and not cloud.control("GET", "calls"):
        return
    if CLOUD:
        cloud.stop(CLOUD["process"])
    CLOUD["process"] = cloud.start(int(os.environ["CHATCTL_MOTO_PORT"]), "--region", REGION)
    cloud.control("PATCH", "weather", {"propagationMillis": 0, "controlPlane": {"tagLockMillis": 0, "lateLogMillis": 0}})


def pytest_configure():
    import moto.core
    import moto.core.models
    import tests

    restart()
    moto.core.DEFAULT_ACCOUNT_ID = cloud.ACCOUNT
    moto.core.models.DEFAULT_ACCOUNT_ID = cloud.ACCOUNT
    tests.DEFAULT_ACCOUNT_ID = cloud.ACCOUNT
    moto.core.models.ServerModeMockAWS.reset = lambda _self: restart()
    create = botocore.session.Session.create_client

    def in_our_region(self, service_name, region_name=None, *more, **settings):
        client = create(self, service_name, REGION, *more, **settings)
        events = client.meta.events
        if service_name == "iam":
            events.register("provide-client-params.iam.CreateRole", real_role)
        if service_name == "s3":
            events.register("before-send.s3", store)
        if service_name == "lambda":
            for operation in ("CreateFunction", "UpdateFunctionCode"):
                events.register(f"provide-client-params.lambda.{operation}", along)
        if service_name == "apigatewayv2":
            events.register("provide-client-params.apigatewayv2.CreateApi", web_socket)
            events.register("provide-client-params.apigatewayv2.CreateIntegration", with_uri)
            for operation in ("TagResource", "UntagResource", "GetTags"):
                events.register(f"provide-client-params.apigatewayv2.{operation}", our_arn)
        return client

    botocore.session.Session.create_client = in_our_region


def pytest_unconfigure():
    if CLOUD:
        cloud.stop(CLOUD.pop("process"))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.when != "call" and report.passed:
        return
    words = "" if call.excinfo is None else str(call.excinfo.value)
    kind = report.outcome
    signs = ("NotImplemented", "is not part of the local cloud", "assert 501 ==")
    if report.failed and any(sign in words for sign in signs):
        kind = "outside"
    line = {"case": item.nodeid, "outcome": kind, "words": words[:300]}
    with open(os.environ["CHATCTL_MOTO_REPORT"], "a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
