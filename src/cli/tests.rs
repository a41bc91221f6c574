//! What is typed and what the file says, together as settings.

use super::{Cli, Command};
use crate::config::{Input, Settings};
use clap::Parser;

fn settings(file: &str, flags: &[&str]) -> Result<Settings, String> {
    let argv = ["chatctl", "plan"].iter().chain(flags).copied();
    let cli = Cli::try_parse_from(argv).map_err(|error| error.to_string())?;
    let Command::Plan(plan) = cli.command else {
        unreachable!("plan was typed")
    };
    let dir = std::env::temp_dir();
    let path = dir.join(format!(
        "chatctl-config-{}-{}.toml",
        std::process::id(),
        fastrand::u64(..)
    ));
    std::fs::write(&path, file).map_err(|error| error.to_string())?;
    let input = Input {
        config: Some(path.clone()),
        ..cli.global.input(&plan.wanted)
    };
    let loaded = Settings::load(&input);
    let _ = std::fs::remove_file(&path);
    loaded.map_err(|error| {
        let text = format!("{error} | {}", error.hints().join(" | "));
        text.replace(&path.display().to_string(), "chatctl.toml")
    })
}

#[test]
fn an_empty_file_gives_the_documented_defaults() {
    let s = settings("", &["--local"]).unwrap();
    assert_eq!((s.name.as_str(), s.stage.as_str()), ("chat", "production"));
    assert_eq!(
        (s.function.memory, s.function.timeout, s.retention_days),
        (256, 15, 14)
    );
    assert_eq!(
        s.target.endpoint_url().as_deref(),
        Some("http://127.0.0.1:4510")
    );
}

#[test]
fn a_flag_wins_over_the_file() {
    let file = "name = \"filed\"\n[function]\nmemory = 512\n[tags]\nteam = \"a\"\n";
    let s = settings(file, &["--memory", "1024", "--tag", "team=b"]).unwrap();
    assert_eq!((s.name.as_str(), s.function.memory), ("filed", 1024));
    assert_eq!(s.tags["team"], "b");
}

#[test]
fn an_unknown_key_is_refused_with_file_line_and_key() {
    let error = settings("name = \"x\"\n[function]\nmemroy = 512\n", &[]).unwrap_err();
    assert!(
        error.starts_with("chatctl.toml:3: unknown key `memroy`"),
        "{error}"
    );
}

#[test]
fn a_syntax_error_is_refused_with_its_line() {
    let error = settings("name = \"x\"\nstage = \n", &[]).unwrap_err();
    assert!(error.starts_with("chatctl.toml:2: "), "{error}");
}

#[test]
fn a_bad_value_in_the_file_points_at_its_line() {
    let error = settings("\n[logs]\nretention-days = 8\n", &[]).unwrap_err();
    assert!(
        error.starts_with("chatctl.toml:3: logs.retention-days: 8 days"),
        "{error}"
    );
}

#[test]
fn a_bad_value_on_the_command_line_points_at_the_flag() {
    for (flags, start) in [
        (vec!["--name", "Has Space"], "--name: "),
        (vec!["--stage", "no/slash"], "--stage: "),
        (vec!["--region", "eu-cenral-1"], "--region: "),
        (vec!["--memory", "64"], "--memory: "),
        (vec!["--timeout", "30"], "--timeout: "),
        (vec!["--throttle-rate", "0"], "--throttle-rate: "),
        (vec!["--throttle-burst", "0"], "--throttle-burst: "),
        (
            vec!["--allow-origin", "chat.example.com"],
            "--allow-origin: ",
        ),
        (vec!["--tag", "aws:x=1"], "--tag: "),
        (vec!["--endpoint-url", "nonsense"], "--endpoint-url: "),
    ] {
        let error = settings("", &flags).unwrap_err();
        assert!(error.starts_with(start), "{flags:?}: {error}");
    }
}

#[test]
fn a_suggested_command_repeats_the_flags_that_chose_the_chat() {
    // The file is always named in these tests.
    let command = |file: &str, flags: &[&str], verb: &str| {
        let command = settings(file, flags).unwrap().command(verb);
        let (start, rest) = command.split_once(" --config ").unwrap();
        let rest = rest.split_once(".toml").unwrap().1;
        format!("{start}{rest}")
    };
    for (flags, expected) in [
        (vec![], "chatctl deploy"),
        (vec!["--name", "x"], "chatctl deploy --name x"),
        (vec!["--stage", "test"], "chatctl deploy --stage test"),
        (
            vec!["--region", "eu-west-1"],
            "chatctl deploy --region eu-west-1",
        ),
        (
            vec!["--profile", "my work"],
            "chatctl deploy --profile 'my work'",
        ),
        (vec!["--local"], "chatctl deploy --local"),
        (vec!["--port", "4600"], "chatctl deploy"),
        (
            vec!["--port", "4600", "--local", "--name", "x"],
            "chatctl deploy --name x --local --port 4600",
        ),
        (
            vec!["--endpoint-url", "http://127.0.0.1:4566/"],
            "chatctl deploy --endpoint-url http://127.0.0.1:4566",
        ),
    ] {
        assert_eq!(command("", &flags, "deploy"), expected);
    }
    // What the file says, it says to the next command too.
    let file = "name = \"filed\"\nstage = \"test\"\nregion = \"eu-west-1\"\nprofile = \"work\"\n";
    assert_eq!(
        command(file, &[], "logs --since 1h"),
        "chatctl logs --since 1h"
    );
    // The local cloud's own command needs no --local.
    let flags = ["--local", "--port", "4600"];
    assert_eq!(command("", &flags, "local"), "chatctl local --port 4600");
}

#[test]
fn every_region_of_aws_is_taken() {
    for region in [
        "us-east-1",
        "us-gov-west-1",
        "cn-northwest-1",
        "ap-southeast-5",
        "il-central-1",
        "mx-central-1",
        "eusc-de-east-1",
    ] {
        assert!(settings("", &["--region", region]).is_ok(), "{region}");
    }
}

#[test]
fn a_function_cannot_take_lambdas_own_variables_or_ours() {
    for key in ["AWS_REGION", "CHAT_TABLE", "1X"] {
        let file = format!("[function.environment]\n{key} = \"x\"\n");
        let error = settings(&file, &[]).unwrap_err();
        assert!(error.contains(key), "{error}");
    }
}

/// A common part and two environments.
const ENVIRONMENTS: &str = "name = \"team\"\nstage = \"live\"\n[function]\nmemory = 512\ntimeout = 9\n\
    [tags]\nowner = \"a\"\n[env.staging]\nregion = \"eu-west-1\"\n[env.staging.function]\nmemory = 128\n\
    [env.staging.tags]\nfor = \"tests\"\n[env.prod]\nstage = \"v1\"\n";

#[test]
fn an_environment_goes_over_the_common_part_key_by_key() {
    let s = settings(ENVIRONMENTS, &["--env", "staging"]).unwrap();
    assert_eq!(
        (s.name.as_str(), s.region.as_deref()),
        ("team", Some("eu-west-1"))
    );
    assert_eq!((s.function.memory, s.function.timeout), (128, 9));
    assert_eq!(
        (s.tags["owner"].as_str(), s.tags["for"].as_str()),
        ("a", "tests")
    );
    let common = settings(ENVIRONMENTS, &[]).unwrap();
    assert_eq!(
        (common.stage.as_str(), common.function.memory),
        ("live", 512)
    );
    assert!(!common.tags.contains_key("for"));
}

#[test]
fn an_environment_is_a_stack_of_its_own() {
    let stage = |flags: &[&str]| settings(ENVIRONMENTS, flags).unwrap().stage;
    assert_eq!(stage(&["--env", "staging"]), "staging");
    assert_eq!(stage(&["--env", "prod"]), "v1");
    assert_eq!(stage(&["--env", "staging", "--stage", "mine"]), "mine");
    let twice = "[env.a]\nstage = \"x\"\n[env.b]\nstage = \"x\"\n";
    let error = settings(twice, &["--env", "a"]).unwrap_err();
    let one = "chatctl.toml:3: [env.a] and [env.b] are one stack";
    assert!(error.starts_with(one), "{error}");
    let apart = "[env.a]\nstage = \"x\"\nregion = \"eu-west-1\"\n[env.b]\nstage = \"x\"\n";
    assert!(settings(apart, &["--env", "a"]).is_ok());
}

#[test]
fn an_unknown_environment_is_refused_with_those_there_are() {
    let error = settings(ENVIRONMENTS, &["--env", "stagng"]).unwrap_err();
    let expected = "chatctl.toml: there is no environment \"stagng\" | did you mean `--env staging`? | \
                    there are: prod, staging";
    assert_eq!(error, expected);
    let error = settings("", &["--env", "staging"]).unwrap_err();
    assert!(
        error.contains("a table [env.staging] in chatctl.toml makes it"),
        "{error}"
    );
}

#[test]
fn a_bad_value_of_an_environment_points_at_its_line() {
    for (file, start) in [
        (
            "[env.a.function]\nmemory = 64\n",
            "chatctl.toml:2: function.memory: 64 MB",
        ),
        (
            "[function]\nmemory = 64\n[env.a]\n",
            "chatctl.toml:2: function.memory: 64 MB",
        ),
        (
            "[env.a]\nmemroy = 64\n",
            "chatctl.toml:2: unknown key `memroy`",
        ),
        (
            "[env.a.env.b]\n",
            "chatctl.toml:1: an environment has no environments of its own",
        ),
    ] {
        let error = settings(file, &["--env", "a"]).unwrap_err();
        assert!(error.starts_with(start), "{error}");
    }
}

#[test]
fn a_suggested_command_repeats_the_environment() {
    let command = settings(ENVIRONMENTS, &["--env", "prod"])
        .unwrap()
        .command("deploy");
    assert!(command.contains(" --env prod"), "{command}");
}
