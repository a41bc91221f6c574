"""Lambda: functions, versions, permissions, tags and concurrency."""

import cloud
from case import LOCALSTACK, A, Fails, Gives, R, case, client, sent, trust, zipped
from permissions import permission_cases


def lambda_cases():
    iam, functions = client("iam"), client("lambda")
    role = iam.create_role(RoleName="rec-fn", AssumeRolePolicyDocument=trust(Service="lambda.amazonaws.com"))["Role"][
        "Arn"
    ]
    api = LOCALSTACK + "lambda_/test_lambda_api.snapshot.json"
    basic = {"Runtime": "provided.al2023", "Handler": "h", "Role": role, "Code": {"ZipFile": zipped()}}
    arn = f"arn:aws:lambda:{R}:{A}:function:"

    def create(**change):
        return lambda: functions.create_function(**({"FunctionName": "rec-other"} | basic | change))

    def add(situation, expected, call):
        case("lambda", api, situation, expected)(call)

    made = cloud.until(lambda: (lambda a: a if not a[1] else None)(sent(create(FunctionName="rec"))), 60)[3]
    add(
        "create",
        Gives(
            200,
            lacks=("LastUpdateStatus", "Environment"),
            State="Pending",
            StateReasonCode="Creating",
            StateReason="The function is being created.",
            PackageType="Zip",
            EphemeralStorage={"Size": 512},
            LoggingConfig={"LogFormat": "Text", "LogGroup": "/aws/lambda/rec"},
            SnapStart={"ApplyOn": "None", "OptimizationStatus": "Off"},
            TracingConfig={"Mode": "PassThrough"},
            Version="$LATEST",
            Description="",
        ),
        lambda: made | {"ResponseMetadata": {"HTTPStatusCode": 200}},
    )
    functions.get_waiter("function_active_v2").wait(FunctionName="rec")
    add(
        "get",
        Gives(
            has=("Code__Location", "Configuration__RevisionId"),
            lacks=("Concurrency",),
            Code__RepositoryType="S3",
            Configuration__LastUpdateStatus="Successful",
            Configuration__State="Active",
        ),
        lambda: functions.get_function(FunctionName="rec"),
    )
    missing = lambda name: Fails(404, "ResourceNotFoundException", f"Function not found: {arn}{name}")  # noqa: E731
    for operation in ("get_function", "get_function_configuration", "delete_function", "get_function_concurrency"):
        add(
            f"{operation} of a missing function",
            missing("none"),
            lambda operation=operation: getattr(functions, operation)(FunctionName="none"),
        )
    add(
        "get a missing version",
        missing("rec:1221"),
        lambda: functions.get_function(FunctionName="rec", Qualifier="1221"),
    )
    add(
        "configuration of a missing version",
        missing("rec:1221"),
        lambda: functions.get_function_configuration(FunctionName="rec", Qualifier="1221"),
    )
    add(
        "get a missing alias by ARN", missing("rec:nope"), lambda: functions.get_function(FunctionName=f"{arn}rec:nope")
    )
    mismatch = Fails(
        400,
        "InvalidParameterValueException",
        "The derived qualifier from the function name does not match the specified qualifier.",
    )
    add(
        "get with two qualifiers",
        mismatch,
        lambda: functions.get_function(FunctionName=f"{arn}rec:1", Qualifier="$LATEST"),
    )
    add(
        "delete with two qualifiers",
        mismatch,
        lambda: functions.delete_function(FunctionName=f"{arn}rec:1", Qualifier="$LATEST"),
    )
    add(
        "delete $LATEST",
        Fails(
            400, "InvalidParameterValueException", "$LATEST version cannot be deleted without deleting the function."
        ),
        lambda: functions.delete_function(FunctionName="rec", Qualifier="$LATEST"),
    )
    add(
        "get from another region",
        Fails(
            404,
            "ResourceNotFoundException",
            f"Functions from 'ap-southeast-1' are not reachable in this region ('{R}')",
        ),
        lambda: functions.get_function(FunctionName=arn.replace(R, "ap-southeast-1") + "rec"),
    )
    add(
        "invoke in another region",
        Fails(
            404,
            "ResourceNotFoundException",
            f"Functions from 'ap-southeast-1' are not reachable in this region ('{R}')",
        ),
        lambda: functions.invoke(FunctionName=arn.replace(R, "ap-southeast-1") + "rec"),
    )
    add(
        "a role that is no ARN",
        Fails(
            400,
            "ValidationException",
            "1 validation error detected: Value 'r1' at 'role' failed to satisfy "
            "constraint: Member must satisfy regular expression pattern: arn:(aws[a-zA-Z-]*)?:iam::\\d{12}:role/?[a-zA-Z_0-9+=,.@\\-_/]+",
        ),
        create(Role="r1"),
    )
    add(
        "an unknown runtime",
        Fails(
            400,
            "InvalidParameterValueException",
            "Value non-existent-runtime at 'runtime' failed to satisfy "
            "constraint: Member must satisfy enum value set: [*] or be a valid ARN",
        ),
        create(Runtime="non-existent-runtime"),
    )
    add(
        "a deprecated runtime",
        Fails(
            400,
            "InvalidParameterValueException",
            "The runtime parameter of provided is no longer supported "
            "for creating or updating AWS Lambda functions. We recommend you use a supported runtime while creating or updating functions.",
        ),
        create(Runtime="provided"),
    )
    add(
        "two architectures",
        Fails(
            400,
            "ValidationException",
            "1 validation error detected: Value '[x86_64, arm64]' at 'architectures' "
            "failed to satisfy constraint: Member must have length less than or equal to 1",
        ),
        create(Architectures=["x86_64", "arm64"]),
    )
    add(
        "X86_64",
        Fails(
            400,
            "ValidationException",
            "1 validation error detected: Value '[X86_64]' at 'architectures' failed to satisfy "
            "constraint: Member must satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64], Member must not be null]",
        ),
        create(Architectures=["X86_64"]),
    )
    add(
        "a zip that is none",
        Fails(
            400,
            "InvalidParameterValueException",
            "Could not unzip uploaded file. Please check your file, then try to upload again.",
        ),
        create(Code={"ZipFile": b"no zip"}),
    )
    add(
        "more than 4 KB of variables",
        Fails(
            400,
            "InvalidParameterValueException",
            "Lambda was unable to configure your environment "
            'variables because the environment variables you have provided exceeded the 4KB limit. String measured: {"LARGE_VAR":"x*',
        ),
        create(Environment={"Variables": {"LARGE_VAR": "x" * 4096}}),
    )
    add(
        "51 tags",
        Fails(400, "InvalidParameterValueException", "Number of tags exceeds resource tag limit."),
        create(Tags={f"k{n}": "v" for n in range(51)}),
    )
    add(
        "a name of 65 characters",
        Fails(
            400,
            "InvalidParameterValueException",
            f"1 validation error detected: Value '{'a' * 65}' at "
            "'functionName' failed to satisfy constraint: Member must have length less than or equal to 64",
        ),
        create(FunctionName="a" * 65),
    )
    add(
        "a name with colons",
        Fails(
            400,
            "ValidationException",
            "1 validation error detected: Value 'invalid:function:name' at "
            "'functionName' failed to satisfy constraint: Member must satisfy regular expression pattern: *",
        ),
        create(FunctionName="invalid:function:name"),
    )
    add(
        "a name in another account",
        Fails(403, "AccessDeniedException"),
        create(FunctionName=f"arn:aws:lambda:{R}:999999999999:function:rec"),
    )
    add(
        "SnapStart of another kind",
        Fails(
            400,
            "ValidationException",
            "1 validation error detected: Value 'invalidOption' at "
            "'snapStart.applyOn' failed to satisfy constraint: Member must satisfy enum value set: [PublishedVersions, None]",
        ),
        create(SnapStart={"ApplyOn": "invalidOption"}),
    )
    add(
        "list with a FunctionVersion of another kind",
        Fails(
            400,
            "ValidationException",
            "1 validation error detected: Value 'invalid' "
            "at 'functionVersion' failed to satisfy constraint: Member must satisfy enum value set: [ALL]",
        ),
        lambda: functions.list_functions(FunctionVersion="invalid"),
    )
    revision = (
        "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest "
        "Revision Id"
    )
    add(
        "update with a wrong revision",
        Fails(412, "PreconditionFailedException", revision),
        lambda: functions.update_function_configuration(FunctionName="rec", Description="d", RevisionId="wrong"),
    )
    add(
        "update code with a wrong revision",
        Fails(412, "PreconditionFailedException", revision),
        lambda: functions.update_function_code(FunctionName="rec", ZipFile=zipped("x"), RevisionId="wrong"),
    )
    add(
        "publish with a wrong revision",
        Fails(412, "PreconditionFailedException", revision),
        lambda: functions.publish_version(FunctionName="rec", RevisionId="wrong"),
    )
    add(
        "publish with a wrong digest",
        Fails(
            400,
            "InvalidParameterValueException",
            "CodeSHA256 (other) is different from current CodeSHA256 "
            "in $LATEST (*). Please try again with the CodeSHA256 in $LATEST.",
        ),
        lambda: functions.publish_version(FunctionName="rec", CodeSha256="other"),
    )
    add(
        "permission of a wrong revision",
        Fails(412, "PreconditionFailedException", revision.replace("GetFunction/GetAlias", "GetPolicy")),
        lambda: functions.add_permission(
            FunctionName="rec",
            StatementId="s0",
            Action="lambda:InvokeFunction",
            Principal="s3.amazonaws.com",
            RevisionId="wrong",
        ),
    )
    permission_cases(functions, add, arn, missing, mismatch)
