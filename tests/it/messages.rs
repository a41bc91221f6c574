//! Questions and errors name what they speak of, and what is written keeps to what was asked for.

use crate::binary::{Said, chatctl, run};
use crate::running::{Client, Running};
use crate::terminal::{Shown, on_terminal};
use crate::world::World;
use std::process::Command;

/// Every change is one that needs no compiler.
const A_CHANGE: [&str; 3] = ["--retention", "30", "--no-prove"];

async fn on_a_terminal(mut command: Command, typed: &'static str) -> Shown {
    let running = tokio::task::spawn_blocking(move || on_terminal(&mut command, typed));
    running.await.unwrap()
}

async fn deploys_on_a_terminal(set: impl Fn(&mut Command), flags: &[&str]) -> String {
    let world = World::deployed().await;
    let args = [&["deploy", "--yes"], &A_CHANGE[..], flags].concat();
    let mut command = world.chatctl(&args);
    command.env_remove("NO_COLOR").env_remove("CI");
    command.env("TERM", "xterm-256color");
    set(&mut command);
    let shown = on_a_terminal(command, "").await;
    assert_eq!(shown.code, 0, "{}", shown.text);
    assert!(shown.text.contains("updated log-group"), "{}", shown.text);
    shown.text
}

/// Sequences that choose a colour or a style.
fn styles(text: &str) -> Vec<String> {
    let style = regex::Regex::new("\x1b\\[[0-9;]*m").unwrap();
    let found = style.find_iter(text).map(|one| one.as_str().to_owned());
    found.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_question_names_the_account_and_the_region() {
    let world = World::deployed().await;
    let place = &world.clients.place;
    let place = format!("in {}, account {}: ", place.region, place.account_id);
    for args in [&["deploy", "--retention", "30"][..], &["teardown"][..]] {
        let asked = on_a_terminal(world.chatctl(args), "n\n").await;
        assert_eq!(asked.code, 1, "{}", asked.text);
        let question = format!("chat/production {place}");
        assert!(asked.text.contains(&question), "{}", asked.text);
        assert!(asked.text.contains("the answer was no"), "{}", asked.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_progress_view_has_colours_where_they_are_wanted() {
    let text = deploys_on_a_terminal(|_| {}, &[]).await;
    assert!(!styles(&text).is_empty(), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_progress_view_has_no_colours_with_no_color() {
    let set = |command: &mut Command| {
        command.env("NO_COLOR", "1");
    };
    let text = deploys_on_a_terminal(set, &[]).await;
    assert_eq!(styles(&text), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_progress_view_has_no_colours_with_color_never() {
    let text = deploys_on_a_terminal(|_| {}, &["--color", "never"]).await;
    assert_eq!(styles(&text), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dumb_terminal_gets_lines_and_no_escape_at_all() {
    let set = |command: &mut Command| {
        command.env("TERM", "dumb").env("CI", "true");
    };
    let text = deploys_on_a_terminal(set, &[]).await;
    assert!(!text.contains('\x1b'), "{text:?}");
}

fn ended(said: &Said, code: i32, start: &str) {
    assert_eq!(said.code, code, "{}", said.err);
    assert!(said.err.starts_with(start), "{}", said.err);
}

#[test]
fn local_takes_the_running_clouds_region_whatever_the_environment_and_the_file_say() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = chatctl(dir.path());
    command.env("AWS_REGION", "eu-west-1");
    let local = Running::start_as(command, &["--no-deploy"]);
    std::fs::write(
        dir.path().join("chatctl.toml"),
        "region = \"ap-southeast-2\"\n",
    )
    .unwrap();
    for region in [None, Some("us-west-2")] {
        let mut command = chatctl(dir.path());
        command.envs(region.map(|region| ("AWS_REGION", region)));
        let said = run(command.args(["status", "--local", "--port", &local.port()]));
        assert_eq!(said.code, 0, "{}", said.err);
        assert!(said.out.contains("in eu-west-1, account"), "{}", said.out);
    }
}

#[test]
fn where_no_local_cloud_runs_that_is_said_first() {
    let dir = tempfile::tempdir().unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port().to_string();
    drop(free);
    for verb in [
        "status", "plan", "deploy", "teardown", "logs", "chat", "open",
    ] {
        let said = run(chatctl(dir.path()).args([verb, "--local", "--port", &port]));
        ended(
            &said,
            1,
            &format!("error: no local cloud runs on port {port}\n"),
        );
        assert!(!said.err.contains("because"), "{}", said.err);
    }
}

#[test]
fn an_unknown_profile_is_named_as_such() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join(".aws")).unwrap();
    let config = "[profile work]\nregion = eu-west-1\n";
    std::fs::write(dir.path().join(".aws/config"), config).unwrap();
    let wanted = "error: there is no profile \"wrok\" in the AWS configuration files\n";
    let said = run(chatctl(dir.path()).args(["status", "--profile", "wrok"]));
    ended(&said, 64, wanted);
    assert!(said.err.contains("did you mean \"work\"?"), "{}", said.err);
    let said = run(chatctl(dir.path()).arg("status").env("AWS_PROFILE", "wrok"));
    ended(&said, 64, wanted);
    let said = run(chatctl(dir.path()).args(["status", "--profile", "work"]));
    ended(&said, 1, "error: no AWS credentials were found\n");
}

#[test]
fn a_misspelt_fault_is_refused_with_the_likely_one() {
    let dir = tempfile::tempdir().unwrap();
    for (fault, near) in [
        ("lambda:CreateFuncton=reset", "CreateFunction"),
        ("CreateRoll=error:503", "CreateRole"),
        ("lamda=reset", "lambda"),
        ("execute-api:Mesage=reset", "Message"),
    ] {
        let said = run(chatctl(dir.path()).args(["local", "--port", "0", "--fault", fault]));
        ended(&said, 64, &format!("error: --fault: {fault:?}"));
        let near = format!("did you mean `{near}`?");
        assert!(said.err.contains(&near), "{}", said.err);
    }
}

#[test]
fn a_mistake_in_the_file_is_told_in_plain_words() {
    let dir = tempfile::tempdir().unwrap();
    for (text, message, hint) in [
        (
            "nmae = \"x\"",
            "1: unknown key `nmae`",
            "did you mean `name`?",
        ),
        (
            "[functon]",
            "1: unknown key `functon`",
            "did you mean `function`?",
        ),
        (
            "[logs]\nxyz = 1",
            "2: unknown key `xyz`",
            "here can stand retention-days",
        ),
        (
            "[function]\nmemory = \"a\"",
            "2: it must be a whole number, 0 or more, not text",
            "",
        ),
        (
            "[function]\nmemory = -1",
            "2: it must be a whole number, 0 or more",
            "",
        ),
        (
            "[logs]\nretention-days = 1.5",
            "2: it must be a whole number, 0 or more, not a number with a fraction",
            "",
        ),
        (
            "name = 1",
            "1: it must be text in quotes, not a whole number",
            "",
        ),
        (
            "function = 3",
            "1: it must be a table, not a whole number",
            "",
        ),
        (
            "[gateway]\ndata-trace = \"yes\"",
            "2: it must be true or false, not text",
            "",
        ),
        (
            "[function]\nallowed-origins = \"x\"",
            "2: it must be a list in brackets, not text",
            "",
        ),
        (
            "[gateway]\nlog-level = \"inf\"",
            "2: it must be one of off, error, info",
            "did you mean \"info\"?",
        ),
        (
            "[gateway]\nthrottle-rate = \"x\"",
            "2: it must be a number, not text",
            "",
        ),
    ] {
        std::fs::write(dir.path().join("chatctl.toml"), text).unwrap();
        let said = run(chatctl(dir.path()).args(["plan", "--local"]));
        ended(&said, 64, &format!("error: chatctl.toml:{message}\n"));
        assert!(said.err.contains(hint), "{}", said.err);
    }
}

#[test]
fn a_host_name_that_cannot_be_resolved_is_one_cause() {
    let dir = tempfile::tempdir().unwrap();
    let url = "http://nowhere.invalid:1";
    let said = run(chatctl(dir.path()).args(["status", "--endpoint-url", url]));
    assert_eq!(said.code, 1, "{}", said.err);
    assert_eq!(said.err.matches("because").count(), 1, "{}", said.err);
    let cause = "because the host name cannot be resolved: ";
    assert!(said.err.contains(cause), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_without_changes_is_one_line_unless_v_is_given() {
    let world = World::deployed().await;
    let plan = |args: &'static [&'static str]| {
        let running = world.run(args);
        async move { String::from_utf8(running.await.stdout).unwrap() }
    };
    assert_eq!(plan(&["plan"]).await, "chat/production is up to date\n");
    assert!(plan(&["plan", "-v"]).await.lines().count() > 10);
    assert!(
        plan(&["plan", "--retention", "30"])
            .await
            .contains("retention")
    );
}

#[test]
fn a_quiet_local_cloud_says_one_url() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = chatctl(dir.path());
    command.args(["local", "--no-deploy", "--port", "0", "-q"]);
    command.stdout(std::process::Stdio::piped());
    command.stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    let url = lines.next().unwrap().unwrap();
    let is_url = url.starts_with("http://127.0.0.1:") && !url.ends_with(":0");
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let rest: Vec<String> = lines.map_while(Result::ok).collect();
    let ended = child.wait_with_output().unwrap();
    assert!(is_url, "{url}");
    assert_eq!((ended.status.code(), rest), (Some(0), Vec::new()));
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_local_cloud_streams_no_logs() {
    let dir = tempfile::tempdir().unwrap();
    let local = Running::start(dir.path(), &["-q"]);
    let mut alice = Client::connect(&local.text("url")).await;
    let name = serde_json::json!({ "action": "setName", "name": "Alice" });
    alice.send(name).await;
    alice.expect("systemMessage").await;
    alice.0.close(None).await.unwrap();
    let logs = || {
        local
            .second_shell(dir.path(), &["logs", "--source", "access"])
            .out
    };
    crate::world::until("the access log has the end", || {
        logs().contains("eventType=DISCONNECT")
    })
    .await;
    let (code, lines, err) = local.interrupt_and_read();
    assert_eq!((code, lines, err), (0, Vec::new(), String::new()));
}

#[test]
fn help_shows_a_commands_own_options_before_the_global_ones() {
    let dir = tempfile::tempdir().unwrap();
    for (verb, own) in [
        ("deploy", "--yes"),
        ("plan", "--exit-code"),
        ("local", "--watch"),
        ("logs", "--follow"),
        ("teardown", "--yes"),
    ] {
        let said = run(chatctl(dir.path()).args([verb, "--help"]));
        let place = |text: &str| said.out.find(text).unwrap_or_else(|| panic!("{text}"));
        let others = ["What is deployed:", "Global options:"];
        let others = others.iter().filter_map(|heading| said.out.find(heading));
        assert!(others.min().unwrap() > place(own), "{verb}: {}", said.out);
        assert!(place("Global options:") < place("--region"), "{verb}");
    }
}
