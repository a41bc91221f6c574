//! A caller with a policy and nothing else, and what it tries with it.

use crate::any_api::Theirs;
use crate::drift::{self, LOGGING, NAME, POLICY, ROLE, TRUST};
use crate::world::{FOR_SURE, OPTIONS, Tiny, World, quiet, with_keys};
use aws_credential_types::Credentials;
use aws_sdk_cloudwatchlogs::types::InputLogEvent;
use aws_sdk_dynamodb::types::{BillingMode, ProvisionedThroughput};
use chatctl::any_api;
use chatctl::aws::{Clients, Place};
use chatctl::config::{Settings, Target};
use chatctl::deployer;
use chatctl::doctor::expected::expected;
use chatctl::doctor::look;
use chatctl::naming::Names;
use chatctl::naming::rights::Task;
use chatctl::prove::Client;
use chatctl::prove::{Candidate, prove_candidate};
use chatctl::resources::{Kind, Observed, RunContext};
use chatctl::rights::policy;
use chatctl::stack::{Desired, Stack};
use serde_json::Value;
use std::collections::BTreeSet;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

type Went = Result<(), String>;

/// The policy of a task, for the chat of these tests.
pub fn document(task: Task) -> Value {
    policy(&names(), &[task])
}

fn names() -> Names {
    let settings = Settings::load(&chatctl::config::Input::default()).unwrap();
    let place = Place {
        region: "us-east-1".into(),
        account_id: "000000000000".into(),
        partition: "aws".into(),
        dns_suffix: "amazonaws.com".into(),
        endpoint_url: None,
        caller_arn: String::new(),
    };
    Names::new(&settings, &place)
}

/// Every action of a policy.
pub fn actions(policy: &Value) -> BTreeSet<String> {
    let statements = policy["Statement"].as_array().unwrap();
    let actions = statements.iter().map(|s| s["Action"].as_array().unwrap());
    let actions = actions.flatten().filter_map(Value::as_str);
    actions.map(str::to_owned).collect()
}

/// A session of a role that has one policy.
pub struct Caller {
    pub clients: Clients,
    keys: Credentials,
}

impl Caller {
    pub async fn with(world: &World, policy: &Value) -> Self {
        let iam = &world.clients.iam;
        let trust = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"000000000000"},"Action":"sts:AssumeRole"}}"#;
        let create = iam.create_role().role_name("pipeline");
        let create = create.assume_role_policy_document(trust);
        create.send().await.unwrap();
        Self::may(world, policy).await;
        Self::again(world).await
    }

    /// The role has this policy, and no other.
    pub async fn may(world: &World, policy: &Value) {
        let put = world.clients.iam.put_role_policy().role_name("pipeline");
        let put = put
            .policy_name("chatctl")
            .policy_document(policy.to_string());
        put.send().await.unwrap();
    }

    /// Another session of the role.
    pub async fn again(world: &World) -> Self {
        let assume = world.clients.sts.assume_role().role_session_name("job");
        let assume = assume.role_arn("arn:aws:iam::000000000000:role/pipeline");
        let keys = assume.send().await.unwrap().credentials.unwrap();
        let token = Some(keys.session_token().to_owned());
        let keys = Credentials::new(
            keys.access_key_id(),
            keys.secret_access_key(),
            token,
            None,
            "",
        );
        Self {
            clients: with_keys(&world.clients, &keys),
            keys,
        }
    }

    /// The IAM action of each call that it made.
    pub fn actions_called(&self, world: &World) -> impl Iterator<Item = String> {
        let calls = world.cloud.calls().into_iter();
        let calls = calls.filter(|call| call.caller.ends_with(":assumed-role/pipeline/job"));
        calls
            .filter(|call| call.service != "sts")
            .map(|call| action(&call.service, &call.operation))
    }

    /// Runs the binary with its keys to its end.
    pub async fn run(&self, world: &World, args: &[&str]) -> std::process::Output {
        let mut command = self.chatctl(world, args);
        let ended = tokio::task::spawn_blocking(move || command.output().unwrap());
        ended.await.unwrap()
    }

    /// The binary with its keys.
    fn chatctl(&self, world: &World, args: &[&str]) -> std::process::Command {
        let mut command = crate::binary::chatctl(world.folder.path());
        command
            .args(args)
            .args(["--endpoint-url", world.cloud.endpoint()])
            .env("AWS_ACCESS_KEY_ID", self.keys.access_key_id())
            .env("AWS_SECRET_ACCESS_KEY", self.keys.secret_access_key())
            .env("AWS_SESSION_TOKEN", self.keys.session_token().unwrap())
            .stdin(Stdio::null());
        command
    }
}

/// API Gateway's actions are HTTP methods.
fn action(service: &str, operation: &str) -> String {
    let method = || match operation {
        "TagResource" => "POST",
        "UntagResource" => "DELETE",
        _ if operation.starts_with("Get") => "GET",
        _ if operation.starts_with("Create") => "POST",
        _ if operation.starts_with("Update") => "PATCH",
        _ => "DELETE",
    };
    match service {
        "apigateway" | "apigatewayv2" => format!("apigateway:{}", method()),
        _ => format!("{service}:{operation}"),
    }
}

/// Does with this policy, in a cloud of its own, all that the task can come to.
pub async fn tries(task: Task, policy: &Value) -> Went {
    let mut world = World::empty().await;
    world.settings = world
        .settings(&[])
        .with_target(Target::Endpoint(world.cloud.endpoint().to_owned()));
    world.settings.function.keep_versions = 2;
    let caller = Caller::with(&world, policy).await;
    match task {
        Task::Deploy => Box::pin(deploys(&world, &caller)).await,
        Task::Status => Box::pin(looks(&world, &caller)).await,
        Task::Logs => Box::pin(reads_logs(&world, &caller)).await,
        Task::Teardown => Box::pin(tears_down(&world, &caller)).await,
        Task::Api => Box::pin(reads_any_api(world, &caller)).await,
    }
}

/// First deploy, a tag less, drift of everything that is mended in place, what was deleted by hand,
/// and nothing to do.
async fn deploys(world: &World, caller: &Caller) -> Went {
    let endpoint = world.settings.target.clone();
    let tagged = world.settings(&["--tag", "team=a"]).with_target(endpoint);
    deploy(&tagged, caller).await?;
    deploy(&world.settings, caller).await?;
    drift_in_place(world).await;
    deploy(&world.settings, caller).await?;
    delete_by_hand(world).await;
    deploy(&world.settings, caller).await?;
    // The fourth version is one too many.
    let mut more_memory = world.settings.clone();
    for memory in [300, 301, 302] {
        more_memory.function.memory = memory;
        deploy(&more_memory, caller).await?;
    }
    let unchanged = !deploy(&more_memory, caller).await?;
    unchanged.then_some(()).ok_or("not as wanted")?;
    Box::pin(makes_versions_live(world, caller)).await
}

/// A version that is called before it is live, and one that is taken back because the chat does not
/// answer.
async fn makes_versions_live(world: &World, caller: &Caller) -> Went {
    let run = RunContext::new(caller.clients.clone(), &world.settings, false);
    let observed = Observed::read(Arc::new(run)).await.unwrap();
    let names = &observed.run.names;
    let (live, api) = (observed.versions.live.as_ref(), observed.gateway.api_id());
    let (version, api) = (live.unwrap().version.clone(), api.unwrap());
    let candidate = Candidate {
        lambda: &caller.clients.lambda,
        function: &names.function,
        domain: &names.domain(&api),
        stage: &names.stage,
        url: None,
        client: &Client::default(),
        version: &version,
        api: &api,
    };
    // The function of these tests fails, so only a refusal counts.
    if let Err(error) = prove_candidate(&candidate, |_| {}).await {
        let error = error.to_string();
        if error.contains("AccessDenied") {
            return Err(error);
        }
    }
    let desired = Desired {
        settings: &world.settings,
        digest: None,
        with_logging_role: false,
    };
    let stack = Stack::wanted(&desired, &observed);
    let alias = stack.resources.iter().find_map(|kind| match kind {
        Kind::Alias(alias) => alias.found(&observed),
        _ => None,
    });
    let back = alias.unwrap().put_back(&observed.run, &version).await;
    back.map(drop).map_err(|error| error.to_string())
}

async fn deploy(settings: &Settings, caller: &Caller) -> Result<bool, String> {
    let clients = caller.clients.clone();
    let deployed = deployer::deploy(clients, settings, &Tiny, OPTIONS, &quiet()).await;
    deployed
        .map(|deployed| deployed.changed)
        .map_err(|error| error.to_string())
}

async fn drift_in_place(world: &World) {
    let Clients {
        iam,
        lambda,
        dynamodb,
        apigatewayv2,
        ..
    } = &world.clients;
    let trust = iam.update_assume_role_policy().role_name(ROLE);
    trust.policy_document(TRUST).send().await.unwrap();
    let inline = iam.put_role_policy().role_name(ROLE).policy_name("more");
    inline.policy_document(POLICY).send().await.unwrap();
    let attach = iam.attach_role_policy().role_name(LOGGING);
    let basic = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole";
    attach.policy_arn(basic).send().await.unwrap();
    let none = lambda.put_function_concurrency().function_name(NAME);
    none.reserved_concurrent_executions(0).send().await.unwrap();
    let code = lambda.update_function_code().function_name(NAME);
    code.zip_file(drift::other_code()).send().await.unwrap();
    let memory = lambda.update_function_configuration().function_name(NAME);
    memory.memory_size(512).send().await.unwrap();
    drift::stale_permission(world).await;
    let paid = ProvisionedThroughput::builder().read_capacity_units(1);
    let paid = paid.write_capacity_units(1).build().unwrap();
    let billing = dynamodb.update_table().table_name(NAME);
    let billing = billing.billing_mode(BillingMode::Provisioned);
    billing.provisioned_throughput(paid).send().await.unwrap();
    let more = apigatewayv2.create_route().api_id(drift::api(world).await);
    more.route_key("more").send().await.unwrap();
}

/// The API, but not its log group.
async fn delete_by_hand(world: &World) {
    let delete = world
        .clients
        .apigatewayv2
        .delete_api()
        .api_id(drift::api(world).await);
    delete.send().await.unwrap();
}

/// `status` and the doctor's look; a thing that cannot be looked at fails it.
async fn looks(world: &World, caller: &Caller) -> Went {
    world.deploy().await.unwrap();
    let status = deployer::status(caller.clients.clone(), &world.settings).await;
    let status = status.map_err(|error| error.to_string())?;
    assert!(status.deployed && status.up_to_date);
    let names = Names::new(&world.settings, &world.clients.place);
    let facts = look::all(&caller.clients, expected(&world.settings, &names)).await;
    let facts = format!("{facts:?}");
    match facts.contains("Unseen(") {
        true => Err(facts),
        false => Ok(()),
    }
}

/// The past, and a live tail.
async fn reads_logs(world: &World, caller: &Caller) -> Went {
    world.deploy().await.unwrap();
    let logs = &world.clients.logs;
    let group = format!("/aws/apigateway/{}/production", drift::api(world).await);
    let stream = logs.create_log_stream().log_group_name(&group);
    stream.log_stream_name("s").send().await.unwrap();
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    let event = InputLogEvent::builder().message("hello");
    let event = event.timestamp(i64::try_from(now.as_millis()).unwrap());
    let put = logs.put_log_events().log_group_name(group);
    let put = put.log_stream_name("s").log_events(event.build().unwrap());
    put.send().await.unwrap();
    let past = caller.run(world, &["logs", "--output", "json"]).await;
    if !past.status.success() || !String::from_utf8_lossy(&past.stdout).contains("hello") {
        return Err(crate::world::text(&past));
    }
    live_tail_opens(world, caller, &[]).await
}

/// Everything of an API that chatctl did not make, its past and a live tail.
async fn reads_any_api(world: World, caller: &Caller) -> Went {
    let theirs = Theirs::in_world(world).await;
    theirs.logged("live").await;
    let (world, id) = (&theirs.world, &theirs.api);
    let api = any_api::find::find(&caller.clients, id).await;
    let api = api.map_err(|error| error.to_string())?;
    let facts = any_api::look(&caller.clients, &world.settings, api, any_api::Which::All).await;
    let facts = format!("{:?}", facts.map_err(|error| error.to_string())?);
    if facts.contains("Unseen(") {
        return Err(facts);
    }
    theirs.write("/aws/lambda/talk", "hello").await;
    let past = caller
        .run(world, &["logs", "--output", "json", "--api", id])
        .await;
    if !past.status.success() || !String::from_utf8_lossy(&past.stdout).contains("hello") {
        return Err(crate::world::text(&past));
    }
    live_tail_opens(world, caller, &["--api", id]).await
}

async fn live_tail_opens(world: &World, caller: &Caller, flags: &[&str]) -> Went {
    let mut live = caller.chatctl(world, &[&["logs", "--live"], flags].concat());
    let live = live.stdout(Stdio::null()).stderr(Stdio::null());
    let mut live = live.spawn().unwrap();
    let ended = loop {
        if let Some(status) = live.try_wait().unwrap() {
            break Err(format!("the live tail ended: {status}"));
        }
        if world.cloud.live_tails() == 1 {
            break Ok(());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    let _ = live.kill();
    live.wait().unwrap();
    ended
}

/// A teardown of what an administrator deployed, and nothing is left.
async fn tears_down(world: &World, caller: &Caller) -> Went {
    world.deploy().await.unwrap();
    let clients = caller.clients.clone();
    let gone = deployer::teardown(clients, &world.settings, FOR_SURE, &quiet()).await;
    gone.map(drop).map_err(|error| error.to_string())
}
