//! Which way calls and WebSockets take: proxies, certificates, partitions, FIPS endpoints.

use super::middle;
use super::proxy::Proxy;
use crate::binary::{Said, chatctl, run};
use crate::standin::StandIn;
use crate::world::World;
use chatctl::aws::Clients;
use chatctl::config::Target;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Command, Stdio};
use tokio::runtime::Runtime;

/// The port that discards everything.
const NOBODY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9);

/// For tests that hold a [`StandIn`], which has a runtime of its own.
fn proxy_to(sockets: SocketAddr) -> (Proxy, Runtime) {
    let runtime = Runtime::new().unwrap();
    (runtime.block_on(Proxy::start(NOBODY, sockets)), runtime)
}

/// A `chatctl` that means AWS and finds the way to it through the proxy.
fn behind(proxy: &Proxy, folder: &Path) -> Command {
    let mut command = chatctl(folder);
    command
        .env("HTTPS_PROXY", proxy.url())
        .env("AWS_CA_BUNDLE", &proxy.bundle)
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_REGION", "us-east-1")
        .stdin(Stdio::null());
    command
}

/// Runs it to its end, without blocking the servers of this process.
async fn done(mut command: Command) -> Said {
    tokio::task::spawn_blocking(move || run(&mut command))
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_and_the_probe_go_through_the_proxy_and_trust_its_certificates() {
    let world = World::deployed().await;
    let cloud = world.cloud.addr();
    // The local cloud answers to names of this machine and of APIs only.
    let calls = middle::start(cloud, |_, _, _| None).await;
    let proxy = Proxy::start(calls, cloud).await;
    let mut command = behind(&proxy, world.folder.path());
    command.args(["doctor", "-v"]);
    let said = done(command).await;
    let socket = format!(
        "{}.execute-api.us-east-1.amazonaws.com",
        api_id(&world).await
    );
    for host in [
        "sts.us-east-1.amazonaws.com",
        "iam.amazonaws.com",
        "apigateway.us-east-1.amazonaws.com",
        &socket,
    ] {
        assert!(proxy.was_asked_for(host), "{host}: {:?}", proxy.asked());
    }
    // The function of this chat does nothing: the gateway's answer came all the way back.
    assert!(said.out.contains("502"), "{}\n{}", said.out, said.err);
    assert!(!said.err.contains("secret"), "{}", said.err);
}

async fn api_id(world: &World) -> String {
    let apis = world.clients.apigatewayv2.get_apis().send().await.unwrap();
    apis.items()[0].api_id().unwrap().to_owned()
}

#[test]
fn the_terminals_chat_goes_through_the_proxy() {
    let chat = StandIn::start();
    let (proxy, _runtime) = proxy_to(chat.addr());
    let folder = tempfile::tempdir().unwrap();
    let mut command = behind(&proxy, folder.path());
    let url = "wss://a1b2c3.execute-api.us-east-1.amazonaws.com/production";
    command.args(["chat", "--url", url, "--user", "Ada"]);
    let said = run(&mut command);
    assert_eq!(said.code, 0, "{}", said.err);
    let heard = chat.heard();
    assert!(
        heard.iter().any(|message| message["name"] == "Ada"),
        "{heard:?}"
    );
    let host = "a1b2c3.execute-api.us-east-1.amazonaws.com";
    assert!(proxy.was_asked_for(host), "{:?}", proxy.asked());
}

#[test]
fn what_no_proxy_names_is_not_asked_of_the_proxy() {
    let chat = StandIn::start();
    let (proxy, _runtime) = proxy_to(NOBODY);
    let folder = tempfile::tempdir().unwrap();
    for (url, no_proxy) in [
        (chat.url().as_str(), ""),
        ("wss://chat.invalid/production", ".invalid"),
    ] {
        let mut command = behind(&proxy, folder.path());
        command
            .env("NO_PROXY", no_proxy)
            .env("HTTP_PROXY", proxy.url());
        command.args(["chat", "--url", url, "--user", "Ada"]);
        run(&mut command);
    }
    assert_eq!(chat.heard()[0]["name"], "Ada");
    assert!(proxy.asked().is_empty(), "{:?}", proxy.asked());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_refuses_is_named_without_its_password() {
    let proxy = Proxy::start(NOBODY, NOBODY).await;
    let folder = tempfile::tempdir().unwrap();
    let mut command = behind(&proxy, folder.path());
    let wrong = proxy.url().replace("secret", "hunter2");
    command.env("HTTPS_PROXY", wrong);
    command.args([
        "chat",
        "--url",
        "wss://chat.invalid/production",
        "--user",
        "Ada",
    ]);
    let said = done(command).await;
    assert_ne!(said.code, 0);
    let by = proxy.url_without_password().replace("http://", "");
    assert!(
        said.err.contains(&format!("the proxy {by}")),
        "{}",
        said.err
    );
    assert!(said.err.contains("authorization required"), "{}", said.err);
    assert!(!said.err.contains("hunter2"), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_that_cannot_be_used_is_named_before_any_call() {
    let proxy = Proxy::start(NOBODY, NOBODY).await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("none.pem"), "no certificate").unwrap();
    for bundle in ["none.pem", "missing.pem"] {
        let mut command = behind(&proxy, folder.path());
        command.env("AWS_CA_BUNDLE", bundle).arg("status");
        let said = done(command).await;
        assert_eq!(said.code, 1, "{}", said.err);
        let words = format!("error: AWS_CA_BUNDLE={bundle} cannot be used");
        assert!(said.err.starts_with(&words), "{}", said.err);
    }
    assert!(proxy.asked().is_empty(), "{:?}", proxy.asked());
}

/// A `chatctl` that finds no bundle in its environment, and this one in its profile.
fn with_bundle_in_profile(proxy: &Proxy, folder: &Path, profile: &str, bundle: &Path) -> Command {
    let section = match profile {
        "default" => "[default]".to_owned(),
        named => format!("[profile {named}]"),
    };
    let config = format!("{section}\nca_bundle = {}\n", bundle.display());
    std::fs::create_dir_all(folder.join(".aws")).unwrap();
    std::fs::write(folder.join(".aws/config"), config).unwrap();
    let mut command = behind(proxy, folder);
    command.env_remove("AWS_CA_BUNDLE");
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bundle_of_the_profile_is_trusted_by_calls_and_by_the_probe() {
    let world = World::deployed().await;
    let cloud = world.cloud.addr();
    let calls = middle::start(cloud, |_, _, _| None).await;
    let proxy = Proxy::start(calls, cloud).await;
    for profile in ["default", "work"] {
        let folder = world.folder.path();
        let mut command = with_bundle_in_profile(&proxy, folder, profile, &proxy.bundle);
        command.args(["doctor", "-v"]);
        if profile != "default" {
            command.args(["--profile", profile]);
        }
        let said = done(command).await;
        assert!(said.out.contains("502"), "{}\n{}", said.out, said.err);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_terminals_chat_trusts_the_bundle_of_the_profile() {
    let proxy = Proxy::start(NOBODY, NOBODY).await;
    let folder = tempfile::tempdir().unwrap();
    let missing = Path::new("missing.pem");
    let mut command = with_bundle_in_profile(&proxy, folder.path(), "work", missing);
    let url = "wss://chat.invalid/production";
    command.args(["chat", "--url", url, "--user", "Ada", "--profile", "work"]);
    let said = done(command).await;
    let words = "ca_bundle = missing.pem of the profile \"work\" cannot be used";
    assert!(said.err.contains(words), "{}", said.err);
    assert!(proxy.asked().is_empty(), "{:?}", proxy.asked());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_environments_bundle_overrides_the_profiles() {
    let proxy = Proxy::start(NOBODY, NOBODY).await;
    let folder = tempfile::tempdir().unwrap();
    let missing = Path::new("missing.pem");
    for (of_environment, is_named) in [(None, true), (Some(&proxy.bundle), false)] {
        let mut command = with_bundle_in_profile(&proxy, folder.path(), "default", missing);
        command.arg("status");
        command.envs(of_environment.map(|path| ("AWS_CA_BUNDLE", path)));
        let said = done(command).await;
        let words = "error: ca_bundle = missing.pem of the profile \"default\" cannot be used";
        assert_eq!(said.err.starts_with(words), is_named, "{}", said.err);
        assert_ne!(said.code, 0, "nobody is behind the proxy");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_credential_chain_uses_fips_and_dual_stack_endpoints_too() {
    let proxy = Proxy::start(NOBODY, NOBODY).await;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::create_dir(folder.join(".aws")).unwrap();
    std::fs::write(folder.join("token"), "signed by somebody").unwrap();
    let (fips, dual) = ("sts-fips.us-east-1.amazonaws.com", "sts.us-east-1.api.aws");
    for (name, config, host) in [
        ("AWS_USE_FIPS_ENDPOINT", "", fips),
        ("UNUSED", "use_fips_endpoint = true\n", fips),
        ("AWS_USE_DUALSTACK_ENDPOINT", "", dual),
    ] {
        std::fs::write(folder.join(".aws/config"), format!("[default]\n{config}")).unwrap();
        let before = proxy.asked().len();
        let mut command = behind(&proxy, folder);
        command
            .env(name, "true")
            .env_remove("AWS_ACCESS_KEY_ID")
            .env("AWS_ROLE_ARN", "arn:aws:iam::000000000000:role/deployer")
            .env("AWS_WEB_IDENTITY_TOKEN_FILE", "token")
            .arg("status");
        let said = done(command).await;
        assert!(
            said.err.contains("credentials cannot be loaded"),
            "{}",
            said.err
        );
        let asked = proxy.asked().split_off(before);
        let right = |asked: &String| *asked == format!("{host}:443");
        assert!(!asked.is_empty() && asked.iter().all(right), "{asked:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_another_partition_hosts_end_in_its_own_domain() {
    const WHO: &str = "<GetCallerIdentityResponse><GetCallerIdentityResult>\
        <Arn>arn:aws-eusc:iam::000000000000:user/ada</Arn><UserId>A</UserId>\
        <Account>000000000000</Account></GetCallerIdentityResult></GetCallerIdentityResponse>";
    let world = World::empty().await;
    // A local cloud of that partition.
    const HEALTH: &str = r#"{"region":"eusc-de-east-1"}"#;
    let addr = middle::start(world.cloud.addr(), |_, path, body| {
        if path == "/_chatctl/health" {
            return Some((200, &[], HEALTH));
        }
        body.contains("GetCallerIdentity")
            .then_some((200, &[("content-type", "text/xml")], WHO))
    })
    .await;
    let mut settings = world.settings.clone();
    settings.region = Some("eusc-de-east-1".into());
    let mut place = middle::clients(&settings, addr).await.place;
    assert_eq!(place.unusual_dns_suffix(), Some("amazonaws.eu"));

    place.endpoint_url = None;
    let names = chatctl::naming::Names::new(&settings, &place);
    assert_eq!(
        names.socket_url("a1"),
        "wss://a1.execute-api.eusc-de-east-1.amazonaws.eu/production"
    );
    let clients = Clients {
        place,
        ..world.clients.clone()
    };
    let settings = settings.with_target(Target::Aws);
    assert_eq!(
        function_variable(&clients, &settings, "CHAT_DNS_SUFFIX").await,
        Some("amazonaws.eu".into())
    );
    let usual = function_variable(&world.clients, &settings, "CHAT_DNS_SUFFIX").await;
    assert_eq!(usual, None);
}

/// A variable that the function would get.
async fn function_variable(
    clients: &Clients,
    settings: &chatctl::config::Settings,
    key: &str,
) -> Option<String> {
    use chatctl::resources::{Kind, Observed, RunContext};
    use chatctl::stack::{Desired, Stack};
    let run = RunContext::new(clients.clone(), settings, false);
    let observed = Observed::read(std::sync::Arc::new(run)).await.unwrap();
    let desired = Desired {
        settings,
        digest: None,
        with_logging_role: false,
    };
    let mut wanted = Stack::wanted(&desired, &observed).resources.into_iter();
    wanted.find_map(|one| match one {
        Kind::Function(function) => Some(function.configuration.environment.get(key).cloned()),
        _ => None,
    })?
}
