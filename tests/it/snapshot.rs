//! Everything that is in a cloud, seen through the SDK and without the deployer's code, with the
//! ids that the cloud chose replaced: two clouds in the same state give the same snapshot.

use super::world::World;
use aws_sdk_apigatewayv2::types::RouteSettings;
use chatctl::aws::Clients;
use serde_json::{Value, json};
use std::collections::BTreeMap;

impl World {
    /// Everything that is there.
    pub async fn snapshot(&self) -> Value {
        let c = &self.clients;
        let mut all = json!({
            "apis": apis(c).await,
            "functions": functions(c).await,
            "roles": roles(c).await,
            "logGroups": log_groups(c).await,
            "tables": tables(c).await,
            "account": c.apigateway.get_account().send().await.unwrap().cloudwatch_role_arn,
        });
        for (index, id) in api_ids(c).await.iter().enumerate() {
            let text = all.to_string().replace(id.as_str(), &format!("API{index}"));
            all = serde_json::from_str(&text).unwrap();
        }
        for (name, id) in role_ids(c).await {
            let text = all.to_string().replace(&id, &format!("id of {name}"));
            all = serde_json::from_str(&text).unwrap();
        }
        all
    }
}

async fn role_ids(c: &Clients) -> Vec<(String, String)> {
    let roles = c.iam.list_roles().send().await.unwrap().roles.into_iter();
    roles.map(|role| (role.role_name, role.role_id)).collect()
}

async fn api_ids(c: &Clients) -> Vec<String> {
    let apis = c
        .apigatewayv2
        .get_apis()
        .send()
        .await
        .unwrap()
        .items
        .unwrap_or_default();
    let mut all: Vec<_> = apis
        .into_iter()
        .filter_map(|api| Some((api.name, api.api_id?)))
        .collect();
    all.sort();
    all.into_iter().map(|(_, id)| id).collect()
}

async fn apis(c: &Clients) -> Vec<Value> {
    let gateway = &c.apigatewayv2;
    let mut all = Vec::new();
    for id in api_ids(c).await {
        let api = gateway.get_api().api_id(&id).send().await.unwrap();
        let routes = gateway.get_routes().api_id(&id).send().await.unwrap();
        let integrations = gateway.get_integrations().api_id(&id).send().await.unwrap();
        let integrations = integrations.items.unwrap_or_default();
        let deployments = gateway.get_deployments().api_id(&id).send().await.unwrap();
        let deployments = deployments.items.unwrap_or_default();
        let stages = gateway.get_stages().api_id(&id).send().await.unwrap();
        let place = |target: Option<&str>| {
            let id = target
                .unwrap_or_default()
                .trim_start_matches("integrations/")
                .to_owned();
            integrations
                .iter()
                .position(|one| one.integration_id() == Some(&id))
        };
        let mut routes: Vec<_> = routes
            .items()
            .iter()
            .map(|route| {
                json!([
                    route.route_key(),
                    place(route.target()),
                    route.api_key_required(),
                    route.authorization_type().map(|a| a.as_str().to_owned()),
                    route.route_response_selection_expression()
                ])
            })
            .collect();
        routes.sort_by_key(Value::to_string);
        let live = |id: Option<&str>| {
            let found = deployments.iter().find(|one| one.deployment_id() == id);
            found.and_then(|one| one.description()).map(str::to_owned)
        };
        all.push(json!({
            "name": api.name(), "selection": api.route_selection_expression(),
            "tags": sorted(api.tags().cloned().unwrap_or_default()),
            "routes": routes,
            "integrations": integrations.iter().map(|one| json!([
                one.integration_type().map(|t| t.as_str().to_owned()), one.integration_uri(),
                one.integration_method(), one.timeout_in_millis(), one.description(),
                one.credentials_arn(),
            ])).collect::<Vec<_>>(),
            "deployments": deployments.iter().map(|d| d.description()).collect::<Vec<_>>(),
            "stages": stages.items().iter().map(|stage| json!({
                "name": stage.stage_name(), "live": live(stage.deployment_id()),
                "defaults": stage.default_route_settings().map(route_settings),
                "access": stage.access_log_settings().map(|a| json!([a.destination_arn(), a.format()])),
                "overrides": stage.route_settings().map(|all| all.len()).unwrap_or_default(),
                "tags": sorted(stage.tags().cloned().unwrap_or_default()),
            })).collect::<Vec<_>>(),
        }));
    }
    all
}

fn route_settings(s: &RouteSettings) -> Value {
    json!([
        s.logging_level().map(|l| l.as_str().to_owned()),
        s.data_trace_enabled(),
        s.throttling_rate_limit(),
        s.throttling_burst_limit()
    ])
}

async fn functions(c: &Clients) -> Vec<Value> {
    let listed = c.lambda.list_functions().send().await.unwrap();
    let mut all = Vec::new();
    for name in listed.functions().iter().filter_map(|f| f.function_name()) {
        let got = c
            .lambda
            .get_function()
            .function_name(name)
            .send()
            .await
            .unwrap();
        let f = got.configuration().unwrap();
        let policy = c.lambda.get_policy().function_name(name).send().await;
        let policy = policy.ok().and_then(|p| p.policy).map(|p| json_of(&p));
        let mut statements = policy
            .and_then(|p| p["Statement"].as_array().cloned())
            .unwrap_or_default();
        statements.sort_by_key(Value::to_string);
        let variables = f
            .environment()
            .and_then(|e| e.variables())
            .cloned()
            .unwrap_or_default();
        // The connection URL carries the cloud's port.
        let variables: BTreeMap<_, _> = variables
            .into_iter()
            .map(|(k, v)| {
                (
                    k,
                    v.split_once("/_aws")
                        .map(|(_, rest)| rest.to_owned())
                        .unwrap_or(v),
                )
            })
            .collect();
        all.push(json!({
            "name": name, "code": f.code_sha256(), "role": f.role(), "handler": f.handler(),
            "runtime": f.runtime().map(|r| r.as_str().to_owned()),
            "memory": f.memory_size(), "timeout": f.timeout(), "environment": variables,
            "architectures": f.architectures().iter().map(|a| a.as_str().to_owned()).collect::<Vec<_>>(),
            "state": f.state().map(|s| s.as_str().to_owned()),
            "tags": sorted(got.tags().cloned().unwrap_or_default()), "policy": statements,
        }));
    }
    all.sort_by_key(|f| f["name"].to_string());
    all
}

async fn roles(c: &Clients) -> Vec<Value> {
    let listed = c.iam.list_roles().send().await.unwrap();
    let mut all = Vec::new();
    for role in listed.roles() {
        let name = role.role_name();
        let got = c
            .iam
            .get_role()
            .role_name(name)
            .send()
            .await
            .unwrap()
            .role
            .unwrap();
        let inline = c
            .iam
            .list_role_policies()
            .role_name(name)
            .send()
            .await
            .unwrap();
        let mut policies = BTreeMap::new();
        for policy in inline.policy_names() {
            let call = c.iam.get_role_policy().role_name(name).policy_name(policy);
            let document = call.send().await.unwrap().policy_document;
            policies.insert(policy.clone(), json_of(&document));
        }
        let attached = c
            .iam
            .list_attached_role_policies()
            .role_name(name)
            .send()
            .await
            .unwrap();
        let attached = attached
            .attached_policies()
            .iter()
            .map(|p| p.policy_arn().map(str::to_owned));
        let tags = got.tags().iter().map(|t| (t.key.clone(), t.value.clone()));
        all.push(json!({
            "name": name, "trust": got.assume_role_policy_document().map(json_of),
            "inline": policies, "attached": attached.collect::<Vec<_>>(),
            "tags": sorted(tags.collect::<Vec<_>>()),
        }));
    }
    all.sort_by_key(|role| role["name"].to_string());
    all
}

async fn log_groups(c: &Clients) -> Vec<Value> {
    let groups = c.logs.describe_log_groups().send().await.unwrap();
    let mut all = Vec::new();
    for group in groups.log_groups() {
        let name = group.log_group_name().unwrap_or_default();
        // API Gateway's own probe of the account's role leaves this one behind, on AWS too.
        if name == "/aws/apigateway/welcome" {
            continue;
        }
        let arn = group
            .arn()
            .unwrap_or_default()
            .trim_end_matches(":*")
            .to_owned();
        let tags = c
            .logs
            .list_tags_for_resource()
            .resource_arn(arn)
            .send()
            .await
            .unwrap();
        let tags = sorted(tags.tags.unwrap_or_default());
        all.push(json!({"name": name, "retention": group.retention_in_days(), "tags": tags}));
    }
    all.sort_by_key(|group| group["name"].to_string());
    all
}

async fn tables(c: &Clients) -> Vec<Value> {
    let listed = c.dynamodb.list_tables().send().await.unwrap();
    let mut all = Vec::new();
    for name in listed.table_names() {
        let table = c
            .dynamodb
            .describe_table()
            .table_name(name)
            .send()
            .await
            .unwrap()
            .table
            .unwrap();
        let arn = table.table_arn().unwrap_or_default();
        let ttl = c
            .dynamodb
            .describe_time_to_live()
            .table_name(name)
            .send()
            .await
            .unwrap();
        let ttl = ttl.time_to_live_description();
        let tags = c
            .dynamodb
            .list_tags_of_resource()
            .resource_arn(arn)
            .send()
            .await
            .unwrap();
        let tags = tags.tags().iter().map(|t| (t.key.clone(), t.value.clone()));
        all.push(json!({
            "name": name, "status": table.table_status().map(|s| s.as_str().to_owned()),
            "keys": table.key_schema().iter().map(|k| json!([k.attribute_name(), k.key_type().as_str()])).collect::<Vec<_>>(),
            "ttl": ttl.and_then(|t| t.attribute_name()),
            "tags": sorted(tags.collect::<Vec<_>>()),
        }));
    }
    all
}

fn sorted<I: IntoIterator<Item = (String, String)>>(tags: I) -> BTreeMap<String, String> {
    tags.into_iter().collect()
}

fn json_of(text: &str) -> Value {
    let text = percent_encoding::percent_decode_str(text).decode_utf8_lossy();
    serde_json::from_str(&text).unwrap_or_else(|_| Value::String(text.into_owned()))
}
