//! Authorizers, who may use them, and what is refused because the data plane would not do it.

use aws_sdk_apigatewayv2::Client;
use aws_sdk_apigatewayv2::operation::create_authorizer::builders::CreateAuthorizerFluentBuilder;
use aws_sdk_apigatewayv2::types::{AuthorizationType, AuthorizerType};

use super::apigatewayv2::{FUNCTION_URI, api};
use super::{cloud, config, refusal};

const HEADER: &str = "route.request.header.Authorization";

fn creation(client: &Client, api_id: &str, name: &str) -> CreateAuthorizerFluentBuilder {
    client
        .create_authorizer()
        .api_id(api_id)
        .name(name)
        .authorizer_type(AuthorizerType::Request)
        .authorizer_uri(FUNCTION_URI)
        .identity_source(HEADER)
}

#[tokio::test]
async fn an_authorizer_reads_back_changes_and_goes() {
    let cloud = cloud().await;
    let client = Client::new(&config(&cloud));
    let (api_id, ..) = api(&client).await;
    let made = creation(&client, &api_id, "guard").send().await.unwrap();
    let id = made.authorizer_id().unwrap();
    assert_eq!(id.len(), 6);
    assert_eq!(made.identity_source(), [HEADER]);
    assert_eq!(made.authorizer_result_ttl_in_seconds(), None);
    assert_eq!(made.authorizer_payload_format_version(), None);
    let listed = client
        .get_authorizers()
        .api_id(&api_id)
        .send()
        .await
        .unwrap();
    assert_eq!(listed.items()[0].authorizer_id(), Some(id));
    let update = || client.update_authorizer().api_id(&api_id).authorizer_id(id);
    let role = "arn:aws:iam::000000000000:role/invoke";
    let changed = update()
        .name("renamed")
        .authorizer_credentials_arn(role)
        .identity_validation_expression("^x(?=y)$")
        .set_identity_source(Some(Vec::new()))
        .send()
        .await
        .unwrap();
    assert_eq!(changed.authorizer_credentials_arn(), Some(role));
    assert_eq!(changed.identity_source(), [""; 0]);
    let cleared = update()
        .authorizer_credentials_arn("")
        .identity_validation_expression("")
        .authorizer_payload_format_version("")
        .send()
        .await
        .unwrap();
    assert_eq!(cleared.authorizer_credentials_arn(), None);
    assert_eq!(cleared.identity_validation_expression(), None);
    // A refusal changes nothing.
    let bad = update()
        .name("other")
        .identity_source("invalid")
        .send()
        .await;
    assert_eq!(refusal(bad).0, "BadRequestException");
    let get = || {
        client
            .get_authorizer()
            .api_id(&api_id)
            .authorizer_id(id)
            .send()
    };
    assert_eq!(get().await.unwrap().name(), Some("renamed"));
    let delete = client.delete_authorizer().api_id(&api_id);
    delete.authorizer_id(id).send().await.unwrap();
    let (code, words) = refusal(get().await);
    assert_eq!(code, "NotFoundException");
    assert_eq!(words, "Invalid Authorizer identifier specified");
    cloud.stop().await;
}

#[tokio::test]
async fn what_is_no_authorizer_of_a_websocket_api_is_refused_in_aws_s_words() {
    let cloud = cloud().await;
    let client = Client::new(&config(&cloud));
    let (api_id, ..) = api(&client).await;
    let new = || creation(&client, &api_id, "guard");
    let foreign = |what: &str| format!("{what} cannot be set for WEBSOCKET protocol Apis.");
    let cases = [
        (
            new().authorizer_type(AuthorizerType::Jwt),
            "Invalid authorizer type. Only REQUEST authorizer type is supported on WEBSOCKET protocol Apis.".to_owned(),
        ),
        (
            new().authorizer_payload_format_version("2.0"),
            foreign("AuthorizerPayloadFormatVersion"),
        ),
        (
            new().authorizer_result_ttl_in_seconds(0),
            foreign("AuthorizerResultTtlInSeconds"),
        ),
        (
            new().enable_simple_responses(false),
            foreign("EnableSimpleResponses"),
        ),
        (
            new().authorizer_credentials_arn("not-an-arn"),
            "Invalid role ARN".to_owned(),
        ),
        (
            new().authorizer_uri("arn:aws:lambda:us-east-1:000000000000:function:chat"),
            "Invalid authorizer URI".to_owned(),
        ),
        (
            new().identity_validation_expression("["),
            "Invalid validation expression: [".to_owned(),
        ),
        (
            new().identity_validation_expression(""),
            "IdentityValidationExpression must not be empty.".to_owned(),
        ),
        (
            new().identity_source("$request.header.Authorization"),
            "Invalid request identity source expression: $request.header.Authorization. The sources must be separated by comma, and each source must be either a request parameter, matching 'route.request.querystring|header.[a-zA-Z0-9._-]+', or a stage variable, matching 'stageVariables.[a-zA-Z0-9._-]+', or a context parameter, matching 'context.[a-zA-Z0-9._-]+'".to_owned(),
        ),
    ];
    for (case, wanted) in cases {
        let (code, words) = refusal(case.send().await);
        assert_eq!((code.as_str(), words), ("BadRequestException", wanted));
    }
    cloud.stop().await;
}

#[tokio::test]
async fn an_eleventh_authorizer_is_a_conflict_on_status_429() {
    let cloud = cloud().await;
    let client = Client::new(&config(&cloud));
    let (api_id, ..) = api(&client).await;
    for number in 0..10 {
        let new = creation(&client, &api_id, &format!("guard{number}"));
        new.send().await.unwrap();
    }
    let error = creation(&client, &api_id, "one more")
        .send()
        .await
        .unwrap_err();
    assert_eq!(error.raw_response().unwrap().status().as_u16(), 429);
    assert!(error.as_service_error().unwrap().is_conflict_exception());
    for number in 0..10 {
        let stage = client.create_stage().api_id(&api_id);
        stage.stage_name(format!("s{number}")).send().await.unwrap();
    }
    let stage = client.create_stage().api_id(&api_id).stage_name("s10");
    assert_eq!(refusal(stage.send().await).0, "ConflictException");
    cloud.stop().await;
}

#[tokio::test]
async fn only_connect_is_guarded_and_an_authorizer_in_use_stays() {
    let cloud = cloud().await;
    let client = Client::new(&config(&cloud));
    let (api_id, _, connect) = api(&client).await;
    let made = creation(&client, &api_id, "guard").send().await.unwrap();
    let id = made.authorizer_id().unwrap();
    let custom = AuthorizationType::Custom;
    let route = client.create_route().api_id(&api_id).route_key("$default");
    let route = route.authorization_type(custom.clone()).authorizer_id(id);
    let words = refusal(route.send().await).1;
    assert_eq!(
        words,
        "Currently, authorization is restricted to the $connect route only"
    );
    let update = || client.update_route().api_id(&api_id).route_id(&connect);
    let without = update().authorization_type(custom.clone()).send().await;
    assert_eq!(refusal(without).0, "BadRequestException");
    let unknown = update()
        .authorization_type(custom.clone())
        .authorizer_id("none");
    assert_eq!(refusal(unknown.send().await).0, "BadRequestException");
    let guarded = update().authorization_type(custom).authorizer_id(id);
    let guarded = guarded.send().await.unwrap();
    assert_eq!(guarded.authorizer_id(), Some(id));
    let delete = || {
        let delete = client.delete_authorizer().api_id(&api_id);
        delete.authorizer_id(id).send()
    };
    let (code, words) = refusal(delete().await);
    assert_eq!(code, "ConflictException");
    assert_eq!(
        words,
        "Cannot delete authorizer 'guard', is referenced in route: $connect"
    );
    let open = update().authorization_type(AuthorizationType::None);
    assert_eq!(open.send().await.unwrap().authorizer_id(), None);
    delete().await.unwrap();
    cloud.stop().await;
}

#[tokio::test]
async fn what_the_data_plane_would_not_do_is_a_501_that_names_it() {
    let cloud = cloud().await;
    let client = Client::new(&config(&cloud));
    let (api_id, ..) = api(&client).await;
    let route = || client.create_route().api_id(&api_id).route_key("a");
    let integration = |kind: &str| {
        let made = client.create_integration().api_id(&api_id);
        made.integration_type(kind.into())
            .integration_method("POST")
            .integration_uri(if kind == "AWS_PROXY" {
                FUNCTION_URI
            } else {
                "http://x.example"
            })
    };
    let vtl = "$input.path('$')";
    let routes = [
        (route().request_models("$default", "m"), "requestModels"),
        (
            route().model_selection_expression("$request.body.a"),
            "modelSelectionExpression",
        ),
    ];
    for (case, named) in routes {
        let (code, words) = refusal(case.send().await);
        assert_eq!(code, "NotImplemented");
        assert!(words.contains(named), "{words}");
    }
    let integrations = [
        (integration("AWS"), "an AWS integration"),
        (
            integration("HTTP_PROXY").connection_type("VPC_LINK".into()),
            "a VPC link",
        ),
        (integration("HTTP").request_templates("a", vtl), "VTL"),
        (
            integration("AWS_PROXY").content_handling_strategy("CONVERT_TO_BINARY".into()),
            "binary",
        ),
        (
            integration("AWS_PROXY").request_parameters("integration.request.header.a", "'b'"),
            "requestParameters",
        ),
    ];
    for (case, named) in integrations {
        let (code, words) = refusal(case.send().await);
        assert_eq!(code, "NotImplemented");
        assert!(words.contains(named), "{words}");
    }
    let mapped = integration("HTTP").request_parameters("integration.request.header.a", "b");
    assert_eq!(refusal(mapped.send().await).0, "BadRequestException");
    let model = client.create_model().api_id(&api_id).name("m").schema("{}");
    let (code, words) = refusal(model.send().await);
    assert_eq!(code, "NotImplemented");
    assert!(words.contains("CreateModel"), "{words}");
    cloud.stop().await;
}
