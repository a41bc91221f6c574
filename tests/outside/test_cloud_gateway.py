"""The data plane of the local cloud as Python's `websockets` and boto3 see it: who gets in, which frames
come back, how connections end, and integrations without a function.

The function is a few lines of Python behind its own runtime loop, so nothing of ours is on that side.
"""

import http.server
import json
import sys
import threading
import uuid

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from cloud import ACCOUNT, REGION, client, refused, turn, until
from test_cloud_lambda import package

FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function"
TRUST = {
    "Statement": {
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
}
# Answers an authorizer's event by its token, a handshake with the protocol that was asked for, a message
# with its own event, and `boom` with an error.
BOOTSTRAP = f"#!{sys.executable}" + r"""
import json, os, urllib.request
runtime = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation"
def handle(event):
    if event.get("type") == "REQUEST":
        effect = "Allow" if event["queryStringParameters"]["token"] == "good" else "Deny"
        statement = {"Effect": effect, "Action": "execute-api:Invoke", "Resource": event["methodArn"]}
        return {"principalId": "bob", "context": {"level": 7}, "policyDocument": {"Statement": [statement]}}
    if event["requestContext"]["eventType"] == "CONNECT":
        asked = event["headers"].get("Sec-WebSocket-Protocol", "")
        return {"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": asked.split(", ")[-1]} if asked else {}}
    if event.get("body") == "boom":
        raise ValueError("boom")
    return {"statusCode": 200, "body": json.dumps(event)}
while True:
    with urllib.request.urlopen(f"{runtime}/next") as answer:
        id, event = answer.headers["lambda-runtime-aws-request-id"], json.load(answer)
    try:
        path, body = "response", handle(event)
    except Exception as error:
        path, body = "error", {"errorType": type(error).__name__, "errorMessage": str(error)}
    request = urllib.request.Request(f"{runtime}/{id}/{path}", json.dumps(body).encode(), method="POST")
    urllib.request.urlopen(request).close()
"""


class Api:
    """A WebSocket API on the stage `s`, piece by piece."""

    def __init__(self):
        self.gateway = client("apigatewayv2")
        made = self.gateway.create_api(
            Name="outside", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action"
        )
        self.id = made["ApiId"]
        self.url = f"{made['ApiEndpoint']}/s"
        address = self.url.replace("ws://", "http://")
        self.connections = client("apigatewaymanagementapi", endpoint_url=address)

    def integration(self, **more):
        return self.gateway.create_integration(ApiId=self.id, **more)["IntegrationId"]

    def route(self, key, integration, **more):
        made = self.gateway.create_route(
            ApiId=self.id, RouteKey=key, Target=f"integrations/{integration}", **more
        )
        self.gateway.create_route_response(ApiId=self.id, RouteId=made["RouteId"], RouteResponseKey="$default")

    def deploy(self):
        deployment = self.gateway.create_deployment(ApiId=self.id)["DeploymentId"]
        self.gateway.create_stage(ApiId=self.id, StageName="s", DeploymentId=deployment)

    def connect(self, query="", **more):
        return connect(self.url + query, open_timeout=30, proxy=None, **more)


@pytest.fixture(scope="module")
def function():
    """The URI of a function that is there."""
    name = f"gateway-{uuid.uuid4().hex[:8]}"
    role = client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    turn(60)
    functions = client("lambda")
    functions.create_function(
        FunctionName=name,
        Role=role,
        Runtime="provided.al2023",
        Handler="bootstrap",
        Timeout=20,
        Code={"ZipFile": package(BOOTSTRAP)},
    )
    functions.get_waiter("function_active_v2").wait(FunctionName=name)
    functions.add_permission(
        FunctionName=name, StatementId="all", Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com"
    )
    yield f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{FUNCTION}:{name}/invocations"
    functions.delete_function(FunctionName=name)


@pytest.fixture
def api():
    made = Api()
    yield made
    made.gateway.delete_api(ApiId=made.id)


@pytest.fixture
def guarded(api, function):
    """`$connect` behind an authorizer that wants the query's `token`."""
    authorizer = api.gateway.create_authorizer(
        ApiId=api.id,
        Name="guard",
        AuthorizerType="REQUEST",
        AuthorizerUri=function,
        IdentitySource=["route.request.querystring.token"],
    )["AuthorizerId"]
    integration = api.integration(IntegrationType="AWS_PROXY", IntegrationMethod="POST", IntegrationUri=function)
    api.route("$connect", integration, AuthorizationType="CUSTOM", AuthorizerId=authorizer)
    api.route("say", integration)
    api.deploy()
    return api


def turned_away(api, query):
    with pytest.raises(InvalidStatus) as caught, api.connect(query):
        pass
    response = caught.value.response
    body = json.loads(response.body)
    assert response.headers["x-amz-apigw-id"] == body["requestId"]
    return response.status_code, body["message"]


def test_an_authorizer_decides_and_is_quoted(guarded):
    assert turned_away(guarded, "") == (401, "Unauthorized")
    status, words = turned_away(guarded, "?token=bad")
    assert status == 403 and words.endswith("explicit deny in an identity-based policy")
    with guarded.connect("?token=good", subprotocols=["chat.v1", "chat.v2"]) as socket:
        assert socket.subprotocol == "chat.v2"
        assert socket.protocol.extensions == [], "compression was offered, and may be declined"
        socket.send('{"action":"say"}')
        event = json.loads(socket.recv(timeout=30))
    assert event["requestContext"]["authorizer"] == {"level": "7", "principalId": "bob"}
    assert set(event) == {"requestContext", "body", "isBase64Encoded"}


def test_frames_are_aws_s_to_the_letter(guarded):
    with guarded.connect("?token=good") as socket:
        for sent, words in [('{"action":"none"}', "Forbidden"), ("no JSON", "Forbidden")]:
            socket.send(sent)
            frame = socket.recv(timeout=30)
            ids = json.loads(frame)
            assert frame == (
                f'{{"message": "{words}", "connectionId":"{ids["connectionId"]}",'
                f' "requestId":"{ids["requestId"]}"}}'
            )
        connection = ids["connectionId"]
        look = guarded.connections.get_connection(ConnectionId=connection)
        assert look["Identity"]["SourceIp"] == "127.0.0.1"
        guarded.connections.post_to_connection(ConnectionId=connection, Data="grüße".encode())
        assert socket.recv(timeout=30) == "grüße"
        large = refused(guarded.connections.post_to_connection, ConnectionId=connection, Data=b"x" * 131073)
        assert large[0] == "413"
        guarded.connections.delete_connection(ConnectionId=connection)
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=30)
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1000, "Connection Closed Normally")
    with pytest.raises(guarded.connections.exceptions.GoneException):
        guarded.connections.post_to_connection(ConnectionId=connection, Data=b"late")
    assert refused(guarded.connections.get_connection, ConnectionId="nonsense")[0] == "BadRequestException"


@pytest.mark.parametrize("sent, code", [(b"binary", 1003), ("x" * 32769, 1009)])
def test_what_is_too_much_ends_the_connection(guarded, sent, code):
    with guarded.connect("?token=good") as socket:
        socket.send(sent)
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=30)
    assert closed.value.rcvd.code == code


def test_ten_idle_minutes_are_the_end(guarded):
    with guarded.connect("?token=good") as socket:
        turn(601)
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=30)
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1001, "Going away")


def test_a_mock_needs_nobody_behind_it(api):
    mock = api.integration(
        IntegrationType="MOCK",
        TemplateSelectionExpression="200",
        RequestTemplates={"200": '{"statusCode":200}'},
    )
    api.gateway.create_integration_response(
        ApiId=api.id,
        IntegrationId=mock,
        IntegrationResponseKey="$default",
        TemplateSelectionExpression="\\$default",
        ResponseTemplates={"$default": '{"pong":true}'},
    )
    api.route("$connect", mock)
    api.route("$default", mock)
    api.deploy()
    with api.connect() as socket:
        socket.send("ping")
        assert socket.recv(timeout=30) == '{"pong":true}'


def test_an_http_server_is_a_route_too(api):
    heard = []

    class Server(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            heard.append((self.path, self.headers["connection-id"], body.decode()))
            answer = b'{"from":"python"}'
            self.send_response(200)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        proxy = api.integration(
            IntegrationType="HTTP_PROXY",
            IntegrationMethod="POST",
            IntegrationUri=f"http://127.0.0.1:{server.server_port}/hook",
            RequestParameters={"integration.request.header.connection-id": "context.connectionId"},
        )
        for key in ["$connect", "$disconnect", "$default"]:
            api.route(key, proxy)
        api.deploy()
        with api.connect("?room=a") as socket:
            socket.send("hello")
            assert socket.recv(timeout=30) == '{"from":"python"}'
        until(lambda: len(heard) == 3)
    finally:
        server.shutdown()
    assert [(path, body) for path, _, body in heard] == [("/hook?room=a", ""), ("/hook", "hello"), ("/hook", "")]
    assert len({connection for _, connection, _ in heard}) == 1
