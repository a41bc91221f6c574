"""IAM and STS of the local cloud, by boto3 and the AWS CLI."""

import json
import uuid

import pytest

from cloud import ACCOUNT, aws, client, refused, turn

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com", "AWS": ACCOUNT},
            "Action": "sts:AssumeRole",
        }
    ],
}
POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "iam:GetRole", "Resource": "*"}],
}
BASIC = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"


@pytest.fixture
def iam():
    return client("iam")


@pytest.fixture
def role(iam):
    name = f"role-{uuid.uuid4().hex[:12]}"
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
    return name


def test_a_role_reads_back_decoded(iam):
    name = f"Role-{uuid.uuid4().hex[:12]}"
    made = iam.create_role(
        RoleName=name,
        Path="/chat/",
        AssumeRolePolicyDocument=json.dumps(TRUST),
        Description="of the chat",
        MaxSessionDuration=7200,
        Tags=[{"Key": "a", "Value": "1"}],
    )["Role"]
    assert made["Arn"] == f"arn:aws:iam::{ACCOUNT}:role/chat/{name}"
    assert made["RoleId"].startswith("AROA")
    read = iam.get_role(RoleName=name.lower())["Role"]
    assert read["AssumeRolePolicyDocument"] == TRUST
    assert read["MaxSessionDuration"] == 7200
    assert read["Tags"] == [{"Key": "a", "Value": "1"}]
    iam.get_waiter("role_exists").wait(RoleName=name)


def test_what_exists_and_what_does_not(iam, role):
    assert refused(iam.create_role, RoleName=role.upper(), AssumeRolePolicyDocument=json.dumps(TRUST)) == (
        "EntityAlreadyExists",
        f"Role with name {role.upper()} already exists.",
    )
    assert refused(iam.get_role, RoleName="nobody") == (
        "NoSuchEntity",
        "The role with name nobody cannot be found.",
    )
    for work, more in [
        (iam.delete_role, {}),
        (iam.list_role_policies, {}),
        (iam.list_attached_role_policies, {}),
        (iam.list_role_tags, {}),
        (iam.tag_role, {"Tags": []}),
        (iam.untag_role, {"TagKeys": []}),
        (iam.update_role, {}),
        (iam.attach_role_policy, {"PolicyArn": BASIC}),
    ]:
        assert refused(work, RoleName="nobody", **more)[0] == "NoSuchEntity"


def test_update_and_trust(iam, role):
    iam.update_role(RoleName=role, Description="new", MaxSessionDuration=3600)
    assert iam.update_role_description(RoleName=role, Description="newer")["Role"]["Description"] == "newer"
    other = json.loads(json.dumps(TRUST).replace("lambda", "apigateway"))
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(other))
    assert iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"] == other
    code, words = refused(iam.update_role, RoleName=role, MaxSessionDuration=43201)
    assert code == "ValidationError" and "43200" in words


def test_inline_policies(iam, role):
    iam.put_role_policy(RoleName=role, PolicyName="p", PolicyDocument=json.dumps(POLICY))
    assert iam.get_role_policy(RoleName=role, PolicyName="p")["PolicyDocument"] == POLICY
    assert iam.list_role_policies(RoleName=role)["PolicyNames"] == ["p"]
    assert refused(iam.delete_role, RoleName=role)[0] == "DeleteConflict"
    iam.delete_role_policy(RoleName=role, PolicyName="p")
    assert refused(iam.get_role_policy, RoleName=role, PolicyName="p") == (
        "NoSuchEntity",
        "The role policy with name p cannot be found.",
    )
    iam.delete_role(RoleName=role)


def test_managed_policies(iam, role):
    iam.attach_role_policy(RoleName=role, PolicyArn=BASIC)
    iam.attach_role_policy(RoleName=role, PolicyArn=BASIC)
    attached = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    assert attached == [{"PolicyName": "AWSLambdaBasicExecutionRole", "PolicyArn": BASIC}]
    policy = iam.get_policy(PolicyArn=BASIC)["Policy"]
    version = iam.get_policy_version(PolicyArn=BASIC, VersionId=policy["DefaultVersionId"])
    assert "logs:PutLogEvents" in version["PolicyVersion"]["Document"]["Statement"][0]["Action"]
    assert refused(iam.delete_role, RoleName=role)[0] == "DeleteConflict"
    iam.detach_role_policy(RoleName=role, PolicyArn=BASIC)
    assert refused(iam.detach_role_policy, RoleName=role, PolicyArn=BASIC)[0] == "NoSuchEntity"
    # Whether AWS has a policy of that name is not known here, so it is not denied.
    code, words = refused(iam.attach_role_policy, RoleName=role, PolicyArn=BASIC + "X")
    assert code == "NotImplemented" and BASIC + "X" in words
    iam.get_waiter("policy_exists").wait(PolicyArn=BASIC)


@pytest.fixture
def policy(iam):
    """A managed policy of the account's own."""
    name = f"policy-{uuid.uuid4().hex[:12]}"
    return iam.create_policy(
        PolicyName=name, Path="/chat/", Description="d", PolicyDocument=json.dumps(POLICY),
        Tags=[{"Key": "a", "Value": "1"}],
    )["Policy"]["Arn"]


def test_policies_of_the_account(iam, role, policy):
    made = iam.get_policy(PolicyArn=policy)["Policy"]
    assert made["Arn"].startswith(f"arn:aws:iam::{ACCOUNT}:policy/chat/policy-")
    assert (made["DefaultVersionId"], made["AttachmentCount"], made["Description"]) == ("v1", 0, "d")
    assert made["Tags"] == [{"Key": "a", "Value": "1"}]
    local = [one["Arn"] for page in iam.get_paginator("list_policies").paginate(Scope="Local") for one in page["Policies"]]
    assert policy in local and BASIC not in local
    iam.attach_role_policy(RoleName=role, PolicyArn=policy)
    assert iam.get_policy(PolicyArn=policy)["Policy"]["AttachmentCount"] == 1
    assert refused(iam.delete_policy, PolicyArn=policy) == (
        "DeleteConflict",
        "Cannot delete a policy attached to entities.",
    )
    iam.detach_role_policy(RoleName=role, PolicyArn=policy)
    iam.delete_policy(PolicyArn=policy)
    assert refused(iam.get_policy, PolicyArn=policy) == ("NoSuchEntity", f"Policy {policy} was not found.")


def test_a_policy_has_one_version(iam, policy):
    versions = iam.list_policy_versions(PolicyArn=policy)["Versions"]
    assert [(one["VersionId"], one["IsDefaultVersion"]) for one in versions] == [("v1", True)]
    assert iam.get_policy_version(PolicyArn=policy, VersionId="v1")["PolicyVersion"]["Document"] == POLICY
    assert refused(iam.get_policy_version, PolicyArn=policy, VersionId="v2") == (
        "NoSuchEntity",
        f"Policy {policy} version v2 does not exist or is not attachable.",
    )
    more = refused(iam.create_policy_version, PolicyArn=policy, PolicyDocument=json.dumps(POLICY))
    assert more == ("NotImplemented", "iam CreatePolicyVersion is not part of the local cloud")


def test_tags_of_a_policy(iam, policy):
    iam.tag_policy(PolicyArn=policy, Tags=[{"Key": "b", "Value": "2"}])
    iam.untag_policy(PolicyArn=policy, TagKeys=["a"])
    assert iam.list_policy_tags(PolicyArn=policy)["Tags"] == [{"Key": "b", "Value": "2"}]


def test_a_permissions_boundary(iam, role, policy):
    iam.put_role_permissions_boundary(RoleName=role, PermissionsBoundary=policy)
    boundary = iam.get_role(RoleName=role)["Role"]["PermissionsBoundary"]
    assert boundary["PermissionsBoundaryArn"] == policy
    assert iam.get_policy(PolicyArn=policy)["Policy"]["PermissionsBoundaryUsageCount"] == 1
    assert refused(iam.delete_policy, PolicyArn=policy)[0] == "DeleteConflict"
    iam.delete_role_permissions_boundary(RoleName=role)
    assert "PermissionsBoundary" not in iam.get_role(RoleName=role)["Role"]


def test_tags(iam, role):
    iam.tag_role(RoleName=role, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}])
    iam.untag_role(RoleName=role, TagKeys=["a"])
    assert iam.list_role_tags(RoleName=role)["Tags"] == [{"Key": "b", "Value": ""}]
    twice = [{"Key": "x", "Value": "1"}, {"Key": "X", "Value": "2"}]
    assert refused(iam.tag_role, RoleName=role, Tags=twice)[0] == "InvalidInput"


def test_paginators_see_everything_once(iam):
    prefix = f"/p{uuid.uuid4().hex[:8]}/"
    names = {f"{prefix[1:-1]}-{i}" for i in range(7)}
    for name in names:
        iam.create_role(RoleName=name, Path=prefix, AssumeRolePolicyDocument=json.dumps(TRUST))
    pages = list(iam.get_paginator("list_roles").paginate(PathPrefix=prefix, PaginationConfig={"PageSize": 3}))
    assert len(pages) == 3
    found = [role["RoleName"] for page in pages for role in page["Roles"]]
    assert sorted(found) == sorted(names)
    one = found[0]
    for i in range(5):
        iam.put_role_policy(RoleName=one, PolicyName=f"p{i}", PolicyDocument=json.dumps(POLICY))
    pages = iam.get_paginator("list_role_policies").paginate(RoleName=one, PaginationConfig={"PageSize": 2})
    assert len([name for page in pages for name in page["PolicyNames"]]) == 5
    assert iam.list_instance_profiles_for_role(RoleName=one)["InstanceProfiles"] == []


def test_a_role_session_has_the_rights_of_its_role(iam, role):
    sts = client("sts")
    assert sts.get_caller_identity()["Account"] == ACCOUNT
    iam.put_role_policy(RoleName=role, PolicyName="p", PolicyDocument=json.dumps(POLICY))
    turn(60)
    arn = f"arn:aws:iam::{ACCOUNT}:role/{role}"
    keys = sts.assume_role(RoleArn=arn, RoleSessionName="me", DurationSeconds=900)["Credentials"]
    session = {
        "aws_access_key_id": keys["AccessKeyId"],
        "aws_secret_access_key": keys["SecretAccessKey"],
        "aws_session_token": keys["SessionToken"],
    }
    mine = client("iam", **session)
    assert client("sts", **session).get_caller_identity()["Arn"] == (
        f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/me"
    )
    assert mine.get_role(RoleName=role)["Role"]["RoleName"] == role
    assert refused(mine.delete_role, RoleName=role)[0] == "AccessDenied"
    without = client("iam", **(session | {"aws_session_token": "no"}))
    assert refused(without.get_role, RoleName=role)[0] == "InvalidClientTokenId"
    turn(901)
    assert refused(mine.get_role, RoleName=role)[0] == "ExpiredToken"


def test_the_cli_makes_and_removes_a_role():
    name = f"cli-{uuid.uuid4().hex[:12]}"
    made = aws("iam", "create-role", "--role-name", name, "--assume-role-policy-document", json.dumps(TRUST))
    assert made["Role"]["AssumeRolePolicyDocument"] == TRUST
    assert aws("sts", "get-caller-identity")["Account"] == ACCOUNT
    names = [role["RoleName"] for role in aws("iam", "list-roles", "--page-size", "2")["Roles"]]
    assert name in names
    aws("iam", "delete-role", "--role-name", name)


def test_an_operation_that_is_not_here_is_501(iam):
    code, words = refused(iam.list_users)
    assert code == "NotImplemented" and "ListUsers" in words
