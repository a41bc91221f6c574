//! Rights, variables, the table and the routes of a function of one's own.

use super::super::world::{OPTIONS, World, text};
use super::{FUNCTION, configured, write};
use chatctl::deployer::DeployOptions;
use std::collections::HashMap;

const FUNCTION_NAME: &str = "chat-production";
const ALLOW: &str =
    "[[function.allow]]\nactions = [\"s3:GetObject\"]\nresources = [\"arn:aws:s3:::bucket/*\"]\n";

/// The function's role, and its inline policy that allows to read from S3.
async fn own_policy(world: &World) -> Option<(String, String)> {
    let iam = &world.clients.iam;
    let roles = iam.list_roles().send().await.unwrap().roles;
    for role in roles {
        let role = role.role_name();
        let names = iam.list_role_policies().role_name(role).send().await;
        for policy in names.unwrap().policy_names {
            let call = iam.get_role_policy().role_name(role).policy_name(&policy);
            let found = call.send().await.unwrap();
            if found.policy_document().contains("GetObject") {
                return Some((role.to_owned(), policy));
            }
        }
    }
    None
}

#[tokio::test(flavor = "multi_thread")]
async fn more_rights_are_in_the_role_as_long_as_they_are_wanted() {
    let world = World::empty().await;
    let with = configured(&world, &format!("{FUNCTION}{ALLOW}"));
    world.deploy_as(&with).await.unwrap();
    assert!(own_policy(&world).await.is_some());
    let without = configured(&world, FUNCTION);
    world.deploy_as(&without).await.unwrap();
    assert_eq!(own_policy(&world).await, None);
    assert!(!world.deploy_as(&without).await.unwrap().changed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_variable_that_is_not_set_is_an_error_of_its_line() {
    let world = World::empty().await;
    let variable = "[function.environment]\nTOKEN = \"${env:CHATCTL_NOT_SET_ANYWHERE}\"\n";
    configured(&world, FUNCTION);
    write(&world, "chatctl.toml", format!("{FUNCTION}{variable}"));
    let refused = world.run(&["plan"]).await;
    let said = text(&refused);
    assert_eq!(refused.status.code(), Some(64), "{said}");
    let place = "chatctl.toml:5: function.environment.TOKEN";
    assert!(said.contains(place), "{said}");
    assert!(
        said.contains("CHATCTL_NOT_SET_ANYWHERE is not set"),
        "{said}"
    );
}

async fn variables(world: &World) -> HashMap<String, String> {
    let call = world.clients.lambda.get_function_configuration();
    let found = call.function_name(FUNCTION_NAME).send().await.unwrap();
    found.environment.unwrap().variables.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_deploy_knows_the_url_that_only_the_new_api_has() {
    let world = World::empty().await;
    let environment = "[function.environment]\nURL = \"${stack.url}\"\nPOST = \"${stack.connections}\"\nTABLE = \"${stack.table}\"\n";
    let settings = configured(&world, &format!("{FUNCTION}{environment}"));
    let deployed = world.deploy_as(&settings).await.unwrap();
    let found = variables(&world).await;
    assert_eq!(found["URL"], deployed.url);
    assert_eq!(found["POST"], deployed.url.replacen("ws", "http", 1));
    assert_eq!(found["TABLE"], "chat-production");
    assert!(!world.deploy_as(&settings).await.unwrap().changed);
}

async fn tables(world: &World) -> Vec<String> {
    let found = world.clients.dynamodb.list_tables().send().await.unwrap();
    found.table_names.unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_not_wanted_any_more_goes_only_by_force() {
    let world = World::empty().await;
    let with = configured(&world, FUNCTION);
    world.deploy_as(&with).await.unwrap();
    let without = configured(&world, &format!("table = false\n{FUNCTION}"));
    let refused = world.deploy_as(&without).await.unwrap_err();
    assert!(refused.message().contains("deletes the table"), "{refused}");
    let hints = refused.hints().join(" ");
    assert!(hints.contains("--force chat"), "{hints}");
    assert_eq!(tables(&world).await, ["chat-production"]);
    let forced = DeployOptions {
        force: Some("chat"),
        ..OPTIONS
    };
    world.deploy_how(&without, forced).await.unwrap();
    assert!(tables(&world).await.is_empty());
    assert!(!variables(&world).await.contains_key("CHAT_TABLE"));
    assert!(!world.deploy_as(&without).await.unwrap().changed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_may_have_keys_of_its_own() {
    let world = World::empty().await;
    let table = "[table]\npartition-key = \"room\"\nsort-key = \"at\"\nsort-key-type = \"N\"\nttl = \"gone\"\n";
    let settings = configured(&world, &format!("{FUNCTION}{table}"));
    world.deploy_as(&settings).await.unwrap();
    let call = world.clients.dynamodb.describe_table();
    let found = call.table_name(FUNCTION_NAME).send().await.unwrap();
    let found = found.table.unwrap();
    let keys = found.key_schema().iter();
    let keys: Vec<_> = keys
        .map(|key| (key.attribute_name(), key.key_type().as_str()))
        .collect();
    assert_eq!(keys, [("room", "HASH"), ("at", "RANGE")]);
    let mut types = found.attribute_definitions().iter();
    let at = types.find(|one| one.attribute_name() == "at").unwrap();
    assert_eq!(at.attribute_type().as_str(), "N");
    assert!(!world.deploy_as(&settings).await.unwrap().changed);
}

/// The id of the route `wave`, its expression, and how many route responses it has.
async fn wave(world: &World, api: &str) -> (String, Option<String>, usize) {
    let gateway = &world.clients.apigatewayv2;
    let routes = gateway.get_routes().api_id(api).send().await.unwrap();
    let mut routes = routes.items.unwrap().into_iter();
    let route = routes.find(|one| one.route_key() == Some("wave")).unwrap();
    let id = route.route_id.unwrap();
    let call = gateway.get_route_responses().api_id(api).route_id(&id);
    let responses = call.send().await.unwrap().items.unwrap_or_default();
    let expression = route.route_response_selection_expression;
    (id, expression, responses.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_response_is_switched_on_and_off() {
    let world = World::empty().await;
    let routes = |on: bool| format!("{FUNCTION}[routes]\nwave = {{ response = {on} }}\n");
    for on in [false, true, false, true] {
        let settings = configured(&world, &routes(on));
        let deployed = world.deploy_as(&settings).await.unwrap();
        let (_, expression, responses) = wave(&world, &deployed.api_id).await;
        let expression = expression.filter(|text| !text.is_empty());
        assert_eq!(expression.is_some(), on);
        assert!(!on || responses == 1, "{responses}");
        assert!(!world.deploy_as(&settings).await.unwrap().changed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_changed_behind_our_back_is_found_and_put_back() {
    let world = World::empty().await;
    let routes = "[routes]\nwave = { response = true }\n";
    let settings = configured(&world, &format!("{FUNCTION}{ALLOW}{routes}"));
    let api = world.deploy_as(&settings).await.unwrap().api_id;
    let (lambda, gateway) = (&world.clients.lambda, &world.clients.apigatewayv2);
    let call = lambda.update_function_configuration();
    let call = call.function_name(FUNCTION_NAME).handler("other.handler");
    call.send().await.unwrap();
    let (route, _, _) = wave(&world, &api).await;
    let call = gateway.get_route_responses().api_id(&api).route_id(&route);
    let found = call.send().await.unwrap().items.unwrap();
    let id = found[0].route_response_id().unwrap();
    let call = gateway.delete_route_response().api_id(&api);
    let call = call.route_id(&route).route_response_id(id);
    call.send().await.unwrap();
    let call = gateway.create_route().api_id(&api).route_key("extra");
    call.send().await.unwrap();
    let (role, policy) = own_policy(&world).await.unwrap();
    let call = world.clients.iam.delete_role_policy().role_name(role);
    call.policy_name(policy).send().await.unwrap();

    let planned = world.run(&["plan", "--exit-code"]).await;
    let said = text(&planned);
    assert_eq!(planned.status.code(), Some(2), "{said}");
    for words in [
        "other.handler",
        "routeResponses",
        "route/extra",
        "role/function",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    world.deploy_as(&settings).await.unwrap();
    assert_eq!(wave(&world, &api).await.2, 1);
    assert!(own_policy(&world).await.is_some());
    assert!(!world.deploy_as(&settings).await.unwrap().changed);
}
