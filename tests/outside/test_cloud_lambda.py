"""Lambda and @connections of the local cloud, by boto3: waiters, paginators, and errors as classes."""

import base64
import io
import json
import uuid
import zipfile

import boto3
import botocore.exceptions
import pytest

from cloud import ACCOUNT, client, turn

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}
BASIC = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
# A whole runtime in a shell with nothing but bash: it answers with the event's "say".
BOOTSTRAP = r"""#!/bin/bash
host=${AWS_LAMBDA_RUNTIME_API%:*} port=${AWS_LAMBDA_RUNTIME_API#*:}
ask() { exec 3<>/dev/tcp/$host/$port; printf "$@" >&3; answer=$(tr -d '\r' <&3); exec 3>&-; }
while true; do
  ask 'GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n'
  id=$(sed -n 's/^lambda-runtime-aws-request-id: //p' <<<"$answer")
  body=$(tail -n 1 <<<"$answer")
  echo "got $body"
  ask 'POST /2018-06-01/runtime/invocation/%s/response HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%s' "$id" "${#body}" "$body"
done
"""


def package(text=BOOTSTRAP):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = 0o755 << 16
        archive.writestr(entry, text)
    return data.getvalue()


@pytest.fixture
def functions():
    return client("lambda")


@pytest.fixture
def name(functions):
    name = f"f-{uuid.uuid4().hex[:12]}"
    iam = client("iam")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
    iam.attach_role_policy(RoleName=name, PolicyArn=BASIC)
    turn(seconds=60)
    made = create(functions, name)
    assert made["State"] == "Pending" and "LastUpdateStatus" not in made
    functions.get_waiter("function_active_v2").wait(FunctionName=name)
    return name


def create(functions, name):
    return functions.create_function(
        FunctionName=name,
        Role=f"arn:aws:iam::{ACCOUNT}:role/{name}",
        Runtime="provided.al2023",
        Handler="bootstrap",
        Code={"ZipFile": package()},
        Tags={"a": "1"},
    )


def test_a_function_answers_and_its_tail_comes_along(functions, name):
    answer = functions.invoke(FunctionName=name, LogType="Tail", Payload=b'{"say":"hi"}')
    assert json.load(answer["Payload"]) == {"say": "hi"}
    assert answer["ExecutedVersion"] == "$LATEST" and "FunctionError" not in answer
    tail = base64.b64decode(answer["LogResult"]).decode()
    assert 'got {"say":"hi"}' in tail and "REPORT RequestId: " in tail


def test_configuration_policy_tags_and_concurrency_read_back(functions, name):
    found = functions.get_function(FunctionName=name)
    arn = found["Configuration"]["FunctionArn"]
    assert found["Tags"] == {"a": "1"} and found["Code"]["Location"]
    functions.update_function_configuration(
        FunctionName=name, Timeout=7, Environment={"Variables": {"WORD": "x"}}
    )
    functions.get_waiter("function_updated_v2").wait(FunctionName=name)
    configuration = functions.get_function_configuration(FunctionName=name)
    assert configuration["Timeout"] == 7
    assert configuration["Environment"]["Variables"] == {"WORD": "x"}
    functions.add_permission(
        FunctionName=name,
        StatementId="api",
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
        SourceArn=f"arn:aws:execute-api:us-east-1:{ACCOUNT}:abc/*/*",
    )
    policy = json.loads(functions.get_policy(FunctionName=arn)["Policy"])
    assert policy["Statement"][0]["Condition"]["ArnLike"]["AWS:SourceArn"].endswith("abc/*/*")
    functions.remove_permission(FunctionName=name, StatementId="api")
    with pytest.raises(functions.exceptions.ResourceNotFoundException):
        functions.get_policy(FunctionName=name)
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=5)
    assert functions.get_function_concurrency(FunctionName=name) | {"ResponseMetadata": 0} == {
        "ReservedConcurrentExecutions": 5,
        "ResponseMetadata": 0,
    }
    limits = functions.get_account_settings()["AccountLimit"]
    assert limits["ConcurrentExecutions"] - limits["UnreservedConcurrentExecutions"] >= 5
    functions.delete_function_concurrency(FunctionName=name)
    assert "ReservedConcurrentExecutions" not in functions.get_function_concurrency(FunctionName=name)
    functions.tag_resource(Resource=arn, Tags={"b": "2"})
    functions.untag_resource(Resource=arn, TagKeys=["a"])
    assert functions.list_tags(Resource=arn)["Tags"] == {"b": "2"}


def test_versions_lists_and_deletion(functions, name):
    assert functions.publish_version(FunctionName=name)["Version"] == "1"
    pages = functions.get_paginator("list_versions_by_function").paginate(FunctionName=name)
    assert [v["Version"] for page in pages for v in page["Versions"]] == ["$LATEST", "1"]
    pages = functions.get_paginator("list_functions").paginate(PaginationConfig={"PageSize": 1})
    assert name in [f["FunctionName"] for page in pages for f in page["Functions"]]
    with pytest.raises(functions.exceptions.ResourceConflictException):
        create(functions, name)
    functions.delete_function(FunctionName=name)
    with pytest.raises(functions.exceptions.ResourceNotFoundException):
        functions.get_function(FunctionName=name)


def test_an_alias_leads_to_a_version_and_can_be_moved(functions, name):
    functions.publish_version(FunctionName=name)
    alias = {"FunctionName": name, "Name": "live"}
    made = functions.create_alias(**alias, FunctionVersion="1", Description="live")
    assert made["AliasArn"].endswith(f":function:{name}:live")
    answer = functions.invoke(FunctionName=made["AliasArn"], LogType="Tail", Payload=b"{}")
    assert answer["ExecutedVersion"] == "1" and "REPORT" in base64.b64decode(answer["LogResult"]).decode()
    functions.update_function_configuration(FunctionName=name, Description="second")
    functions.get_waiter("function_updated_v2").wait(FunctionName=name)
    assert functions.publish_version(FunctionName=name)["Version"] == "2"
    functions.get_waiter("published_version_active").wait(FunctionName=name, Qualifier="2")
    functions.update_alias(**alias, FunctionVersion="2", RevisionId=made["RevisionId"])
    assert functions.get_alias(**alias)["FunctionVersion"] == "2"
    assert functions.invoke(FunctionName=name, Qualifier="live", Payload=b"{}")["ExecutedVersion"] == "2"
    assert functions.get_function(FunctionName=name, Qualifier="live")["Configuration"]["Version"] == "2"
    pages = functions.get_paginator("list_aliases").paginate(FunctionName=name, FunctionVersion="2")
    assert [one["Name"] for page in pages for one in page["Aliases"]] == ["live"]
    with pytest.raises(functions.exceptions.ResourceConflictException):
        functions.delete_function(FunctionName=name, Qualifier="2")
    with pytest.raises(functions.exceptions.PreconditionFailedException):
        functions.update_alias(**alias, RevisionId=made["RevisionId"])
    functions.delete_alias(**alias)
    with pytest.raises(functions.exceptions.ResourceNotFoundException):
        functions.get_alias(**alias)


def test_connections_of_an_unknown_stage_are_forbidden():
    endpoint = client("lambda").meta.endpoint_url
    manage = boto3.client(
        "apigatewaymanagementapi",
        endpoint_url=f"{endpoint}/_aws/execute-api/nothing/production",
        region_name="us-east-1",
        aws_access_key_id="AKID",
        aws_secret_access_key="secret",
    )
    with pytest.raises(botocore.exceptions.ClientError) as refusal:
        manage.post_to_connection(ConnectionId="gbgBH8-ydQAYKEjZQA==", Data=b"x")
    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    with pytest.raises(botocore.exceptions.ClientError) as refusal:
        manage.post_to_connection(ConnectionId="nonsense", Data=b"x")
    assert refusal.value.response["Error"]["Code"] == "BadRequestException"
