"""IAM and STS: roles, policies, tags and sessions."""

import json

import cloud
from case import LOCALSTACK, STACKD, A, Fails, Gives, R, case, client, sent, trust


def identity_cases():
    iam, sts = client("iam"), client("sts")
    ls, tags = LOCALSTACK + "iam/test_iam.snapshot.json", STACKD + "internal/services/iam/testdata/tags_aws.json"
    wire, sts_at = (
        STACKD + "internal/services/iam/testdata/role_wire_aws.json",
        LOCALSTACK + "sts/test_sts.snapshot.json",
    )
    allow = json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "logs:*", "Resource": "*"}]}
    )
    made = iam.create_role(
        RoleName="rec-a",
        Path="/rec/",
        Description="words",
        AssumeRolePolicyDocument=trust(Service="lambda.amazonaws.com"),
        Tags=[{"Key": "Team", "Value": "One"}],
    )
    iam.create_role(RoleName="rec-assumable", AssumeRolePolicyDocument=trust(AWS=A))
    managed = iam.create_policy(PolicyName="rec-policy", PolicyDocument=allow)["Policy"]["Arn"]

    def add(source, situation, expected, call):
        case("iam", source, situation, expected)(call)

    add(ls, "create", Gives(has=("Role__Tags",), Role__Path="/rec/"), lambda: made)
    add(
        ls,
        "get",
        Gives(has=("Role__RoleLastUsed",), Role__MaxSessionDuration=3600, Role__Description="words"),
        lambda: iam.get_role(RoleName="rec-a"),
    )
    add(
        ls,
        "list",
        Gives(
            has=("Roles__0__MaxSessionDuration",), lacks=("Roles__0__Tags", "Roles__0__RoleLastUsed"), IsTruncated=False
        ),
        lambda: iam.list_roles(PathPrefix="/rec/"),
    )
    add(
        wire,
        "update the description",
        Gives(lacks=("Role__MaxSessionDuration", "Role__Tags", "Role__RoleLastUsed"), Role__Description="new"),
        lambda: iam.update_role_description(RoleName="rec-a", Description="new"),
    )
    add(
        ls,
        "a trust that is no JSON",
        Fails(400, "MalformedPolicyDocument", "This policy contains invalid Json"),
        lambda: iam.create_role(RoleName="rec-b", AssumeRolePolicyDocument="{"),
    )
    add(
        ls,
        "attach a policy that is not there",
        Fails(404, "NoSuchEntity", f"Policy arn:aws:iam::{A}:policy/none does not exist or is not attachable."),
        lambda: iam.attach_role_policy(RoleName="rec-a", PolicyArn=f"arn:aws:iam::{A}:policy/none"),
    )
    add(
        ls,
        "attach a policy by its name",
        Fails(400, "ValidationError", "Invalid ARN:  Could not be parsed!"),
        lambda: iam.attach_role_policy(RoleName="rec-a", PolicyArn="longpolicynamebynoone"),
    )
    add(ls, "attach", Gives(), lambda: iam.attach_role_policy(RoleName="rec-a", PolicyArn=managed))
    add(
        ls,
        "delete a policy that is not there",
        Fails(404, "NoSuchEntity", f"Policy arn:aws:iam::{A}:policy/none was not found."),
        lambda: iam.delete_policy(PolicyArn=f"arn:aws:iam::{A}:policy/none"),
    )

    encoded = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": ["apigateway:PUT"],
                    "Resource": [f"arn:aws:apigateway:{R}::/tags/arn%3Aaws%3Aapigateway%3A{R}%3A%3A%2Frestapis%2Fa"],
                }
            ],
        }
    )

    def policy():
        iam.put_role_policy(RoleName="rec-a", PolicyName="p", PolicyDocument=encoded)
        return iam.get_role_policy(RoleName="rec-a", PolicyName="p")

    add(ls, "a policy with percent signs", Gives(PolicyDocument=json.loads(encoded)), policy)

    def retagged():
        iam.tag_role(RoleName="rec-a", Tags=[{"Key": "team", "Value": "Two"}])
        return iam.list_role_tags(RoleName="rec-a")

    add(
        tags,
        "a tag whose key differs in case replaces it",
        Gives(IsTruncated=False, Tags=[{"Key": "team", "Value": "Two"}]),
        retagged,
    )
    add(
        tags,
        "two keys that differ in case",
        Fails(400, "InvalidInput"),
        lambda: iam.tag_role(RoleName="rec-a", Tags=[{"Key": "x", "Value": "1"}, {"Key": "X", "Value": "2"}]),
    )
    add(
        tags,
        "a value that begins with aws:",
        Gives(),
        lambda: iam.tag_role(RoleName="rec-a", Tags=[{"Key": "v", "Value": "aws:reserved"}]),
    )
    add(
        tags,
        "51 tags at once",
        Fails(400, "ValidationError"),
        lambda: iam.tag_role(RoleName="rec-a", Tags=[{"Key": f"key{n:02}", "Value": "v"} for n in range(51)]),
    )
    add(
        tags,
        "more than 50 tags in all",
        Fails(409, "LimitExceeded"),
        lambda: iam.tag_role(RoleName="rec-a", Tags=[{"Key": f"key{n:02}", "Value": "v"} for n in range(50)]),
    )
    add(tags, "untag nothing", Gives(), lambda: iam.untag_role(RoleName="rec-a", TagKeys=[]))
    add(tags, "untag a reserved key", Gives(), lambda: iam.untag_role(RoleName="rec-a", TagKeys=["aws:x"]))

    def variants():
        pair = [{"Key": "Team", "Value": "One"}, {"Key": "team", "Value": "Two"}]
        return iam.create_policy(PolicyName="rec-variants", PolicyDocument=allow, Tags=pair)

    add(
        tags,
        "a policy may have both",
        Gives(
            has=("Policy__UpdateDate", "Policy__PermissionsBoundaryUsageCount"),
            lacks=("Policy__Description",),
            Policy__Tags=[{"Key": "Team", "Value": "One"}, {"Key": "team", "Value": "Two"}],
        ),
        variants,
    )

    def assume(role="rec-assumable", session="session", **more):
        arn = role if ":" in role or role == "nothing-valid-in-here" else f"arn:aws:iam::{A}:role/{role}"
        return lambda: sts.assume_role(RoleArn=arn, RoleSessionName=session, **more)

    def add(source, situation, expected, call):  # noqa: F811
        case("sts", source, situation, expected)(call)

    cloud.until(lambda: not sent(assume())[1], 60)
    add(
        sts_at,
        "assume",
        Gives(
            has=("Credentials__SessionToken", "Credentials__Expiration", "AssumedRoleUser__AssumedRoleId"),
            lacks=("PackedPolicySize",),
            AssumedRoleUser__Arn=f"arn:aws:sts::{A}:assumed-role/rec-assumable/session",
        ),
        assume(),
    )
    add(
        sts_at,
        "a session name with a colon",
        Fails(
            400,
            "ValidationError",
            "1 validation error detected: Value 'Session1:2' at "
            "'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*",
        ),
        assume(session="Session1:2"),
    )
    for arn in (
        "arn::b:::something/test-role",
        "arn:a::::something/test-role",
        "arn:a:::something/test-role",
        "arn:a:a::aaaaaaaaaa:",
    ):
        add(sts_at, f"a role {arn}", Fails(400, "ValidationError", f"{arn} is invalid"), assume(arn))
    add(
        sts_at,
        "a transitive key that is no tag",
        Fails(400, "InvalidParameterValue", "The specified transitive tag key must be included in the requested tags."),
        assume(Tags=[{"Key": "a", "Value": "1"}], TransitiveTagKeys=["b"]),
    )
    add(
        STACKD + "testdata/aws/apigateway/websocket_management.json",
        "who am I",
        Gives(has=("UserId", "Arn"), Account=A),
        sts.get_caller_identity,
    )
