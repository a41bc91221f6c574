"""Lambda: permissions, tags, concurrency and what an update shows."""

import json

from case import A, Fails, Gives


def permission_cases(functions, add, arn, missing, mismatch):
    def permit(statement="s3", principal="s3.amazonaws.com", name="rec", **more):
        return lambda: functions.add_permission(
            FunctionName=name, StatementId=statement, Action="lambda:InvokeFunction", Principal=principal, **more
        )

    add(
        "policy before any",
        Fails(404, "ResourceNotFoundException", "The resource you requested does not exist."),
        lambda: functions.get_policy(FunctionName="rec"),
    )
    add(
        "remove a permission before any",
        Fails(404, "ResourceNotFoundException", "No policy is associated with the given resource."),
        lambda: functions.remove_permission(FunctionName="rec", StatementId="s3"),
    )

    def statement():
        answer = permit(SourceArn="arn:aws:s3:::bucket")()
        return answer | {"Parsed": json.loads(answer["Statement"])}

    add(
        "permission with a source",
        Gives(
            201,
            Parsed={
                "Sid": "s3",
                "Effect": "Allow",
                "Principal": {"Service": "s3.amazonaws.com"},
                "Action": "lambda:InvokeFunction",
                "Resource": f"{arn}rec",
                "Condition": {"ArnLike": {"AWS:SourceArn": "arn:aws:s3:::bucket"}},
            },
        ),
        statement,
    )
    add(
        "the same permission again",
        Fails(
            409,
            "ResourceConflictException",
            "The statement id (s3) provided already exists. Please provide "
            "a new statement id, or remove the existing statement.",
        ),
        permit(),
    )
    add(
        "a statement id with a dot",
        Fails(
            400,
            "ValidationException",
            "1 validation error detected: Value 'example.com' at 'statementId' "
            "failed to satisfy constraint: Member must satisfy regular expression pattern: ([a-zA-Z0-9-_]+)",
        ),
        permit("example.com"),
    )
    add(
        "a principal that is none",
        Fails(
            400,
            "InvalidParameterValueException",
            "The provided principal was invalid. Please check the principal and try again.",
        ),
        permit("p", "invalid.nonaws.com"),
    )
    add(
        "permission for $LATEST",
        Fails(400, "InvalidParameterValueException", "We currently do not support adding policies for $LATEST."),
        permit("l", Qualifier="$LATEST"),
    )
    add("permission for two qualifiers", mismatch, permit("l", name=f"{arn}rec:1", Qualifier="2"))
    add("permission for a missing function", missing("none"), permit("l", name="none"))
    add(
        "permission for a missing alias",
        Fails(404, "ResourceNotFoundException", f"Cannot find alias arn: {arn}rec:nope"),
        permit("l", Qualifier="nope"),
    )
    add("permission for a missing version", missing("rec:42"), permit("l", Qualifier="42"))
    add(
        "permission for a qualifier with ?",
        Fails(
            400,
            "ValidationException",
            "1 validation error detected: Value 'a-?-char' at 'qualifier' "
            "failed to satisfy constraint: Member must satisfy regular expression pattern: *",
        ),
        permit("l", Qualifier="a-?-char"),
    )

    def account():
        answer = permit("account", A, SourceAccount=A)()
        return answer | {"Parsed": json.loads(answer["Statement"])}

    add(
        "permission for an account",
        Gives(
            201,
            Parsed__Principal={"AWS": f"arn:aws:iam::{A}:root"},
            Parsed__Condition={"StringEquals": {"AWS:SourceAccount": A}},
        ),
        account,
    )
    add(
        "remove a missing statement",
        Fails(404, "ResourceNotFoundException", "Statement nope is not found in resource policy."),
        lambda: functions.remove_permission(FunctionName="rec", StatementId="nope"),
    )
    add(
        "remove a permission of a missing function",
        Fails(404, "ResourceNotFoundException", f"No policy found for: {arn}none"),
        lambda: functions.remove_permission(FunctionName="none", StatementId="s"),
    )
    add(
        "policy of a missing function",
        Fails(404, "ResourceNotFoundException", "The resource you requested does not exist."),
        lambda: functions.get_policy(FunctionName="none"),
    )
    add(
        "policy of a missing version",
        Fails(404, "ResourceNotFoundException", "The resource you requested does not exist."),
        lambda: functions.get_policy(FunctionName="rec", Qualifier="42"),
    )
    add(
        "tag a missing function",
        missing("none"),
        lambda: functions.tag_resource(Resource=f"{arn}none", Tags={"a": "b"}),
    )
    add("tags of a missing function", missing("none"), lambda: functions.list_tags(Resource=f"{arn}none"))
    add(
        "tag a version",
        Fails(
            400,
            "InvalidParameterValueException",
            "Tags on function aliases and versions are not supported. Please specify a function ARN.",
        ),
        lambda: functions.tag_resource(Resource=f"{arn}rec:1", Tags={"a": "b"}),
    )
    add(
        "tag with nothing",
        Fails(400, "InvalidParameterValueException", "An error occurred and the request cannot be processed."),
        lambda: functions.tag_resource(Resource=f"{arn}rec", Tags={}),
    )
    add(
        "tag what is no ARN of Lambda",
        Fails(
            400,
            "ValidationException",
            "1 validation error detected: Value 'arn:aws:something' at "
            "'resource' failed to satisfy constraint: Member must satisfy regular expression pattern: *",
        ),
        lambda: functions.tag_resource(Resource="arn:aws:something", Tags={"a": "b"}),
    )
    add(
        "untag without keys",
        Fails(
            400,
            "ValidationException",
            "1 validation error detected: Value null at 'tagKeys' failed to satisfy "
            "constraint: Member must not be null",
        ),
        lambda: functions.untag_resource(Resource=f"{arn}rec", TagKeys=[]),
    )
    add(
        "tag 51 times",
        Fails(400, "InvalidParameterValueException", "Number of tags exceeds resource tag limit."),
        lambda: functions.tag_resource(Resource=f"{arn}rec", Tags={f"k{n}": "v" for n in range(51)}),
    )
    add("tag", Gives(204), lambda: functions.tag_resource(Resource=f"{arn}rec", Tags={"a": "b"}))
    add("untag what is not there", Gives(204), lambda: functions.untag_resource(Resource=f"{arn}rec", TagKeys=["none"]))
    add(
        "concurrency of none",
        Gives(ReservedConcurrentExecutions=0),
        lambda: functions.put_function_concurrency(FunctionName="rec", ReservedConcurrentExecutions=0),
    )
    add(
        "concurrency of more than the account",
        Fails(
            400,
            "InvalidParameterValueException",
            "Specified ReservedConcurrentExecutions for "
            "function decreases account's UnreservedConcurrentExecution below its minimum value of [*].",
        ),
        lambda: functions.put_function_concurrency(FunctionName="rec", ReservedConcurrentExecutions=1001),
    )
    add(
        "concurrency of a version",
        Fails(
            400,
            "InvalidParameterValueException",
            "This operation is permitted on Lambda functions only. "
            "Aliases and versions do not support this operation. Please specify either a function name or an unqualified function ARN.",
        ),
        lambda: functions.put_function_concurrency(FunctionName=f"{arn}rec:1", ReservedConcurrentExecutions=1),
    )
    add(
        "concurrency of a missing function",
        missing("none:$LATEST"),
        lambda: functions.put_function_concurrency(FunctionName="none", ReservedConcurrentExecutions=1),
    )
    add("concurrency deleted", Gives(204), lambda: functions.delete_function_concurrency(FunctionName="rec"))
    add(
        "concurrency after that",
        Gives(lacks=("ReservedConcurrentExecutions",)),
        lambda: functions.get_function_concurrency(FunctionName="rec"),
    )
    add(
        "account settings",
        Gives(
            has=(
                "AccountLimit__CodeSizeUnzipped",
                "AccountLimit__CodeSizeZipped",
                "AccountLimit__TotalCodeSize",
                "AccountLimit__ConcurrentExecutions",
                "AccountLimit__UnreservedConcurrentExecutions",
                "AccountUsage__FunctionCount",
                "AccountUsage__TotalCodeSize",
            )
        ),
        functions.get_account_settings,
    )

    def updated():
        return functions.update_function_configuration(
            FunctionName="rec", Description="new", Environment={"Variables": {"ENV_A": "a"}}
        )

    def revisions():
        return {
            "ResponseMetadata": {"HTTPStatusCode": 200},
            "Same": functions.get_function(FunctionName="rec")["Configuration"]["RevisionId"]
            == functions.get_policy(FunctionName="rec")["RevisionId"],
        }

    add("the policy's revision is the function's", Gives(Same=True), revisions)
    add(
        "update",
        Gives(
            Description="new",
            LastUpdateStatus="InProgress",
            LastUpdateStatusReason="The function is being created.",
            LastUpdateStatusReasonCode="Creating",
            Environment={"Variables": {"ENV_A": "a"}},
        ),
        updated,
    )
    add(
        "update while an update is under way",
        Fails(
            409,
            "ResourceConflictException",
            f"The operation cannot be performed at this time. An update is in progress for resource: {arn}rec",
        ),
        lambda: (updated(), updated())[1],
    )
