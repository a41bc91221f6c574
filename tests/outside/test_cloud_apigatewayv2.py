"""API Gateway v2 and the account settings of v1, by boto3 and the AWS CLI."""

import json
import uuid

import pytest

from cloud import ACCOUNT, REGION, aws, client, refused, turn

URI = (
    f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/"
    f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:chat/invocations"
)
PUSH = "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"


@pytest.fixture
def gateway():
    return client("apigatewayv2")


@pytest.fixture
def api(gateway):
    made = gateway.create_api(
        Name="chat", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action"
    )
    yield made["ApiId"]
    gateway.delete_api(ApiId=made["ApiId"])


@pytest.fixture
def integration(gateway, api):
    return gateway.create_integration(
        ApiId=api, IntegrationType="AWS_PROXY", IntegrationMethod="POST", IntegrationUri=URI
    )["IntegrationId"]


def items(gateway, operation, **more):
    """All items of a list, by hand, because botocore has paginators for some lists only."""
    found, token = [], None
    while True:
        page = getattr(gateway, operation)(**more, **({"NextToken": token} if token else {}))
        found += page["Items"]
        token = page.get("NextToken")
        if not token:
            return found


def test_api_life(gateway, api):
    read = gateway.get_api(ApiId=api)
    assert read["ApiEndpoint"].startswith("ws://127.0.0.1:")
    assert read["ApiKeySelectionExpression"] == "$request.header.x-api-key"
    assert read["DisableExecuteApiEndpoint"] is False
    assert read["CreatedDate"].year >= 2020
    assert gateway.update_api(ApiId=api, Description="d", Name="n")["Description"] == "d"
    assert refused(gateway.get_api, ApiId="nowhere") == (
        "NotFoundException",
        f"Invalid API identifier specified {ACCOUNT}:nowhere",
    )
    assert refused(gateway.create_api, Name="x", ProtocolType="WEBSOCKET")[0] == "BadRequestException"


def test_paginators(gateway, api, integration):
    extra = [
        gateway.create_api(Name="p", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.a")["ApiId"]
        for _ in range(5)
    ]
    pages = gateway.get_paginator("get_apis").paginate(PaginationConfig={"PageSize": 2})
    found = [one["ApiId"] for page in pages for one in page["Items"]]
    assert set(extra) <= set(found) and len(found) == len(set(found))
    for one in extra:
        gateway.delete_api(ApiId=one)
    for i in range(28):
        gateway.create_route(ApiId=api, RouteKey=f"k{i}")
    pages = list(gateway.get_paginator("get_routes").paginate(ApiId=api))
    assert [len(page["Items"]) for page in pages] == [25, 3]
    for name in ["get_integrations", "get_deployments", "get_stages"]:
        list(gateway.get_paginator(name).paginate(ApiId=api))
    assert refused(gateway.get_routes, ApiId=api, MaxResults="0")[0] == "BadRequestException"


def test_routes_and_responses(gateway, api, integration):
    target = f"integrations/{integration}"
    route = gateway.create_route(ApiId=api, RouteKey="$connect", Target=target)
    assert route["AuthorizationType"] == "NONE" and route["ApiKeyRequired"] is False
    assert refused(gateway.create_route, ApiId=api, RouteKey="$connect") == (
        "ConflictException",
        "Route with key $connect already exists for this API",
    )
    assert refused(gateway.create_route, ApiId=api, RouteKey="$mine")[0] == "BadRequestException"
    words = refused(gateway.create_route, ApiId=api, RouteKey="a", AuthorizationType="AWS_IAM")[1]
    assert words == "Currently, authorization is restricted to the $connect route only"
    assert refused(gateway.create_route, ApiId=api, RouteKey="a", Target="integrations/none")[0] == "NotFoundException"
    route_id = route["RouteId"]
    updated = gateway.update_route(ApiId=api, RouteId=route_id, OperationName="hello")
    assert updated["OperationName"] == "hello" and updated["Target"] == target
    assert gateway.get_route(ApiId=api, RouteId=route_id)["OperationName"] == "hello"
    response = gateway.create_route_response(ApiId=api, RouteId=route_id, RouteResponseKey="$default")
    response_id = response["RouteResponseId"]
    where = {"ApiId": api, "RouteId": route_id}
    assert items(gateway, "get_route_responses", **where)[0]["RouteResponseKey"] == "$default"
    gateway.update_route_response(**where, RouteResponseId=response_id, ModelSelectionExpression="$default")
    read = gateway.get_route_response(**where, RouteResponseId=response_id)
    assert read["ModelSelectionExpression"] == "$default"
    assert refused(gateway.create_route_response, **where, RouteResponseKey="other")[0] == "BadRequestException"
    gateway.delete_route_response(**where, RouteResponseId=response_id)
    words = refused(gateway.delete_integration, ApiId=api, IntegrationId=integration)[1]
    assert words == (
        f"Cannot delete Integration because it is referenced by the following Routes with Ids: [{route_id}]"
    )
    gateway.delete_route(**where)
    gateway.delete_integration(ApiId=api, IntegrationId=integration)
    assert refused(gateway.get_route, **where)[0] == "NotFoundException"


def test_integrations(gateway, api, integration):
    read = gateway.get_integration(ApiId=api, IntegrationId=integration)
    assert (read["TimeoutInMillis"], read["ConnectionType"]) == (29000, "INTERNET")
    gateway.update_integration(ApiId=api, IntegrationId=integration, TimeoutInMillis=50)
    assert refused(gateway.update_integration, ApiId=api, IntegrationId=integration, TimeoutInMillis=30000) == (
        "BadRequestException",
        "Timeout should be between 50 ms and 29000 ms",
    )
    bare = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:chat"
    assert refused(
        gateway.create_integration, ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=bare
    ) == ("BadRequestException", "Invalid ARN specified in the request")
    where = {"ApiId": api, "IntegrationId": integration}
    made = gateway.create_integration_response(**where, IntegrationResponseKey="$default")
    assert items(gateway, "get_integration_responses", **where) == [
        {k: v for k, v in made.items() if k != "ResponseMetadata"}
    ]
    response = {**where, "IntegrationResponseId": made["IntegrationResponseId"]}
    gateway.update_integration_response(**response, ResponseTemplates={"$default": "{}"})
    assert gateway.get_integration_response(**response)["ResponseTemplates"] == {"$default": "{}"}
    gateway.delete_integration_response(**response)
    assert refused(gateway.get_integration_response, **response)[0] == "NotFoundException"


def test_authorizers(gateway, api):
    asked = {"ApiId": api, "Name": "a", "AuthorizerType": "REQUEST", "IdentitySource": ["route.request.header.auth"]}
    made = gateway.create_authorizer(**asked, AuthorizerUri=URI)
    where = {"ApiId": api, "AuthorizerId": made["AuthorizerId"]}
    assert gateway.get_authorizer(**where)["Name"] == "a"
    assert gateway.update_authorizer(**where, Name="b")["Name"] == "b"
    assert [one["Name"] for one in gateway.get_authorizers(ApiId=api)["Items"]] == ["b"]
    gateway.delete_authorizer(**where)
    assert refused(gateway.get_authorizer, **where)[0] == "NotFoundException"


def test_deployments_and_stages(gateway, api, integration):
    assert refused(gateway.create_deployment, ApiId=api) == (
        "BadRequestException",
        "At least one route is required before deploying the Api",
    )
    gateway.create_route(ApiId=api, RouteKey="$connect", Target=f"integrations/{integration}")
    made = gateway.create_deployment(ApiId=api, Description="one")
    assert made["DeploymentStatus"] == "DEPLOYED" and made["AutoDeployed"] is False
    one = made["DeploymentId"]
    stage = gateway.create_stage(ApiId=api, StageName="production", DeploymentId=one, Tags={"a": "1"})
    assert stage["DefaultRouteSettings"] == {
        "DataTraceEnabled": False,
        "DetailedMetricsEnabled": False,
        "LoggingLevel": "OFF",
    }
    assert (stage["RouteSettings"], stage["StageVariables"], stage["Tags"]) == ({}, {}, {"a": "1"})
    assert refused(gateway.create_stage, ApiId=api, StageName="production")[0] == "ConflictException"
    assert refused(gateway.delete_deployment, ApiId=api, DeploymentId=one)[0] == "BadRequestException"
    gateway.update_deployment(ApiId=api, DeploymentId=one, Description="first")
    assert gateway.get_deployment(ApiId=api, DeploymentId=one)["Description"] == "first"
    two = gateway.create_deployment(ApiId=api, StageName="production")["DeploymentId"]
    assert gateway.get_stage(ApiId=api, StageName="production")["DeploymentId"] == two
    gateway.delete_deployment(ApiId=api, DeploymentId=one)
    settings = {"ThrottlingBurstLimit": 5, "ThrottlingRateLimit": 2.5}
    gateway.update_stage(ApiId=api, StageName="production", RouteSettings={"$connect": settings})
    read = gateway.get_stage(ApiId=api, StageName="production")["RouteSettings"]["$connect"]
    assert (read["ThrottlingBurstLimit"], read["ThrottlingRateLimit"]) == (5, 2.5)
    gateway.delete_route_settings(ApiId=api, StageName="production", RouteKey="$connect")
    assert gateway.get_stage(ApiId=api, StageName="production")["RouteSettings"] == {}
    gateway.delete_stage(ApiId=api, StageName="production")
    assert refused(gateway.get_stage, ApiId=api, StageName="production")[0] == "NotFoundException"


def test_tags(gateway, api):
    arn = f"arn:aws:apigateway:{REGION}::/apis/{api}"
    gateway.tag_resource(ResourceArn=arn, Tags={"a": "1", "b": "2"})
    gateway.untag_resource(ResourceArn=arn, TagKeys=["a"])
    assert gateway.get_tags(ResourceArn=arn)["Tags"] == {"b": "2"}
    stage = gateway.create_stage(ApiId=api, StageName="s")
    assert stage["Tags"] == {}
    gateway.tag_resource(ResourceArn=f"{arn}/stages/s", Tags={"c": "3"})
    assert gateway.get_stage(ApiId=api, StageName="s")["Tags"] == {"c": "3"}


def test_logging_needs_a_working_account_role(gateway, api):
    account, iam, logs = client("apigateway"), client("iam"), client("logs")
    patch = lambda value: account.update_account(
        patchOperations=[{"op": "replace", "path": "/cloudwatchRoleArn", "value": value}]
    )
    patch("")
    level = {"LoggingLevel": "INFO"}
    refusal = "CloudWatch Logs role ARN must be set in account settings to enable logging"
    assert refused(gateway.create_stage, ApiId=api, StageName="s", DefaultRouteSettings=level)[1] == refusal
    name = f"push-{uuid.uuid4().hex[:8]}"
    trust = {
        "Statement": {
            "Effect": "Allow",
            "Principal": {"Service": "apigateway.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    }
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    weak = (
        "The role ARN does not have required permissions configured. Please grant trust permission "
        "for API Gateway and add the required role policy."
    )
    turn(60)
    assert refused(patch, arn) == ("BadRequestException", weak)
    iam.attach_role_policy(RoleName=name, PolicyArn=PUSH)
    turn(60)
    assert patch(arn)["cloudwatchRoleArn"] == arn
    read = account.get_account()
    assert read["throttleSettings"] == {"burstLimit": 5000, "rateLimit": 10000.0}
    assert read["features"] == ["UsagePlans"] and read["apiKeyVersion"] == "4"
    assert account.get_rest_apis()["items"] == []
    assert logs.describe_log_groups(logGroupNamePrefix="/aws/apigateway/welcome")["logGroups"]
    gateway.create_stage(ApiId=api, StageName="s", DefaultRouteSettings=level)
    group = f"/chatctl/{uuid.uuid4().hex[:8]}"
    logs.create_log_group(logGroupName=group)
    destination = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}"
    access = {"DestinationArn": destination, "Format": "$context.requestId"}
    gateway.update_stage(ApiId=api, StageName="s", AccessLogSettings=access)
    assert gateway.get_stage(ApiId=api, StageName="s")["AccessLogSettings"] == access
    gateway.delete_access_log_settings(ApiId=api, StageName="s")
    assert "AccessLogSettings" not in gateway.get_stage(ApiId=api, StageName="s")
    patch("")


def test_the_cli_makes_and_removes_an_api():
    made = aws(
        "apigatewayv2", "create-api", "--name", "cli", "--protocol-type", "WEBSOCKET",
        "--route-selection-expression", "$request.body.action", "--tags", "a=1",
    )
    api = made["ApiId"]
    route = aws("apigatewayv2", "create-route", "--api-id", api, "--route-key", "$default")
    read = aws("apigatewayv2", "get-routes", "--api-id", api)
    assert [one["RouteId"] for one in read["Items"]] == [route["RouteId"]]
    aws("apigatewayv2", "delete-api", "--api-id", api)
    assert api not in [one["ApiId"] for one in aws("apigatewayv2", "get-apis")["Items"]]


def test_an_operation_that_is_not_here_is_501(gateway):
    assert refused(gateway.get_domain_names)[0] == "NotImplemented"
