//! The API and its stage.

use super::*;

pub fn the_api() -> Vec<Row> {
    use Action::{Create, Delete, Update};
    vec![
        (
            change!(w => gateway(w).update_api().api_id(api(w).await).name("other").send().await.unwrap()),
            "api",
            Update,
            "name",
        ),
        (
            change!(w => gateway(w).update_api().api_id(api(w).await).route_selection_expression("$request.body.kind").send().await.unwrap()),
            "api",
            Update,
            "routeSelectionExpression",
        ),
        (
            change!(w => gateway(w).untag_resource().resource_arn(api_arn(&api(w).await)).tag_keys("chatctl:id").send().await.unwrap()),
            "api",
            Update,
            "tags.chatctl:id",
        ),
        (
            change!(w => gateway(w).update_integration().api_id(api(w).await).integration_id(integration(w).await).timeout_in_millis(1000).send().await.unwrap()),
            "integration",
            Update,
            "timeoutInMillis",
        ),
        (
            change!(w => gateway(w).update_integration().api_id(api(w).await).integration_id(integration(w).await).integration_uri("arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:other/invocations").send().await.unwrap()),
            "integration",
            Update,
            "integrationUri",
        ),
        (
            change!(w => gateway(w).update_integration().api_id(api(w).await).integration_id(integration(w).await).description("mine").send().await.unwrap()),
            "integration",
            Update,
            "description",
        ),
        (
            change!(w => gateway(w).update_route().api_id(api(w).await).route_id(route(w, "setName").await).api_key_required(true).send().await.unwrap()),
            "route/setName",
            Update,
            "apiKeyRequired",
        ),
        (
            change!(w => gateway(w).update_route().api_id(api(w).await).route_id(route(w, "setName").await).route_response_selection_expression("$default").send().await.unwrap()),
            "route/setName",
            Update,
            "routeResponseSelectionExpression",
        ),
        (
            change!(w => retarget(w).await),
            "route/sendPublic",
            Update,
            "target",
        ),
        (
            change!(w => gateway(w).delete_route().api_id(api(w).await).route_id(route(w, "$default").await).send().await.unwrap()),
            "route/$default",
            Create,
            "target",
        ),
        (
            change!(w => gateway(w).create_route().api_id(api(w).await).route_key("more").send().await.unwrap()),
            "route/more",
            Delete,
            "",
        ),
    ]
}

async fn retarget(w: &World) {
    let api = api(w).await;
    let made = gateway(w)
        .create_integration()
        .api_id(&api)
        .integration_type(IntegrationType::Mock);
    let made = made.send().await.unwrap();
    let target = format!("integrations/{}", made.integration_id().unwrap());
    let call = gateway(w)
        .update_route()
        .api_id(&api)
        .route_id(route(w, "sendPublic").await);
    call.target(target).send().await.unwrap();
}

pub fn the_stage() -> Vec<Row> {
    use Action::{Create, Update};
    vec![
        (
            change!(w => stage(w, settings().logging_level(LoggingLevel::Off)).await),
            "stage",
            Update,
            "loggingLevel",
        ),
        (
            change!(w => stage(w, settings().data_trace_enabled(true)).await),
            "stage",
            Update,
            "dataTraceEnabled",
        ),
        (
            change!(w => stage(w, settings().throttling_rate_limit(1.0)).await),
            "stage",
            Update,
            "throttlingRateLimit",
        ),
        (
            change!(w => stage(w, settings().throttling_burst_limit(1)).await),
            "stage",
            Update,
            "throttlingBurstLimit",
        ),
        (
            change!(w => access_format(w).await),
            "stage",
            Update,
            "accessLog.format",
        ),
        (
            change!(w => over_ride(w).await),
            "stage",
            Update,
            "routeSettings.setName",
        ),
        (
            change!(w => gateway(w).untag_resource().resource_arn(format!("{}/stages/production", api_arn(&api(w).await))).tag_keys("chatctl:id").send().await.unwrap()),
            "stage",
            Update,
            "tags.chatctl:id",
        ),
        (
            change!(w => other_deployment(w).await),
            "stage",
            Update,
            "deployment",
        ),
        (
            change!(w => gateway(w).delete_stage().api_id(api(w).await).stage_name("production").send().await.unwrap()),
            "stage",
            Create,
            "deployment",
        ),
    ]
}

async fn access_format(w: &World) {
    let access = AccessLogSettings::builder()
        .destination_arn(group_arn("/chatctl/chat/production/access"))
        .format("$context.requestId");
    let call = gateway(w)
        .update_stage()
        .api_id(api(w).await)
        .stage_name("production");
    call.access_log_settings(access.build())
        .send()
        .await
        .unwrap();
}

async fn over_ride(w: &World) {
    let settings = RouteSettings::builder()
        .throttling_rate_limit(1.0)
        .throttling_burst_limit(1);
    let call = gateway(w)
        .update_stage()
        .api_id(api(w).await)
        .stage_name("production");
    call.route_settings("setName", settings.build())
        .send()
        .await
        .unwrap();
}

async fn other_deployment(w: &World) {
    let api = api(w).await;
    let made = gateway(w)
        .create_deployment()
        .api_id(&api)
        .send()
        .await
        .unwrap();
    let call = gateway(w)
        .update_stage()
        .api_id(&api)
        .stage_name("production");
    call.deployment_id(made.deployment_id().unwrap())
        .send()
        .await
        .unwrap();
}
