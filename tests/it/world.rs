//! A local cloud in this process, the deployer beside it, and a look at everything that is there.

use super::schemas;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_credential_types::Credentials;
use chatctl::aws::Clients;
use chatctl::cli::{Cli, Command};
use chatctl::config::Settings;
use chatctl::deployer::{self, DeployOptions, Deployed, Gone, TeardownOptions};
use chatctl::error::{Error, Result};
use chatctl::package::{Artifact, Build, Progress, SourceDigest};
use chatctl::report::{ReportOptions, Reporter};
use chatctl_local_cloud::{Call, Conditions, ControlPlane, LocalCloud, Options};
use clap::Parser;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// A local cloud and the clients of a deployer.
pub struct World {
    pub cloud: LocalCloud,
    pub clients: Clients,
    pub settings: Settings,
    pub folder: tempfile::TempDir,
}

/// Nothing takes time unless a test wants it to.
pub fn calm() -> Conditions {
    Conditions {
        propagation_millis: 0,
        control_plane: ControlPlane {
            mutation_millis: 0,
            tag_lock_millis: 0,
            ..ControlPlane::default()
        },
        ..Conditions::default()
    }
}

/// Says only what went wrong.
pub fn quiet() -> Reporter {
    Reporter::new(ReportOptions {
        quiet: true,
        ..ReportOptions::default()
    })
}

/// The same clients, each with one more thing said to the builder of its configuration.
macro_rules! reconfigured {
    ($clients:expr, $set:ident($value:expr)) => {{
        let mut clients: Clients = $clients;
        reconfigured!(@each clients, $set($value),
            apigatewayv2: aws_sdk_apigatewayv2, apigateway: aws_sdk_apigateway,
            lambda: aws_sdk_lambda, iam: aws_sdk_iam, logs: aws_sdk_cloudwatchlogs,
            dynamodb: aws_sdk_dynamodb, sts: aws_sdk_sts
        );
        clients
    }};
    (@each $clients:ident, $set:ident($value:expr), $($service:ident: $sdk:ident),*) => {$(
        let config = $clients.$service.config().to_builder().$set($value.clone());
        $clients.$service = $sdk::Client::from_conf(config.build());
    )*};
}

/// Tries each call so many times, with waits too short to matter.
pub fn attempts(clients: &Clients, times: u32) -> Clients {
    let retry = RetryConfig::standard()
        .with_max_attempts(times)
        .with_initial_backoff(Duration::from_millis(5));
    reconfigured!(clients.clone(), retry_config(retry))
}

/// Gives each call so long, and does not try it again.
pub fn limited(clients: &Clients, limit: Duration) -> Clients {
    let limits = TimeoutConfig::builder()
        .operation_attempt_timeout(limit)
        .build();
    let mut clients = reconfigured!(attempts(clients, 1), timeout_config(limits));
    clients.upload_limits = limits;
    clients
}

/// The same clients with the keys of another caller.
pub fn with_keys(clients: &Clients, keys: &Credentials) -> Clients {
    reconfigured!(clients.clone(), credentials_provider(keys))
}

impl World {
    /// An empty cloud.
    pub async fn empty() -> Self {
        Self::in_conditions(calm()).await
    }

    /// An empty cloud under these conditions.
    pub async fn in_conditions(conditions: Conditions) -> Self {
        Self::with(Options {
            conditions,
            ..Options::default()
        })
        .await
    }

    /// An empty cloud in this region, where nothing takes time.
    pub async fn in_region(region: &str) -> Self {
        Self::with(Options {
            conditions: calm(),
            region: region.to_owned(),
            ..Options::default()
        })
        .await
    }

    async fn with(options: Options) -> Self {
        let cloud = LocalCloud::start(options).await.unwrap();
        let settings = settings(&cloud, &[]);
        let clients = Clients::connect(&settings).await.unwrap();
        Self {
            clients: attempts(&clients, 3),
            folder: tempfile::tempdir().unwrap(),
            settings,
            cloud,
        }
    }

    /// A cloud with a deployed chat.
    pub async fn deployed() -> Self {
        let world = Self::empty().await;
        world.deploy().await.unwrap();
        world
    }

    /// The settings with these flags of `plan`.
    pub fn settings(&self, flags: &[&str]) -> Settings {
        settings(&self.cloud, flags)
    }

    /// One plain deploy, not proved.
    pub async fn deploy(&self) -> Result<Deployed, Error> {
        self.deploy_as(&self.settings).await
    }

    /// A deploy of other settings.
    pub async fn deploy_as(&self, settings: &Settings) -> Result<Deployed, Error> {
        self.deploy_how(settings, OPTIONS).await
    }

    /// A deploy that goes about it in another way.
    pub async fn deploy_how(
        &self,
        settings: &Settings,
        options: DeployOptions<'_>,
    ) -> Result<Deployed, Error> {
        let clients = self.clients.clone();
        deployer::deploy(clients, settings, &Tiny, options, &quiet()).await
    }

    /// A deploy whose calls are tried `times` times.
    pub async fn deploy_trying(&self, times: u32) -> Result<Deployed, Error> {
        let clients = attempts(&self.clients, times);
        deployer::deploy(clients, &self.settings, &Tiny, OPTIONS, &quiet()).await
    }

    /// One plain teardown.
    pub async fn teardown(&self) -> Result<Gone, Error> {
        self.teardown_of(&self.settings).await
    }

    /// A teardown of another stack.
    pub async fn teardown_of(&self, settings: &Settings) -> Result<Gone, Error> {
        deployer::teardown(self.clients.clone(), settings, FOR_SURE, &quiet()).await
    }

    /// A teardown whose calls are tried `times` times.
    pub async fn teardown_trying(&self, times: u32) -> Result<Gone, Error> {
        let clients = attempts(&self.clients, times);
        deployer::teardown(clients, &self.settings, FOR_SURE, &quiet()).await
    }

    /// The binary, pointed at this cloud, in a folder of its own.
    pub fn chatctl(&self, args: &[&str]) -> std::process::Command {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_chatctl"));
        let port = self.cloud.addr().port().to_string();
        command
            .args(args)
            .args(["--local", "--port", &port])
            .current_dir(self.folder.path())
            .env_remove("AWS_ENDPOINT_URL")
            .env_remove("GITHUB_ACTIONS")
            .env("NO_COLOR", "1");
        command
    }

    /// Runs the binary to its end, without blocking the cloud.
    pub async fn run(&self, args: &[&str]) -> std::process::Output {
        let mut command = self.chatctl(args);
        let run = move || {
            let output = command.output().unwrap();
            schemas::check(&command, &output);
            output
        };
        tokio::task::spawn_blocking(run).await.unwrap()
    }

    /// The calls since `before` calls, that changed something or could have.
    pub fn writes_since(&self, before: usize) -> Vec<Call> {
        let calls = self.cloud.calls().into_iter().skip(before);
        calls
            // The function writes too, under its own role, and the deployer is not to blame for that.
            .filter(|call| call.mutating && !call.caller.contains(":assumed-role/"))
            .collect()
    }
}

/// In-process deploys do not ask and do not prove.
pub const OPTIONS: DeployOptions<'static> = DeployOptions {
    yes: true,
    no_prove: true,
    adopt: false,
    no_plan: false,
    force: None,
    plan: None,
};

/// In-process teardowns do not ask.
pub const FOR_SURE: TeardownOptions<'static> = TeardownOptions {
    yes: true,
    force: None,
};

/// Gives [`tiny`] for every source.
pub struct Tiny;

impl Build for Tiny {
    fn digest(&self, settings: &Settings) -> Result<SourceDigest> {
        Ok(tiny(settings).source_digest)
    }

    async fn build(&self, settings: &Settings, _progress: Progress<'_>) -> Result<Artifact> {
        Ok(tiny(settings))
    }
}

/// A function that costs no compiler and few bytes; nothing here calls it. Its digest is the real
/// one, so that the binary finds it up to date.
pub fn tiny(settings: &Settings) -> Artifact {
    static ZIP: OnceLock<Vec<u8>> = OnceLock::new();
    let make = || {
        let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default().unix_permissions(0o755);
        zip.start_file("bootstrap", options).unwrap();
        std::io::Write::write_all(&mut zip, b"#!/bin/sh\nexit 1\n").unwrap();
        zip.finish().unwrap().into_inner()
    };
    let zip = ZIP.get_or_init(make).clone();
    Artifact {
        code_sha256: chatctl::package::code_sha256(&zip),
        source_digest: chatctl::package::digest(settings).unwrap(),
        arch: settings.arch(),
        zip,
    }
}

pub fn settings(cloud: &LocalCloud, flags: &[&str]) -> Settings {
    let port = cloud.addr().port().to_string();
    let argv = ["chatctl", "plan", "--local", "--port", &port];
    let cli = Cli::try_parse_from(argv.iter().chain(flags).copied()).unwrap();
    let Command::Plan(plan) = cli.command else {
        unreachable!("plan was typed")
    };
    Settings::load(&cli.global.input(&plan.wanted)).unwrap()
}

/// The text of an output, for messages of failed assertions.
pub fn text(output: &std::process::Output) -> String {
    format!(
        "{}\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// One HTTP DELETE to the cloud's switchboard.
pub async fn delete(url: &str) {
    request("DELETE", url, "").await;
}

/// One HTTP request to the cloud's switchboard.
pub async fn request(method: &str, url: &str, body: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let rest = url.trim_start_matches("http://");
    let (host, path) = rest.split_once('/').unwrap();
    let mut stream = tokio::net::TcpStream::connect(host).await.unwrap();
    let length = body.len();
    let head = format!(
        "{method} /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    answer
}

/// Plans as if nothing were there, and carries that out.
pub async fn apply_as_if_empty(world: &World) {
    use chatctl::engine::event::Events;
    use chatctl::engine::read::Seen;
    use chatctl::engine::{Stop, apply::apply, plan::Plan};
    use chatctl::resources::{Observed, RunContext};
    use chatctl::stack::{Desired, Stack};
    let settings = &world.settings;
    let run = Arc::new(RunContext::new(world.clients.clone(), settings, false));
    let observed = Observed::read(Arc::clone(&run)).await.unwrap();
    let desired = Desired {
        settings,
        digest: Some(&tiny(settings).source_digest),
        with_logging_role: false,
    };
    let stack = Stack::wanted(&desired, &observed);
    stack.outputs.code.set(tiny(settings));
    let seen = stack.resources.into_iter().map(|wanted| Seen {
        wanted,
        found: None,
    });
    let plan = Plan::converge(seen.collect(), Vec::new(), &observed).unwrap();
    let (events, _listener) = Events::channel();
    let outcome = apply(&plan, &run, &events, &Stop::default()).await;
    assert!(outcome.is_complete(), "{:?}", outcome.failed);
}

/// Waits until an operation was called so often since the start.
pub async fn wait_for(world: &World, operation: &str, count: usize) {
    let called = || {
        let calls = world.cloud.calls().into_iter();
        calls.filter(|call| call.operation == operation).count()
    };
    until(&format!("{operation} is called {count} times"), || {
        called() >= count
    })
    .await;
}

/// Waits until it is so; `what` says what never became true.
pub async fn until(what: &str, is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let limit = Duration::from_secs(120);
    let ended = tokio::time::timeout(limit, waiting).await;
    ended.unwrap_or_else(|_| panic!("still not so: {what}"));
}
