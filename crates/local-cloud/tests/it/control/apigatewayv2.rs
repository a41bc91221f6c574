//! WebSocket APIs as a deployer makes them, and everything that AWS refuses on the way.

use aws_sdk_apigatewayv2::Client;
use aws_sdk_apigatewayv2::types::{IntegrationType, LoggingLevel, ProtocolType, RouteSettings};
use chatctl_local_cloud::ControlPlane;

use super::{cloud, cloud_with, config, refusal};

pub(super) const FUNCTION_URI: &str = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:chat/invocations";

/// An API with an integration and a `$connect` route.
pub(super) async fn api(client: &Client) -> (String, String, String) {
    let api = client
        .create_api()
        .name("chat-production")
        .protocol_type(ProtocolType::Websocket)
        .route_selection_expression("$request.body.action")
        .tags("chatctl:stack", "chat")
        .send()
        .await
        .unwrap();
    let api_id = api.api_id().unwrap().to_owned();
    let integration = client
        .create_integration()
        .api_id(&api_id)
        .integration_type(IntegrationType::AwsProxy)
        .integration_method("POST")
        .integration_uri(FUNCTION_URI)
        .send()
        .await
        .unwrap();
    let integration_id = integration.integration_id().unwrap().to_owned();
    let route_id = route(client, &api_id, "$connect", &integration_id).await;
    (api_id, integration_id, route_id)
}

async fn route(client: &Client, api_id: &str, key: &str, integration_id: &str) -> String {
    let route = client
        .create_route()
        .api_id(api_id)
        .route_key(key)
        .target(format!("integrations/{integration_id}"))
        .send()
        .await
        .unwrap();
    route.route_id().unwrap().to_owned()
}

async fn deploy(client: &Client, api_id: &str) -> String {
    let deployment = client
        .create_deployment()
        .api_id(api_id)
        .send()
        .await
        .unwrap();
    deployment.deployment_id().unwrap().to_owned()
}

#[tokio::test]
async fn an_api_reads_back_with_its_defaults() {
    let cloud = cloud().await;
    let client = Client::new(&config(&cloud));
    let (api_id, integration_id, route_id) = api(&client).await;
    let read = client.get_api().api_id(&api_id).send().await.unwrap();
    let port = cloud.addr().port();
    assert_eq!(
        read.api_endpoint().unwrap(),
        format!("ws://127.0.0.1:{port}/_aws/execute-api/{api_id}")
    );
    assert_eq!(read.tags().unwrap()["chatctl:stack"], "chat");
    assert!(read.created_date().is_some());
    let integration = client
        .get_integration()
        .api_id(&api_id)
        .integration_id(integration_id)
        .send()
        .await
        .unwrap();
    assert_eq!(integration.timeout_in_millis(), Some(29_000));
    assert_eq!(
        integration.passthrough_behavior().unwrap().as_str(),
        "WHEN_NO_MATCH"
    );
    assert_eq!(integration.connection_type().unwrap().as_str(), "INTERNET");
    let route = client
        .get_route()
        .api_id(&api_id)
        .route_id(route_id)
        .send()
        .await
        .unwrap();
    assert_eq!(route.authorization_type().unwrap().as_str(), "NONE");
    assert_eq!(route.api_key_required(), Some(false));
    cloud.stop().await;
}

#[tokio::test]
async fn a_second_route_with_the_same_key_conflicts() {
    let cloud = cloud().await;
    let client = Client::new(&config(&cloud));
    let (api_id, ..) = api(&client).await;
    let (code, words) = refusal(
        client
            .create_route()
            .api_id(&api_id)
            .route_key("$connect")
            .send()
            .await,
    );
    assert_eq!(code, "ConflictException");
    assert_eq!(words, "Route with key $connect already exists for this API");
    cloud.stop().await;
}

#[tokio::test]
async fn an_integration_in_use_cannot_be_deleted() {
    let cloud = cloud().await;
    let client = Client::new(&config(&cloud));
    let (api_id, integration_id, route_id) = api(&client).await;
    let delete = || {
        client
            .delete_integration()
            .api_id(&api_id)
            .integration_id(&integration_id)
            .send()
    };
    let (code, words) = refusal(delete().await);
    assert_eq!(code, "ConflictException");
    assert_eq!(
        words,
        format!(
            "Cannot delete Integration because it is referenced by the following Routes with Ids: [{route_id}]"
        )
    );
    client
        .delete_route()
        .api_id(&api_id)
        .route_id(&route_id)
        .send()
        .await
        .unwrap();
    delete().await.unwrap();
    cloud.stop().await;
}

#[tokio::test]
async fn a_deployment_needs_a_route_and_stays_while_a_stage_uses_it() {
    let cloud = cloud().await;
    let client = Client::new(&config(&cloud));
    let (api_id, _, route_id) = api(&client).await;
    let first = deploy(&client, &api_id).await;
    client
        .create_stage()
        .api_id(&api_id)
        .stage_name("production")
        .deployment_id(&first)
        .send()
        .await
        .unwrap();
    let (code, words) = refusal(
        client
            .delete_deployment()
            .api_id(&api_id)
            .deployment_id(&first)
            .send()
            .await,
    );
    assert_eq!(code, "BadRequestException");
    assert_eq!(
        words,
        "Active stages pointing to this deployment must be moved or deleted"
    );
    client
        .delete_stage()
        .api_id(&api_id)
        .stage_name("production")
        .send()
        .await
        .unwrap();
    client
        .delete_deployment()
        .api_id(&api_id)
        .deployment_id(&first)
        .send()
        .await
        .unwrap();
    client
        .delete_route()
        .api_id(&api_id)
        .route_id(route_id)
        .send()
        .await
        .unwrap();
    let (_, words) = refusal(client.create_deployment().api_id(&api_id).send().await);
    assert_eq!(
        words,
        "At least one route is required before deploying the Api"
    );
    cloud.stop().await;
}

#[tokio::test]
async fn two_writes_at_once_to_one_api_conflict() {
    let cloud = cloud_with(ControlPlane {
        mutation_millis: 200,
        ..ControlPlane::default()
    })
    .await;
    let client = Client::new(&config(&cloud));
    let (api_id, ..) = api(&client).await;
    let create = |key: &str| client.create_route().api_id(&api_id).route_key(key).send();
    let (one, two) = tokio::join!(create("a"), create("b"));
    let failed = [one.err(), two.err()]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>();
    assert_eq!(failed.len(), 1);
    let error = failed[0].as_service_error().unwrap();
    assert!(error.is_conflict_exception());
    assert_eq!(
        aws_smithy_types::error::metadata::ProvideErrorMetadata::message(error),
        Some(
            "Unable to complete operation due to concurrent modification. Please try again later."
        )
    );
    cloud.stop().await;
}

#[tokio::test]
async fn stage_variables_merge_and_an_empty_value_takes_one_away() {
    let cloud = cloud().await;
    let client = Client::new(&config(&cloud));
    let (api_id, ..) = api(&client).await;
    client
        .create_stage()
        .api_id(&api_id)
        .stage_name("s")
        .stage_variables("a", "1")
        .stage_variables("b", "2")
        .send()
        .await
        .unwrap();
    let updated = client
        .update_stage()
        .api_id(&api_id)
        .stage_name("s")
        .stage_variables("a", "")
        .stage_variables("c", "3")
        .send()
        .await
        .unwrap();
    let variables = updated.stage_variables().unwrap();
    assert_eq!((variables.get("a"), variables.len()), (None, 2));
    let nothing = std::collections::HashMap::new();
    let unchanged = client.update_stage().api_id(&api_id).stage_name("s");
    let unchanged = unchanged.set_stage_variables(Some(nothing)).send().await;
    assert_eq!(unchanged.unwrap().stage_variables().unwrap().len(), 2);
    cloud.stop().await;
}

#[tokio::test]
async fn a_word_that_is_no_log_level_is_stored_as_off() {
    let cloud = cloud().await;
    let client = Client::new(&config(&cloud));
    let (api_id, ..) = api(&client).await;
    let settings = RouteSettings::builder()
        .logging_level(LoggingLevel::from("DEBUG"))
        .build();
    let stage = client
        .create_stage()
        .api_id(&api_id)
        .stage_name("s")
        .default_route_settings(settings)
        .send()
        .await
        .unwrap();
    let read = stage.default_route_settings().unwrap();
    assert_eq!(read.logging_level(), Some(&LoggingLevel::Off));
    assert_eq!(read.throttling_burst_limit(), None);
    cloud.stop().await;
}

#[tokio::test]
async fn a_stage_that_deploys_by_itself_follows_every_change() {
    let cloud = cloud().await;
    let client = Client::new(&config(&cloud));
    let (api_id, integration_id, _) = api(&client).await;
    let stage = client
        .create_stage()
        .api_id(&api_id)
        .stage_name("s")
        .auto_deploy(true)
        .send()
        .await
        .unwrap();
    let first = stage.deployment_id().unwrap().to_owned();
    route(&client, &api_id, "sendPublic", &integration_id).await;
    let read = client
        .get_stage()
        .api_id(&api_id)
        .stage_name("s")
        .send()
        .await
        .unwrap();
    assert_ne!(read.deployment_id().unwrap(), first);
    let message = read.last_deployment_status_message().unwrap();
    assert!(
        message.starts_with("Successfully deployed stage with deployment ID"),
        "{message}"
    );
    cloud.stop().await;
}

#[tokio::test]
async fn a_deployment_that_fails_by_itself_is_no_error_but_a_message() {
    let cloud = cloud().await;
    let client = Client::new(&config(&cloud));
    let (api_id, _, route_id) = api(&client).await;
    let stage = client.create_stage().api_id(&api_id).stage_name("s");
    let stage = stage.auto_deploy(true).send().await.unwrap();
    let first = stage.deployment_id().unwrap();
    let update = client.update_stage().api_id(&api_id).stage_name("s");
    let (code, _) = refusal(update.deployment_id(first).send().await);
    assert_eq!(code, "BadRequestException", "it deploys by itself");
    let delete = client.delete_route().api_id(&api_id).route_id(&route_id);
    delete.send().await.unwrap();
    let read = client.get_stage().api_id(&api_id).stage_name("s");
    let read = read.send().await.unwrap();
    assert_eq!(
        read.last_deployment_status_message(),
        Some("Deployment attempt failed: Unable to deploy API because no routes exist in this API")
    );
    assert_eq!(
        read.deployment_id(),
        Some(first),
        "the last one that worked"
    );
    cloud.stop().await;
}

#[tokio::test]
async fn an_api_without_tags_has_no_such_member_and_a_stage_an_empty_one() {
    let cloud = cloud().await;
    let client = Client::new(&config(&cloud));
    let made = client
        .create_api()
        .name("plain")
        .protocol_type(ProtocolType::Websocket)
        .route_selection_expression("$request.body.action");
    let made = made.send().await.unwrap();
    assert_eq!(made.tags(), None);
    let api_id = made.api_id().unwrap();
    let arn = format!("arn:aws:apigateway:us-east-1::/apis/{api_id}");
    let tags = client.get_tags().resource_arn(arn).send().await.unwrap();
    assert!(tags.tags().is_some_and(|tags| tags.is_empty()));
    let read = client.get_api().api_id(api_id).send().await.unwrap();
    assert_eq!(read.tags(), None, "a look adds nothing");
    let stage = client.create_stage().api_id(api_id).stage_name("s");
    let stage = stage.send().await.unwrap();
    assert!(stage.tags().is_some_and(|tags| tags.is_empty()));
    cloud.stop().await;
}

#[tokio::test]
async fn lists_come_in_pages_and_nothing_is_lost_between_them() {
    let cloud = cloud().await;
    let client = Client::new(&config(&cloud));
    let (api_id, integration_id, _) = api(&client).await;
    for index in 0..30 {
        route(&client, &api_id, &format!("key{index}"), &integration_id).await;
    }
    let mut keys = std::collections::BTreeSet::new();
    let mut token = None;
    let mut pages = 0;
    loop {
        let page = client
            .get_routes()
            .api_id(&api_id)
            .set_next_token(token)
            .send()
            .await
            .unwrap();
        keys.extend(
            page.items()
                .iter()
                .map(|route| route.route_key().unwrap().to_owned()),
        );
        token = page.next_token().map(str::to_owned);
        pages += 1;
        if token.is_none() {
            break;
        }
    }
    assert_eq!((keys.len(), pages), (31, 2));
    cloud.stop().await;
}

#[tokio::test]
async fn route_responses_and_tags_come_and_go() {
    let cloud = cloud().await;
    let client = Client::new(&config(&cloud));
    let (api_id, _, route_id) = api(&client).await;
    let response = client
        .create_route_response()
        .api_id(&api_id)
        .route_id(&route_id)
        .route_response_key("$default")
        .send()
        .await
        .unwrap();
    let id = response.route_response_id().unwrap();
    let listed = client
        .get_route_responses()
        .api_id(&api_id)
        .route_id(&route_id)
        .send()
        .await
        .unwrap();
    assert_eq!(listed.items()[0].route_response_id(), Some(id));
    client
        .delete_route_response()
        .api_id(&api_id)
        .route_id(&route_id)
        .route_response_id(id)
        .send()
        .await
        .unwrap();
    let arn = format!("arn:aws:apigateway:us-east-1::/apis/{api_id}");
    client
        .tag_resource()
        .resource_arn(&arn)
        .tags("a", "1")
        .send()
        .await
        .unwrap();
    client
        .untag_resource()
        .resource_arn(&arn)
        .tag_keys("chatctl:stack")
        .send()
        .await
        .unwrap();
    let tags = client.get_tags().resource_arn(&arn).send().await.unwrap();
    assert_eq!(tags.tags().unwrap().len(), 1);
    cloud.stop().await;
}

#[tokio::test]
async fn an_api_that_is_gone_is_not_found() {
    let cloud = cloud().await;
    let client = Client::new(&config(&cloud));
    let (api_id, ..) = api(&client).await;
    client.delete_api().api_id(&api_id).send().await.unwrap();
    let (code, words) = refusal(client.get_api().api_id(&api_id).send().await);
    assert_eq!(code, "NotFoundException");
    assert_eq!(
        words,
        format!("Invalid API identifier specified 000000000000:{api_id}")
    );
    assert!(client.get_apis().send().await.unwrap().items().is_empty());
    cloud.stop().await;
}

#[tokio::test]
async fn an_operation_that_is_not_here_names_itself() {
    let cloud = cloud().await;
    let client = Client::new(&config(&cloud));
    let (code, words) = refusal(client.get_domain_names().send().await);
    assert_eq!(code, "NotImplemented");
    assert!(words.contains("GetDomainNames"), "{words}");
    cloud.stop().await;
}
