"""`--api ID` on an API that boto3 made: what the doctor says is run as it stands, by the AWS CLI."""

import io
import json
import re
import subprocess
import zipfile

import pytest

import cloud

ACCOUNT, REGION = cloud.ACCOUNT, cloud.REGION


def trust(service):
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture(scope="module")
def api():
    """Two functions that may do nothing and may not be called, a route that leads nowhere, limits of 0, no logs."""
    gateway, functions, iam = (cloud.client(name) for name in ("apigatewayv2", "lambda", "iam"))
    made = gateway.create_api(Name="arcade", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.do")
    api = made["ApiId"]
    for name, route in (("any-talk", "$connect"), ("any-watch", "$default")):
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust("lambda.amazonaws.com"))["Role"]["Arn"]
        code = {"ZipFile": zipped("index.mjs", "export const handler = async () => ({statusCode: 200});")}
        cloud.until(lambda: made_function(functions, name, role, code))
        uri = f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/"
        uri += f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}/invocations"
        integration = gateway.create_integration(
            ApiId=api, IntegrationType="AWS_PROXY", IntegrationMethod="POST", IntegrationUri=uri
        )["IntegrationId"]
        gateway.create_route(ApiId=api, RouteKey=route, Target=f"integrations/{integration}")
    settings = {"ThrottlingRateLimit": 0, "ThrottlingBurstLimit": 0}
    gateway.create_stage(ApiId=api, StageName="live", DefaultRouteSettings=settings)
    yield api
    gateway.delete_api(ApiId=api)
    for name in ("any-talk", "any-watch"):
        functions.delete_function(FunctionName=name)


def zipped(name, text):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, text)
    return file.getvalue()


def made_function(functions, name, role, code):
    try:
        return functions.create_function(
            FunctionName=name, Runtime="nodejs22.x", Handler="index.handler", Role=role, Code=code
        )
    except functions.exceptions.InvalidParameterValueException:
        return None


def chatctl(*args):
    return run([str(cloud.CHATCTL), *args, "--endpoint-url", cloud.endpoint()])


def run(command):
    return subprocess.run(command, capture_output=True, text=True, env=cloud.environment(), timeout=120, check=False)


def findings(api):
    said = chatctl("doctor", "--api", api, "--output", "json")
    document = json.loads(said.stdout)
    assert document["healthy"] == (said.returncode == 0)
    return [one for one in document["findings"] if one["verdict"] != "good"]


def test_each_command_of_the_doctor_mends_what_it_stands_for(api):
    found = {one["check"] for one in findings(api)}
    assert found >= {"stage", "throttles", "permission", "function-rights", "account-logging", "execution-log"}
    for _ in range(5):
        for one in findings(api):
            if one["verdict"] == "skipped":
                continue
            assert one["mend"].startswith("aws "), one
            done = run(["sh", "-e", "-c", one["mend"]])
            # One command can mend what two findings stand for.
            assert done.returncode == 0 or re.search("AlreadyExists|ConflictException", done.stderr), (one, done.stderr)
    assert findings(api) == []


def test_status_shows_what_boto3_made(api):
    said = chatctl("status", "--api", api, "--output", "json")
    status = json.loads(said.stdout)
    assert status["name"] == "arcade" and status["apiId"] == api
    assert {one["name"]: one["runtime"] for one in status["functions"]} == {
        "any-talk": "nodejs22.x",
        "any-watch": "nodejs22.x",
    }
    assert [one["key"] for one in status["routes"]] == ["$connect", "$default"]
    text = chatctl("status", "--api", api)
    assert text.returncode == 0 and "arcade" in text.stdout, text
