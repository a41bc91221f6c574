"""The whole life of a chat on an emulator that nobody of this project wrote.

Where ministack is laxer than AWS, nothing is learned from it: see the comments.
"""

import json

import boto3
import pytest

from chatclient import Client

FUNCTION = "chat-production"


@pytest.fixture(scope="module")
def life(chatctl, ministack):
    """`chatctl <verb>` against ministack."""

    def run(*args, **how):
        return chatctl.run(*args, "--endpoint-url", ministack.endpoint, **how)

    return run


@pytest.fixture(scope="module")
def sdk(ministack):
    """boto3 clients of ministack."""

    def client(service):
        return boto3.client(
            service,
            endpoint_url=ministack.endpoint,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    return client


def test_a_chat_is_deployed_talks_drifts_and_goes_without_a_trace(life, sdk):
    deployed = json.loads(life("deploy", "--yes", "--output", "json").stdout)
    assert deployed["changed"] and deployed["provedInSeconds"] is not None
    assert deployed["plan"]["summary"]["create"] == 21

    with Client(deployed["url"]) as alice, Client(deployed["url"]) as bob:
        alice.joins("Alice")
        bob.joins("Bob")
        alice.send("sendPublic", message="hi all")
        bob.gets(publicMessage="Alice: hi all")
        bob.send("sendPrivate", to="Alice", message="psst")
        alice.gets(privateMessage="Bob: psst")
        bob.send("nonsense").gets(error=...)

    again = json.loads(life("deploy", "--output", "json").stdout)
    assert not again["changed"] and again["seconds"] < 2, again["plan"]["summary"]
    assert life("plan", "--exit-code").returncode == 0

    sdk("lambda").update_function_configuration(FunctionName=FUNCTION, MemorySize=1024)
    gateway = sdk("apigatewayv2")
    stage = {"ApiId": deployed["apiId"], "StageName": "production"}
    settings = gateway.get_stage(**stage)["DefaultRouteSettings"]
    gateway.update_stage(**stage, DefaultRouteSettings=settings | {"ThrottlingRateLimit": 1.0})
    drifted = life("plan", "--exit-code", check=False)
    assert drifted.returncode == 2
    assert "memorySize: 1024 → 256" in drifted.stdout
    assert "throttlingRateLimit: 1.0 → 500.0" in drifted.stdout
    life("deploy", "--yes")
    assert life("plan", "--exit-code").returncode == 0

    gone = json.loads(life("teardown", "--yes", "--output", "json").stdout)
    assert len(gone["checked"]) == 21 and gone["stayed"] == []
    assert leftovers(sdk) == []
    nothing = json.loads(life("teardown", "--yes", "--output", "json").stdout)
    assert nothing["plan"]["summary"]["delete"] == 0


def leftovers(sdk):
    """What ministack still has, by its own account."""
    roles = [role["RoleName"] for role in sdk("iam").list_roles()["Roles"]]
    return [
        *[api["Name"] for api in sdk("apigatewayv2").get_apis()["Items"]],
        *[function["FunctionName"] for function in sdk("lambda").list_functions()["Functions"]],
        *sdk("dynamodb").list_tables()["TableNames"],
        *[group["logGroupName"] for group in sdk("logs").describe_log_groups()["logGroups"]],
        *[name for name in roles if name.startswith(("chat-", "chatctl-"))],
    ]
