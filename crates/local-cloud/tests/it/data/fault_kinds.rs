//! Errors with a code, calls that are never answered, and answers that say nothing.

use std::time::Duration;

use aws_sdk_apigatewayv2::types::ProtocolType;

use super::{World, calm, refusal};

fn plan(world: &World, fault: &str) {
    world.cloud.inject(fault.parse().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_has_the_code_and_words_that_were_planned_in_the_services_own_protocol() {
    let world = World::bare(calm()).await;
    let is = |refused: (String, String), code: &str| {
        assert_eq!(
            (refused.0.as_str(), refused.1.as_str()),
            (code, "as it was planned")
        );
    };
    plan(&world, "iam=error:409:LimitExceeded:as it was planned");
    is(
        refusal(world.iam.list_roles().send().await),
        "LimitExceeded",
    );
    plan(
        &world,
        "logs=error:400:OperationAbortedException:as it was planned",
    );
    let logs = world.logs.create_log_group().log_group_name("g").send();
    is(refusal(logs.await), "OperationAbortedException");
    plan(
        &world,
        "lambda=error:400:ENILimitReachedException:as it was planned",
    );
    let functions = world.lambda.list_functions().send().await;
    is(refusal(functions), "ENILimitReachedException");
    plan(
        &world,
        "dynamodb=error:400:LimitExceededException:as it was planned",
    );
    let dynamodb = aws_sdk_dynamodb::Client::new(&world.config);
    is(
        refusal(dynamodb.list_tables().send().await),
        "LimitExceededException",
    );
    let groups = world.logs.describe_log_groups().send().await.unwrap();
    assert_eq!(groups.log_groups(), [], "nothing had an effect");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_answer_is_a_success_without_an_effect() {
    let world = World::bare(calm()).await;
    plan(&world, "logs:CreateLogGroup=empty-answer");
    let create = world.logs.create_log_group().log_group_name("g");
    create.send().await.unwrap();
    let groups = world.logs.describe_log_groups().send().await.unwrap();
    assert_eq!(groups.log_groups(), []);
    plan(&world, "iam:DeleteRole=empty-answer");
    let delete = world.iam.delete_role().role_name("nobody");
    delete.send().await.unwrap();
    plan(&world, "apigatewayv2:CreateApi=empty-answer");
    let create = world.gateway.create_api().name("a");
    let create = create.protocol_type(ProtocolType::Websocket);
    assert_eq!(create.send().await.unwrap().api_id(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_hangs_is_taken_and_never_answered() {
    let world = World::chat().await;
    plan(&world, "apigatewayv2:DeleteApi=hang");
    let delete = || world.gateway.delete_api().api_id(&world.api_id).send();
    let limit = Duration::from_millis(200);
    assert!(tokio::time::timeout(limit, delete()).await.is_err());
    let taken = world.cloud.calls().into_iter().last().unwrap();
    assert_eq!(
        (taken.operation.as_str(), taken.status),
        ("DeleteApi", None)
    );
    plan(&world, "execute-api:Connect=hang");
    let connect = world.try_connect("");
    assert!(tokio::time::timeout(limit, connect).await.is_err());
    // Nothing happened, and the next call is an ordinary one.
    plan(&world, "execute-api:Message=hang");
    let mut client = world.connect().await;
    client.send(r#"{"mark":1}"#).await;
    client.send(r#"{"mark":2}"#).await;
    let heard = world.events_of("MESSAGE", 1).await;
    assert_eq!(heard[0]["body"], r#"{"mark":2}"#);
    delete().await.unwrap();
    world.cloud.stop().await;
}
