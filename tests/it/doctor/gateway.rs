//! The API and its parts.

use super::{FUNCTION, Patient, STAGE};
use aws_sdk_apigatewayv2::types::{AuthorizationType, ProtocolType, Route, RouteSettings};
use std::time::Duration;

async fn route(patient: &Patient, key: &str) -> Route {
    let gateway = &patient.world.clients.apigatewayv2;
    let routes = gateway.get_routes().api_id(&patient.api).send();
    let routes = routes.await.unwrap().items.unwrap();
    routes
        .into_iter()
        .find(|route| route.route_key() == Some(key))
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn another_way_to_choose_routes_is_found() {
    let patient = Patient::healthy().await;
    let gateway = &patient.world.clients.apigatewayv2;
    gateway
        .update_api()
        .api_id(&patient.api)
        .route_selection_expression("$request.body.type")
        .send()
        .await
        .unwrap();
    let found = patient.examine();
    assert_eq!(found.checks[0], "api:failure", "{found:?}");
    patient.follow(found.mends.first().unwrap());
    patient.examine().is(&[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_api_with_the_same_tags_is_found() {
    let patient = Patient::healthy().await;
    // Ours is the older one, and APIs are dated to the second.
    patient.world.cloud.clock().turn(Duration::from_secs(2));
    let gateway = &patient.world.clients.apigatewayv2;
    gateway
        .create_api()
        .name("chat-production")
        .protocol_type(ProtocolType::Websocket)
        .route_selection_expression("$request.body.action")
        .tags("chatctl:stack", "chat")
        .tags("chatctl:stage", STAGE)
        .tags("chatctl:id", "api")
        .send()
        .await
        .unwrap();
    patient.is_found_and_mended(&["api:warning"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stage_that_is_gone_is_found() {
    let patient = Patient::healthy().await;
    let gateway = &patient.world.clients.apigatewayv2;
    let delete = gateway.delete_stage().api_id(&patient.api);
    delete.stage_name(STAGE).send().await.unwrap();
    let found = patient.examine();
    let failures = found
        .checks
        .iter()
        .filter(|check| check.ends_with(":failure"));
    assert_eq!(failures.collect::<Vec<_>>(), ["stage:failure"], "{found:?}");
    patient.follow(found.mends.first().unwrap());
    patient.examine().is(&[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_that_is_gone_is_found() {
    let patient = Patient::healthy().await;
    let public = route(&patient, "sendPublic").await;
    let gateway = &patient.world.clients.apigatewayv2;
    let delete = gateway.delete_route().api_id(&patient.api);
    let delete = delete.route_id(public.route_id().unwrap()).send();
    delete.await.unwrap();
    patient.is_found_and_mended(&["routes:failure"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_that_lets_in_only_some_is_found() {
    let patient = Patient::healthy().await;
    let connect = route(&patient, "$connect").await;
    let gateway = &patient.world.clients.apigatewayv2;
    let update = gateway.update_route().api_id(&patient.api);
    update
        .route_id(connect.route_id().unwrap())
        .authorization_type(AuthorizationType::AwsIam)
        .send()
        .await
        .unwrap();
    patient.is_found_and_mended(&["routes:warning"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_that_the_function_does_not_know_is_found() {
    let patient = Patient::healthy().await;
    let known = route(&patient, "sendPublic").await;
    let gateway = &patient.world.clients.apigatewayv2;
    let create = gateway.create_route().api_id(&patient.api);
    create
        .route_key("shout")
        .target(known.target().unwrap())
        .send()
        .await
        .unwrap();
    patient.is_found_and_mended(&["routes:warning"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_integration_that_calls_something_else_is_found() {
    let patient = Patient::healthy().await;
    let gateway = &patient.world.clients.apigatewayv2;
    let found = gateway.get_integrations().api_id(&patient.api).send();
    let found = found.await.unwrap();
    let integration = &found.items()[0];
    let uri = integration.integration_uri().unwrap();
    gateway
        .update_integration()
        .api_id(&patient.api)
        .integration_id(integration.integration_id().unwrap())
        .integration_uri(uri.replace(FUNCTION, "another"))
        .send()
        .await
        .unwrap();
    // What is deployed still calls the function, so a client notices nothing yet.
    patient.is_found_and_mended(&["integration:failure"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_deployment_on_the_stage_is_found() {
    let patient = Patient::healthy().await;
    deployment(&patient, "chatctl:000000000000").await;
    patient.is_found_and_mended(&["deployment:failure"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_of_somebody_else_is_found() {
    let patient = Patient::healthy().await;
    deployment(&patient, "by hand").await;
    patient.is_found_and_mended(&["deployment:warning"]);
}

/// Puts another deployment on the stage.
async fn deployment(patient: &Patient, description: &str) {
    let gateway = &patient.world.clients.apigatewayv2;
    let create = gateway.create_deployment().api_id(&patient.api);
    let made = create.description(description).send().await.unwrap();
    gateway
        .update_stage()
        .api_id(&patient.api)
        .stage_name(STAGE)
        .deployment_id(made.deployment_id().unwrap())
        .send()
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_of_zero_are_found() {
    let patient = Patient::healthy().await;
    let none = |now: RouteSettings| {
        RouteSettings::builder()
            .set_logging_level(now.logging_level)
            .throttling_burst_limit(0)
            .throttling_rate_limit(0.0)
            .build()
    };
    patient.set_stage(none).await;
    patient.is_found_and_mended(&["throttles:failure", "probe:failure"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_with_a_limit_of_zero_is_found() {
    let patient = Patient::healthy().await;
    let gateway = &patient.world.clients.apigatewayv2;
    let none = RouteSettings::builder()
        .throttling_burst_limit(0)
        .throttling_rate_limit(0.0);
    let update = gateway.update_stage().api_id(&patient.api);
    update
        .stage_name(STAGE)
        .route_settings("sendPrivate", none.build())
        .send()
        .await
        .unwrap();
    patient.is_found_and_mended(&["throttles:failure"]);
}

impl Patient {
    pub(super) async fn set_stage(&self, change: impl FnOnce(RouteSettings) -> RouteSettings) {
        let gateway = &self.world.clients.apigatewayv2;
        let stage = gateway.get_stage().api_id(&self.api).stage_name(STAGE);
        let now = stage.send().await.unwrap().default_route_settings.unwrap();
        let update = gateway.update_stage().api_id(&self.api).stage_name(STAGE);
        let update = update.default_route_settings(change(now)).send();
        update.await.unwrap();
    }
}
