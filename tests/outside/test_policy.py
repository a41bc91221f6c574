"""`chatctl policy` under parliament, which knows the Service Authorization Reference, and the commands that it
prints under the AWS CLI."""

import json
import subprocess

import pytest
from parliament import analyze_policy_string

import cloud

PLACE = ["--account", "123456789012", "--region", "eu-central-1"]

# AWS refuses a stage that is made with tags without it, and does not list it in the reference:
# https://github.com/aws-amplify/amplify-cli/issues/12316
UNLISTED = "Unknown action apigateway:TagResource"


def policy(*args):
    done = subprocess.run([cloud.CHATCTL, "policy", *args], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.parametrize("task", ["deploy", "status", "logs", "teardown", "api"])
@pytest.mark.parametrize("region", ["eu-central-1", "us-gov-west-1", "cn-north-1"])
def test_parliament_finds_nothing(task, region):
    text = policy(task, "--account", "123456789012", "--region", region, "--output", "json")
    found = [str(finding) for finding in analyze_policy_string(text).findings]
    assert [text for text in found if UNLISTED not in text] == []


def test_the_commands_make_the_role():
    commands = policy("--role", "github", "--repo", "octo/chat", *PLACE, "--quiet")
    subprocess.run(["sh", "-e", "-c", commands], env=cloud.environment(), check=True, capture_output=True)
    iam = cloud.client("iam")
    role = iam.get_role(RoleName="chat-production-deploy")["Role"]
    subject = role["AssumeRolePolicyDocument"]["Statement"][0]["Condition"]["StringEquals"]
    assert subject["token.actions.githubusercontent.com:sub"] == "repo:octo/chat:ref:refs/heads/main"
    inline = iam.get_role_policy(RoleName="chat-production-deploy", PolicyName="chatctl-deploy")
    assert inline["PolicyDocument"] == json.loads(policy(*PLACE, "--output", "json"))
