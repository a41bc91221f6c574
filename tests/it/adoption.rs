//! `plan --adopt` says what it would take over of what is there, and what not.

use super::world::{World, text};
use aws_sdk_apigatewayv2::types::{IntegrationType, ProtocolType};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use serde_json::Value;

/// An API with two routes, an integration and two stages.
async fn api(world: &World, name: &str) -> String {
    let gateway = &world.clients.apigatewayv2;
    let create = gateway
        .create_api()
        .name(name)
        .protocol_type(ProtocolType::Websocket);
    let create = create.route_selection_expression("$request.body.action");
    let api = create.send().await.unwrap().api_id.unwrap();
    let uri = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/\
               arn:aws:lambda:us-east-1:000000000000:function:handler/invocations";
    let integration = gateway
        .create_integration()
        .api_id(&api)
        .integration_uri(uri);
    let integration = integration.integration_type(IntegrationType::AwsProxy);
    let integration = integration.integration_method("POST").send().await.unwrap();
    let target = format!("integrations/{}", integration.integration_id().unwrap());
    for key in ["$connect", "theirs"] {
        let route = gateway.create_route().api_id(&api).route_key(key);
        route.target(&target).send().await.unwrap();
    }
    for stage in ["production", "dev"] {
        let create = gateway.create_stage().api_id(&api).stage_name(stage);
        create.send().await.unwrap();
        let deploy = gateway.create_deployment().api_id(&api).stage_name(stage);
        deploy.send().await.unwrap();
    }
    api
}

async fn table(world: &World) {
    let key = KeySchemaElement::builder().attribute_name("id");
    let attribute = AttributeDefinition::builder().attribute_name("id");
    let attribute = attribute.attribute_type(ScalarAttributeType::S);
    let create = world
        .clients
        .dynamodb
        .create_table()
        .table_name("chat-production");
    let create = create.billing_mode(BillingMode::PayPerRequest);
    let create = create.key_schema(key.key_type(KeyType::Hash).build().unwrap());
    let create = create.attribute_definitions(attribute.build().unwrap());
    create.send().await.unwrap();
}

/// What becomes of a part, if it is among these.
fn what<'a>(parts: &'a Value, id: &str, name: &str) -> &'a str {
    let parts = parts.as_array().unwrap();
    let found = parts
        .iter()
        .find(|part| part["id"] == id && part["name"] == name);
    found.unwrap_or_else(|| panic!("no {id} {name} in {parts:#?}"))["what"]
        .as_str()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_over_and_what_not_is_listed() {
    let world = World::empty().await;
    let id = api(&world, "chat-production").await;
    table(&world).await;
    let before = world.writes_since(0).len();
    let planned = world.run(&["plan", "--adopt", "--output", "json"]).await;
    let document: Value = serde_json::from_slice(&planned.stdout).unwrap();
    let (taken, not) = (
        &document["adoption"]["takenOver"],
        &document["adoption"]["notTakenOver"],
    );
    let named = format!("chat-production ({id})");
    assert!(
        what(taken, "api", &named).starts_with("changed: tags."),
        "{taken}"
    );
    assert!(
        what(taken, "route/$connect", "$connect").starts_with("as it is"),
        "{taken}"
    );
    assert!(
        what(taken, "stage", "production").starts_with("changed: "),
        "{taken}"
    );
    assert_eq!(
        what(not, "route/theirs", "theirs"),
        "deleted: the chat has no place for it"
    );
    let table = what(not, "table", "chat-production");
    assert!(
        table.starts_with("deleted and made again, because keySchema cannot be changed; it loses "),
        "{table}"
    );
    assert!(what(not, "stage", "dev").starts_with("left alone"), "{not}");
    assert!(
        what(not, "function", "handler").starts_with("left alone"),
        "{not}"
    );
    let said = text(&world.run(&["plan", "--adopt"]).await);
    for words in [
        "Taken over:",
        "Not taken over:",
        "left alone: it goes on with the deployment",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert_eq!(world.writes_since(0).len(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_ones_own_is_listed() {
    let world = World::deployed().await;
    let planned = world.run(&["plan", "--adopt", "--output", "json"]).await;
    let document: Value = serde_json::from_slice(&planned.stdout).unwrap();
    let adoption = &document["adoption"];
    assert_eq!(adoption["takenOver"], Value::Array(Vec::new()));
    assert_eq!(adoption["notTakenOver"], Value::Array(Vec::new()));
    let plain = world.run(&["plan", "--output", "json"]).await;
    let plain: Value = serde_json::from_slice(&plain.stdout).unwrap();
    assert!(plain.get("adoption").is_none(), "{plain}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_of_another_name_can_be_given_the_chats() {
    let world = World::empty().await;
    let id = api(&world, "arcade").await;
    let said = text(&world.run(&["plan", "--adopt"]).await);
    let named = format!("taken over by its name, chat-production, and us-east-1 has {id} (arcade)");
    assert!(said.contains(&named), "{said}");
    let rename = format!("aws apigatewayv2 update-api --api-id {id} --name chat-production");
    assert!(said.contains(&rename), "{said}");
    let update = world.clients.apigatewayv2.update_api().api_id(&id);
    update.name("chat-production").send().await.unwrap();
    let said = text(&world.run(&["plan", "--adopt"]).await);
    assert!(
        said.contains("Taken over:") && !said.contains("by its name"),
        "{said}"
    );
}
