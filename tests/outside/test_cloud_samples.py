"""Handlers as AWS's samples have them, which post to `https://{domainName}/{stage}`, and an app that Chalice deploys."""

import json
import os
import pathlib
import subprocess
import sys
import uuid

import boto3
import pytest
from websockets.sync.client import connect

import cloud
from cloud import ACCOUNT, REGION, client, turn
from test_cloud_managed import NODE, PYTHON, package
from test_cloud_runtimes import TRUST

SITE = str(pathlib.Path(boto3.__file__).parents[1])
RIGHTS = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ["execute-api:ManageConnections", "logs:*"], "Resource": "*"}],
}
IN_PYTHON = """import boto3
def handler(event, context):
    at = event["requestContext"]
    if at["eventType"] == "MESSAGE":
        api = boto3.client("apigatewaymanagementapi", endpoint_url=f"https://{at['domainName']}/{at['stage']}")
        api.post_to_connection(ConnectionId=at["connectionId"], Data=("you said: " + event["body"]).encode())
    return {"statusCode": 200}
"""
# What the SDK does in the end, which is not installed here. The signature is not checked.
IN_NODE = """import https, { request } from "node:https";
const signed = { authorization: `AWS4-HMAC-SHA256 Credential=${process.env.AWS_ACCESS_KEY_ID}/20260101/us-east-1/execute-api/aws4_request, SignedHeaders=host, Signature=00`,
  "x-amz-security-token": process.env.AWS_SESSION_TOKEN };
export const handler = async ({ body, requestContext: at }) => {
  if (at.eventType !== "MESSAGE") return { statusCode: 200 };
  const path = `/${at.stage}/@connections/${encodeURIComponent(at.connectionId)}`, data = "you said: " + body;
  if (body === "by fetch") {
    await fetch(`https://${at.domainName}${path}`, { method: "POST", headers: signed, body: data });
  } else await new Promise((done, fail) => {
    const options = { method: "POST", path, headers: { ...signed, host: at.domainName }, host: at.domainName, port: 443, agent: new https.Agent() };
    const asked = body === "by url" ? request(`https://${at.domainName}${path}`, { method: "POST", headers: signed }, done) : request(options, done);
    asked.on("error", fail).end(data);
  });
  return { statusCode: 200 };
};
"""


@pytest.mark.parametrize("runtime", [NODE, PYTHON])
def test_a_sample_posts_to_the_domain_name_of_its_event(runtime):
    name = f"s-{uuid.uuid4().hex[:8]}"
    iam, functions, gateway = client("iam"), client("lambda"), client("apigatewayv2")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(RIGHTS))
    turn(60)
    code = {"index.mjs": IN_NODE} if runtime == NODE else {"index.py": IN_PYTHON}
    arn = functions.create_function(
        FunctionName=name, Role=role, Runtime=runtime, Handler="index.handler", Timeout=20, MemorySize=256,
        Code={"ZipFile": package(code)}, Environment={"Variables": {"PYTHONPATH": SITE}},
    )["FunctionArn"]
    functions.get_waiter("function_active_v2").wait(FunctionName=name)
    api = gateway.create_api(Name=name, ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action")
    here = {"ApiId": api["ApiId"]}
    uri = f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{arn}/invocations"
    integration = gateway.create_integration(**here, IntegrationType="AWS_PROXY", IntegrationUri=uri)
    for key in ("$connect", "$default"):
        gateway.create_route(**here, RouteKey=key, Target=f"integrations/{integration['IntegrationId']}")
    functions.add_permission(
        FunctionName=name, StatementId="api", Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com",
        SourceArn=f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{api['ApiId']}/*/*",
    )
    deployment = gateway.create_deployment(**here)["DeploymentId"]
    gateway.create_stage(**here, StageName="s", DeploymentId=deployment)
    turn(60)
    with connect(cloud.endpoint().replace("http", "ws") + f"/_aws/execute-api/{api['ApiId']}/s") as socket:
        for text in ("hello", "by url", "by fetch"):
            socket.send(text)
            assert socket.recv(timeout=30) == f"you said: {text}"
    gateway.delete_api(**here)
    functions.delete_function(FunctionName=name)


CHALICE_APP = """from boto3.session import Session
from chalice import Chalice
app = Chalice(app_name="echo")
app.websocket_api.session = Session()
app.experimental_feature_flags.update(["WEBSOCKETS"])

@app.on_ws_connect()
def connect(event):
    pass

@app.on_ws_message()
def message(event):
    app.websocket_api.send(event.connection_id, "you said: " + event.body)
"""


def test_chalice_deploys_its_websocket_example(tmp_path):
    (tmp_path / ".chalice").mkdir()
    (tmp_path / "app.py").write_text(CHALICE_APP, encoding="utf-8")
    (tmp_path / "requirements.txt").write_text("", encoding="utf-8")
    stages = {"dev": {"api_gateway_stage": "api", "environment_variables": {"PYTHONPATH": SITE}}}
    config = {"version": "2.0", "app_name": "echo", "stages": stages}
    (tmp_path / ".chalice/config.json").write_text(json.dumps(config), encoding="utf-8")
    clean = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    environment = clean | {
        "AWS_ENDPOINT_URL": cloud.endpoint(),
        "AWS_DEFAULT_REGION": REGION,
        **{name.upper(): value for name, value in cloud.KEYS.items()},
    }
    chalice = [str(pathlib.Path(sys.executable).with_name("chalice"))]

    def run(*words):
        done = subprocess.run(
            [*chalice, *words], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    run("deploy", "--connection-timeout", "60")
    deployed = json.loads((tmp_path / ".chalice/deployed/dev.json").read_text(encoding="utf-8"))
    api = next(one["websocket_api_id"] for one in deployed["resources"] if one["resource_type"] == "websocket_api")
    turn(60)
    with connect(cloud.endpoint().replace("http", "ws") + f"/_aws/execute-api/{api}/api") as socket:
        socket.send("hello")
        assert socket.recv(timeout=30) == "you said: hello"
    run("delete")
