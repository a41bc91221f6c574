//! The examples in the help of each command: every line runs.

use super::world::{World, text};
use chatctl::cli::Cli;
use clap::{CommandFactory, Parser};
use std::process::Output;

/// The lines of examples of every command, by the command's name.
fn examples() -> Vec<(String, String)> {
    let root = Cli::command();
    let of = |command: &clap::Command| {
        let help = command.get_after_help().map(ToString::to_string);
        let name = command.get_name().to_owned();
        let help = help.unwrap_or_else(|| panic!("{name} has no examples"));
        let lines = help.lines().skip(1).map(|line| line.trim().to_owned());
        lines.map(|line| (name.clone(), line)).collect::<Vec<_>>()
    };
    let commands = root.get_subcommands();
    let commands = commands.filter(|command| command.get_name() != "help");
    commands.flat_map(of).collect()
}

/// The words of the part of a line that is chatctl's, as a shell splits them.
fn words(line: &str) -> Vec<String> {
    let ours = line.split(" | ").find(|part| part.starts_with("chatctl"));
    let ours = ours.unwrap_or_else(|| panic!("no chatctl in {line}"));
    let ours = ours.split(" > ").next().unwrap_or_default();
    ours.split(' ').map(|word| word.replace('\'', "")).collect()
}

#[test]
fn each_is_a_command_line_that_chatctl_takes() {
    for (name, line) in examples() {
        let words = words(&line);
        assert!(words.contains(&name), "{line} is no example of {name}");
        if let Err(error) = Cli::try_parse_from(&words) {
            panic!("{line}: {error}");
        }
    }
}

/// Runs the line in a shell, with a program called chatctl that leads to this cloud.
async fn run(world: &World, line: &str) -> Output {
    let port = world.cloud.addr().port();
    let program = env!("CARGO_BIN_EXE_chatctl");
    let script = format!(
        "chatctl() {{ command '{program}' \"$@\" --local --port {port}; }}; HOME=$PWD; \
         mkdir -p .local/share/bash-completion/completions; {line}"
    );
    let mut command = std::process::Command::new("bash");
    command
        .args(["-c", &script])
        .current_dir(world.folder.path())
        .env_remove("AWS_ENDPOINT_URL")
        .env("NO_COLOR", "1");
    tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

/// They run until somebody stops them; their lines are taken, and their own tests run them.
fn runs_on(line: &str) -> bool {
    ["chatctl local", "chatctl open", "chatctl chat --user"]
        .iter()
        .any(|start| line.starts_with(start))
        || line.contains("--follow")
}

/// They name an API of somebody else, which is not there; `any_api` runs such lines.
fn names_an_api(line: &str) -> bool {
    line.contains("--api ")
}

#[tokio::test(flavor = "multi_thread")]
async fn each_ends_well_on_the_local_cloud() {
    // The one that the examples name: a region that is typed has to be the local cloud's.
    let world = World::in_region("eu-central-1").await;
    let all = examples().into_iter().map(|(_, line)| line);
    let (last, first): (Vec<_>, Vec<_>) = all
        .filter(|line| !runs_on(line) && !names_an_api(line))
        .partition(|line| line.starts_with("chatctl teardown"));
    // Whoever deploys comes before whoever looks at it, and before whoever deletes it.
    let (deploys, others): (Vec<_>, Vec<_>) = first
        .into_iter()
        .partition(|line| line.starts_with("chatctl deploy"));
    run(&world, "chatctl deploy --yes --memory 300").await;
    for line in deploys.iter().chain(&others).chain(&last) {
        let ended = run(&world, line).await;
        assert!(ended.status.success(), "{line}: {}", text(&ended));
    }
}
