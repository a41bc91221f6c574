"""Every operation of the local cloud, driven by programs that others wrote.

Which operations there are says the cloud itself (`/_chatctl/operations`, the table that its router asks
before it lets a request through), and what was called it says too (`/_chatctl/calls`). The files
`test_cloud_*.py` do the driving; this one looks whether they left anything out: an operation, a
paginator or a waiter of botocore. It runs after them, and runs by itself those that this run leaves out.
"""

import json
import os
import pathlib
import subprocess
import sys
import uuid

import botocore.session
import pytest
from botocore.exceptions import DataNotFoundError, UnknownServiceError
from websockets.sync.client import connect

import cloud
from cloud import ACCOUNT, REGION, client, control, turn
from test_cloud_lambda import TRUST, package

HERE = pathlib.Path(__file__).resolve().parent
# What the AWS CLI drives at the least, in those files and below. It shares its models with boto3, so what
# it proves is that it finds the cloud, signs, and prints what it gets.
BY_CLI = {
    "apigateway": {"GetAccount", "GetRestApis"},
    "apigatewayv2": {"CreateApi", "CreateRoute", "GetApis", "GetRoutes", "DeleteApi"},
    "dynamodb": {"CreateTable", "DescribeTable", "ListTables", "PutItem", "Scan", "DeleteTable"},
    "iam": {"CreateRole", "ListPolicies", "ListRoles", "DeleteRole"},
    "lambda": {"GetAccountSettings", "Invoke", "ListFunctions"},
    "logs": {"DescribeLogGroups"},
    "sts": {"GetCallerIdentity"},
}
POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "logs:*", "Resource": "*"}],
}


def present():
    """The operations by service, as the cloud lists them. `@connections` calls are not listed as calls."""
    return {service: set(names) for service, names in control("GET", "operations").items()}


@pytest.fixture(scope="module")
def calls(request):
    """What was called with success by the files `test_cloud_*.py`."""
    ran = {pathlib.Path(item.path).name for item in request.session.items}
    left = sorted(file for file in HERE.glob("test_cloud_*.py") if file.name not in ran)
    if left:
        environment = os.environ | {"CHATCTL_ENDPOINT": cloud.endpoint()}
        pytest_ = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        done = subprocess.run(
            [*pytest_, *map(str, left)], env=environment, cwd=HERE, capture_output=True, text=True,
            timeout=900, check=False,
        )
        assert done.returncode == 0, done.stdout
    return successes()


def successes():
    """What was called with success so far, as (client, service, operation)."""
    return {
        (call["agent"], call["service"], call["operation"])
        for call in control("GET", "calls")
        if call["status"] is not None and call["status"] < 300
    }


def test_boto3_drives_every_operation(calls):
    left_out = {
        service: sorted(name for name in names if ("Boto3", service, name) not in calls)
        for service, names in present().items()
        if service != "execute-api"
    }
    assert not any(left_out.values()), left_out


def test_the_aws_cli_drives_each_service(calls):
    for words in (
        "apigateway get-account",
        "apigateway get-rest-apis",
        "dynamodb list-tables",
        "iam list-policies --scope Local",
        "lambda get-account-settings",
        "lambda list-functions",
        "logs describe-log-groups",
    ):
        assert cloud.aws(*words.split()), words
    calls = calls | successes()
    for service, names in BY_CLI.items():
        left_out = [name for name in names if ("aws-cli", service, name) not in calls]
        assert not left_out, f"{service}: {left_out}"


def test_an_operation_outside_the_list_is_501_and_named():
    """All that botocore knows of two services and the list does not have."""
    for service in ("lambda", "apigatewayv2"):
        model = botocore.session.get_session().get_service_model(service)
        table = (HERE.parents[1] / "crates/local-cloud/src/operations.txt").read_text(encoding="utf-8")
        known = {line.split()[2] for line in table.splitlines() if line[:1] in "+-" and f" {service} " in line}
        assert known == set(model.operation_names), f"{service}: the table and botocore differ"
    code, words = cloud.refused(client("lambda").list_layers)
    assert (code, words) == ("NotImplemented", "lambda ListLayers is not part of the local cloud")
    code, words = cloud.refused(client("iam").list_users)
    assert (code, words) == ("NotImplemented", "iam ListUsers is not part of the local cloud")


def test_a_service_that_is_not_here_is_named_in_its_own_protocol(tmp_path):
    """Query, EC2's own, JSON, REST with XML, REST with JSON; S3, also with more than a request may be long elsewhere."""
    asked = {
        "cloudformation DescribeStacks": client("cloudformation").describe_stacks,
        "ec2 DescribeRegions": client("ec2").describe_regions,
        "ssm GetParametersByPath": lambda: client("ssm").get_parameters_by_path(Path="/"),
        "dynamodb ListStreams": client("dynamodbstreams").list_streams,
        "monitoring ListMetrics": client("cloudwatch").list_metrics,
        "cloudfront GET /2020-05-31/distribution": client("cloudfront").list_distributions,
        "eks GET /clusters": client("eks").list_clusters,
        "s3 GET /": client("s3").list_buckets,
        "s3 PUT /b/k": lambda: client("s3").put_object(Bucket="b", Key="k", Body=b"x" * (3 << 20)),
    }
    for name, call in asked.items():
        code, words = cloud.refused(call)
        assert code in ("NotImplemented", "501"), name
        assert name.startswith("monitoring") or words == f"{name} is not part of the local cloud", words
    with pytest.raises(AssertionError, match="cloudformation ListStacks is not part of the local cloud"):
        cloud.aws("cloudformation", "list-stacks")


def test_boto3_drives_the_connections(gateway):
    """`@connections`, against a socket that is open."""
    api = gateway.create_api(
        Name="open", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action"
    )["ApiId"]
    gateway.create_route(ApiId=api, RouteKey="never")
    gateway.create_deployment(ApiId=api)
    deployment = gateway.get_deployments(ApiId=api)["Items"][0]["DeploymentId"]
    gateway.create_stage(ApiId=api, StageName="s", DeploymentId=deployment)
    place = f"/_aws/execute-api/{api}/s"
    manage = client("apigatewaymanagementapi", endpoint_url=cloud.endpoint() + place)
    with connect(cloud.endpoint().replace("http", "ws") + place) as socket:
        # A message that no route takes is answered with the connection's id.
        socket.send("{}")
        mine = {"ConnectionId": json.loads(socket.recv(timeout=30))["connectionId"]}
        did = {
            "PostToConnection": manage.post_to_connection(**mine, Data=b"hello"),
            "GetConnection": manage.get_connection(**mine),
            "DeleteConnection": manage.delete_connection(**mine),
        }
        assert socket.recv(timeout=30) == "hello"
    assert set(did) == present()["execute-api"]
    assert did["GetConnection"]["ConnectedAt"].year >= 2020
    gateway.delete_api(ApiId=api)


def models(kind):
    """What botocore has of that kind for our operations, as (service, name, model)."""
    loader = botocore.session.get_session().get_component("data_loader")
    for service, names in present().items():
        service = "apigatewaymanagementapi" if service == "execute-api" else service
        try:
            model = loader.load_service_model(service, f"{kind}s-1" if kind == "paginator" else f"{kind}s-2")
        except (DataNotFoundError, UnknownServiceError):
            continue
        if kind == "paginator":
            yield from ((service, name, one) for name, one in model["pagination"].items() if name in names)
        else:
            yield from (
                (service, name, one)
                for name, one in model["waiters"].items()
                if one["operation"] in names
            )


@pytest.fixture(scope="module")
def gateway():
    return client("apigatewayv2")


@pytest.fixture(scope="module")
def world(gateway):
    """Two of everything that can be listed; how each list is asked for."""
    name = f"w-{uuid.uuid4().hex[:8]}"
    iam, functions, db, logs = (client(service) for service in ("iam", "lambda", "dynamodb", "logs"))
    roles = [f"{name}-{i}" for i in range(2)]
    tags = [{"Key": key, "Value": key} for key in "ab"]
    for role in roles:
        iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(TRUST), Tags=tags)
    policies = [
        iam.create_policy(PolicyName=f"{name}-{i}", PolicyDocument=json.dumps(POLICY), Tags=tags)["Policy"]["Arn"]
        for i in range(2)
    ]
    for policy in policies:
        iam.put_role_policy(RoleName=roles[0], PolicyName=policy[-1], PolicyDocument=json.dumps(POLICY))
        iam.attach_role_policy(RoleName=roles[0], PolicyArn=policy)
    turn(60)
    for i in range(2):
        functions.create_function(
            FunctionName=f"{name}-{i}", Role=f"arn:aws:iam::{ACCOUNT}:role/{roles[0]}", Publish=True,
            Runtime="provided.al2023", Handler="bootstrap", Code={"ZipFile": package()},
        )
        db.create_table(
            TableName=f"{name}-{i}", BillingMode="PAY_PER_REQUEST", Tags=tags,
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk")],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        )
        functions.create_alias(FunctionName=f"{name}-0", Name=f"alias-{i}", FunctionVersion="1")
        logs.create_log_group(logGroupName=f"/{name}/{i}")
        logs.create_log_stream(logGroupName=f"/{name}/0", logStreamName=str(i))
    turn(60)
    for i in "01":
        db.put_item(TableName=f"{name}-0", Item={"pk": {"S": "p"}, "sk": {"S": i}})
    now = int(control("GET", "clock")["nowMillis"])
    events = [{"timestamp": now, "message": text} for text in "ab"]
    logs.put_log_events(logGroupName=f"/{name}/0", logStreamName="0", logEvents=events)
    turn(60)
    apis = [
        gateway.create_api(Name=name, ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.a")["ApiId"]
        for _ in range(2)
    ]
    api = {"ApiId": apis[0]}
    integrations = [
        gateway.create_integration(**api, IntegrationType="MOCK")["IntegrationId"] for _ in range(2)
    ]
    routes = [gateway.create_route(**api, RouteKey=key)["RouteId"] for key in ("one", "two")]
    for key in ("$default", "/200/"):
        gateway.create_integration_response(
            **api, IntegrationId=integrations[0], IntegrationResponseKey=key
        )
    gateway.create_route_response(**api, RouteId=routes[0], RouteResponseKey="$default")
    for stage in ("s", "t"):
        deployment = gateway.create_deployment(**api)["DeploymentId"]
        gateway.create_stage(**api, StageName=stage, DeploymentId=deployment)
        turn(6)
    role, policy = {"RoleName": roles[0]}, {"PolicyArn": policies[0]}
    yield {
        "name": name,
        "apigateway": {"GetRestApis": {}},
        "apigatewayv2": {
            "GetApis": {},
            "GetAuthorizers": api,
            "GetDeployments": api,
            "GetIntegrationResponses": {**api, "IntegrationId": integrations[0]},
            "GetIntegrations": api,
            "GetRouteResponses": {**api, "RouteId": routes[0]},
            "GetRoutes": api,
            "GetStages": api,
        },
        "dynamodb": {
            "ListTables": {},
            "ListTagsOfResource": {"ResourceArn": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}-0"},
            "Query": {
                "TableName": f"{name}-0",
                "KeyConditionExpression": "pk = :p",
                "ExpressionAttributeValues": {":p": {"S": "p"}},
            },
            "Scan": {"TableName": f"{name}-0"},
        },
        "iam": {
            "ListAttachedRolePolicies": role,
            "ListInstanceProfilesForRole": role,
            "ListPolicies": {"Scope": "All"},
            "ListPolicyTags": policy,
            "ListPolicyVersions": policy,
            "ListRolePolicies": role,
            "ListRoleTags": role,
            "ListRoles": {},
        },
        "lambda": {
            "ListAliases": {"FunctionName": f"{name}-0"},
            "ListFunctions": {},
            "ListVersionsByFunction": {"FunctionName": f"{name}-0"},
        },
        "logs": {
            "DescribeLogGroups": {"logGroupNamePrefix": f"/{name}/"},
            "DescribeLogStreams": {"logGroupName": f"/{name}/0"},
            "FilterLogEvents": {"logGroupName": f"/{name}/0"},
        },
    }
    for one in apis:
        gateway.delete_api(ApiId=one)
    for i in range(2):
        functions.delete_function(FunctionName=f"{name}-{i}")
        db.delete_table(TableName=f"{name}-{i}")
        logs.delete_log_group(logGroupName=f"/{name}/{i}")


# Lists of which there is never more than one item, or none.
SHORT = {"GetRestApis", "ListInstanceProfilesForRole", "ListPolicyVersions", "GetAuthorizers", "GetRouteResponses"}


def test_every_paginator_finds_everything_once(world):
    wanted = {service: dict(operations) for service, operations in world.items() if service != "name"}
    for service, name, model in models("paginator"):
        asked = wanted[service].pop(name)
        found = client(service).get_paginator(botocore.xform_name(name))
        keys = model["result_key"]
        keys = keys if isinstance(keys, list) else [keys]
        # One item a page where the caller may choose, else what the service puts on a page.
        size = {"PaginationConfig": {"PageSize": 1}} if "limit_key" in model else {}
        pages = list(found.paginate(**asked, **size))
        items = [json.dumps(item, default=str) for page in pages for key in keys for item in items_of(page, key)]
        assert len(items) == len(set(items)), f"{service} {name} shows something twice"
        if name not in SHORT:
            assert len(items) >= 2, f"{service} {name}: {items}"
            if size:
                assert len(pages) >= 2, f"{service} {name} has one page only"
    assert not any(wanted.values()), f"botocore has no paginators for {wanted}"


def items_of(page, key):
    found = page.get(key) or []
    return found if isinstance(found, list) else []


def test_every_waiter_sees_what_it_waits_for(world):
    name = world["name"]
    functions = {"FunctionName": f"{name}-0"}
    asked = {
        ("dynamodb", "TableExists"): {"TableName": f"{name}-0"},
        ("dynamodb", "TableNotExists"): {"TableName": f"{name}-none"},
        ("iam", "PolicyExists"): {"PolicyArn": f"arn:aws:iam::{ACCOUNT}:policy/{name}-0"},
        ("iam", "RoleExists"): {"RoleName": f"{name}-0"},
        ("lambda", "FunctionActive"): functions,
        ("lambda", "FunctionActiveV2"): functions,
        ("lambda", "FunctionExists"): functions,
        ("lambda", "FunctionUpdated"): functions,
        ("lambda", "FunctionUpdatedV2"): functions,
        ("lambda", "PublishedVersionActive"): {**functions, "Qualifier": "1"},
    }
    for service, waiter, _model in models("waiter"):
        wait = client(service).get_waiter(botocore.xform_name(waiter))
        wait.wait(**asked.pop((service, waiter)), WaiterConfig={"Delay": 1, "MaxAttempts": 20})
    assert not asked, f"botocore has no waiters for {asked}"
