"""API Gateway: WebSocket APIs and their authorizers."""

from case import STACKD, A, Fails, Gives, R, case, client


def gateway_cases():
    api = client("apigatewayv2")
    admission = STACKD + "testdata/aws/apigateway/websocket_authorizer_admission.json"
    made = api.create_api(Name="rec", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action")
    uri = f"arn:aws:apigateway:{R}:lambda:path/2015-03-31/functions/arn:aws:lambda:{R}:{A}:function:rec/invocations"
    ours, header = {"ApiId": made["ApiId"]}, "route.request.header.Authorization"

    def add(situation, expected, call):
        case("apigatewayv2", admission, situation, expected)(call)

    def create(kind="REQUEST", source=(header,), **more):
        if source is not None:
            more["IdentitySource"] = list(source)
        return lambda: api.create_authorizer(**ours, AuthorizerType=kind, AuthorizerUri=uri, Name="rec", **more)

    add(
        "create an API",
        Gives(
            201,
            has=("CreatedDate",),
            ApiKeySelectionExpression="$request.header.x-api-key",
            DisableExecuteApiEndpoint=False,
            IpAddressType="ipv4",
            ProtocolType="WEBSOCKET",
        ),
        lambda: made,
    )
    add(
        "an authorizer of its defaults",
        Gives(
            201,
            has=("AuthorizerId",),
            lacks=("AuthorizerResultTtlInSeconds", "AuthorizerPayloadFormatVersion", "EnableSimpleResponses"),
            IdentitySource=[header],
        ),
        create(),
    )
    only = Fails(
        400,
        "BadRequestException",
        "Invalid authorizer type. Only REQUEST authorizer type is supported on WEBSOCKET protocol Apis.",
    )
    add("of type JWT", only, create("JWT"))
    add(
        "of type JWT with its configuration",
        only,
        create(
            "JWT",
            ("$request.header.Authorization",),
            JwtConfiguration={"Issuer": "https://example.com", "Audience": ["probe"]},
        ),
    )
    add("of type TOKEN", only, create("TOKEN"))
    for name, value in (
        ("AuthorizerPayloadFormatVersion", ""),
        ("AuthorizerPayloadFormatVersion", "1.0"),
        ("AuthorizerPayloadFormatVersion", "2.0"),
        ("AuthorizerResultTtlInSeconds", 0),
        ("AuthorizerResultTtlInSeconds", 3601),
        ("EnableSimpleResponses", False),
        ("EnableSimpleResponses", True),
    ):
        add(
            f"with {name} {value!r}",
            Fails(400, "BadRequestException", f"{name} cannot be set for WEBSOCKET protocol Apis."),
            create(**{name: value}),
        )
    add("without an identity source", Gives(201, lacks=("IdentitySource",)), create(source=None))
    add("with an empty list of them", Gives(201, lacks=("IdentitySource",)), create(source=()))
    add("with an empty one", Gives(201, lacks=("IdentitySource",)), create(source=("",)))
    add(
        "with two",
        Gives(201, IdentitySource=[header, "route.request.querystring.tenant"]),
        create(source=(header, "route.request.querystring.tenant")),
    )
    for source in ("route.request.header.", "invalid", "$request.header.Authorization", "$context.routeKey"):
        add(
            f"with the identity source {source}",
            Fails(
                400,
                "BadRequestException",
                f"Invalid request identity source expression: {source}. The "
                "sources must be separated by comma, and each source must be either a request parameter, matching "
                "'route.request.querystring|header.[a-zA-Z0-9._-]+', or a stage variable, matching 'stageVariables.[a-zA-Z0-9._-]+', or a context "
                "parameter, matching 'context.[a-zA-Z0-9._-]+'",
            ),
            create(source=(source,)),
        )
    add(
        "get one that is not there",
        Fails(404, "NotFoundException", "Invalid Authorizer identifier specified"),
        lambda: api.get_authorizer(**ours, AuthorizerId="d69ao7"),
    )
