"""Lambda of the local cloud, by boto3 and the AWS CLI; the function is a Python bootstrap."""

import base64
import hashlib
import io
import json
import sys
import uuid
import zipfile

import pytest

from cloud import ACCOUNT, REGION, aws, client, refused, turn, until

BOOTSTRAP = f"""#!{sys.executable}
import json, os, urllib.request
base = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/"
while True:
    with urllib.request.urlopen(base + "next") as event:
        id, body = event.headers["Lambda-Runtime-Aws-Request-Id"], json.load(event)
    if body.get("fail"):
        answer, path = {{"errorType": "Asked", "errorMessage": "as asked"}}, "/error"
    else:
        answer, path = {{"echo": body, "word": os.environ.get("WORD")}}, "/response"
    urllib.request.urlopen(base + id + path, data=json.dumps(answer).encode()).read()
"""


def package(text=BOOTSTRAP):
    """A zip with an executable bootstrap."""
    info = zipfile.ZipInfo("bootstrap", (1980, 1, 1, 0, 0, 0))
    info.external_attr = 0o100755 << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(info, text)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def role():
    iam, name = client("iam"), f"run-{uuid.uuid4().hex[:8]}"
    trust = {
        "Statement": {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    }
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]
    basic = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    iam.attach_role_policy(RoleName=name, PolicyArn=basic)
    turn(60)
    return made["Arn"]


@pytest.fixture
def functions():
    return client("lambda")


def create(functions, role, **more):
    name = f"f-{uuid.uuid4().hex[:8]}"
    settings = {
        "FunctionName": name,
        "Role": role,
        "Runtime": "provided.al2023",
        "Handler": "bootstrap",
        "Code": {"ZipFile": package()},
        "Timeout": 10,
    }
    functions.create_function(**(settings | more))
    functions.get_waiter("function_active_v2").wait(FunctionName=name)
    return name


@pytest.fixture
def function(functions, role):
    name = create(functions, role)
    yield name
    functions.delete_function(FunctionName=name)


def invoke(functions, name, body):
    answer = functions.invoke(FunctionName=name, Payload=json.dumps(body))
    return answer.get("FunctionError"), json.load(answer["Payload"])


def test_a_function_reads_back(functions, function, role):
    read = functions.get_function(FunctionName=function)
    configuration = read["Configuration"]
    assert configuration["FunctionArn"] == f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}"
    assert configuration["Role"] == role
    assert (configuration["MemorySize"], configuration["State"]) == (128, "Active")
    digest = base64.b64encode(hashlib.sha256(package()).digest()).decode()
    assert configuration["CodeSha256"] == digest
    assert refused(functions.get_function, FunctionName="none")[0] == "ResourceNotFoundException"
    names = [
        one["FunctionName"]
        for page in functions.get_paginator("list_functions").paginate(PaginationConfig={"PageSize": 1})
        for one in page["Functions"]
    ]
    assert function in names and len(names) == len(set(names))
    functions.get_waiter("function_exists").wait(FunctionName=function)


def test_an_unknown_role_cannot_be_assumed(functions):
    code, words = refused(create, functions, f"arn:aws:iam::{ACCOUNT}:role/nobody")
    assert code == "InvalidParameterValueException"
    assert words == "The role defined for the function cannot be assumed by Lambda."


def test_invocations_answer_and_fail(functions, function):
    assert invoke(functions, function, {"a": 1}) == (None, {"echo": {"a": 1}, "word": None})
    error, body = invoke(functions, function, {"fail": True})
    assert error == "Unhandled" and body["errorType"] == "Asked"
    group = f"/aws/lambda/{function}"
    # An invocation is answered before its last lines are written.
    found = lambda: client("logs").filter_log_events(logGroupName=group, filterPattern="REPORT")["events"]
    until(lambda: len(found()) == 2)


def test_updates_take_effect(functions, function):
    functions.update_function_configuration(
        FunctionName=function, Environment={"Variables": {"WORD": "new"}}, MemorySize=256
    )
    functions.get_waiter("function_updated_v2").wait(FunctionName=function)
    assert invoke(functions, function, {})[1]["word"] == "new"
    functions.update_function_code(FunctionName=function, ZipFile=package(BOOTSTRAP.replace("echo", "again")))
    functions.get_waiter("function_updated_v2").wait(FunctionName=function)
    assert "again" in invoke(functions, function, {})[1]
    assert functions.get_function_configuration(FunctionName=function)["MemorySize"] == 256
    code, words = refused(
        functions.update_function_configuration,
        FunctionName=function,
        Environment={"Variables": {"AWS_REGION": "x"}},
    )
    assert code == "InvalidParameterValueException" and "reserved keys" in words


def test_permissions(functions, function):
    given = {
        "FunctionName": function,
        "StatementId": "s3",
        "Action": "lambda:InvokeFunction",
        "Principal": "apigateway.amazonaws.com",
        "SourceArn": f"arn:aws:execute-api:{REGION}:{ACCOUNT}:abc/*/*",
    }
    assert refused(functions.get_policy, FunctionName=function)[0] == "ResourceNotFoundException"
    functions.add_permission(**given)
    assert refused(functions.add_permission, **given) == (
        "ResourceConflictException",
        "The statement id (s3) provided already exists. Please provide a new statement id, or remove the existing statement.",
    )
    statement = json.loads(functions.get_policy(FunctionName=function)["Policy"])["Statement"][0]
    assert statement["Condition"] == {"ArnLike": {"AWS:SourceArn": given["SourceArn"]}}
    functions.remove_permission(FunctionName=function, StatementId="s3")
    assert refused(functions.remove_permission, FunctionName=function, StatementId="s3")[0] == (
        "ResourceNotFoundException"
    )


def test_tags(functions, function):
    arn = functions.get_function(FunctionName=function)["Configuration"]["FunctionArn"]
    functions.tag_resource(Resource=arn, Tags={"a": "1", "b": "2"})
    functions.untag_resource(Resource=arn, TagKeys=["a"])
    assert functions.list_tags(Resource=arn)["Tags"] == {"b": "2"}
    assert functions.get_function(FunctionName=function)["Tags"] == {"b": "2"}


def test_the_cli_invokes(function, tmp_path):
    out = tmp_path / "out.json"
    payload = json.dumps({"by": "cli"})
    answer = aws("lambda", "invoke", "--function-name", function, "--payload", payload, str(out))
    assert answer["StatusCode"] == 200
    assert json.loads(out.read_text())["echo"] == {"by": "cli"}
