//! What bash completes with the script of `chatctl completions bash`.

use super::world::{World, text};
use std::path::Path;
use std::process::Command;

/// What bash offers for the last word of the line.
fn offered(folder: &Path, port: u16, words: &[&str]) -> Vec<String> {
    let quoted: Vec<_> = words.iter().map(|word| format!("'{word}'")).collect();
    let program = env!("CARGO_BIN_EXE_chatctl");
    let script = format!(
        "chatctl() {{ command '{program}' \"$@\"; }}; export -f chatctl; PATH=$PWD/bin:$PATH; \
         source <(chatctl completions bash); COMP_WORDS=({words}); COMP_CWORD={last}; COMP_TYPE=9; \
         function=$(complete -p chatctl | sed 's/.* -F \\([^ ]*\\).*/\\1/'); \
         $function chatctl '{word}' ''; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        words = quoted.join(" "),
        last = words.len() - 1,
        word = words[words.len() - 1],
    );
    let bin = folder.join("bin");
    std::fs::create_dir_all(&bin).unwrap();
    let _ = std::os::unix::fs::symlink(program, bin.join("chatctl"));
    let mut bash = Command::new("bash");
    let output = bash
        .args(["--norc", "-c", &script])
        .current_dir(folder)
        .env("CHATCTL_PORT", port.to_string())
        .env_remove("AWS_ENDPOINT_URL")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    said.lines().map(|line| line.trim().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn names_come_from_the_file_here_and_from_the_local_cloud() {
    let world = World::empty().await;
    let other = world.settings(&["--name", "other", "--stage", "test"]);
    world.deploy_as(&other).await.unwrap();
    let toml = "name = \"mine\"\n[env.staging]\n[env.live]\n";
    std::fs::write(world.folder.path().join("chatctl.toml"), toml).unwrap();
    let (folder, port) = (world.folder.path().to_owned(), world.cloud.addr().port());
    let offers = async |words: &'static [&'static str], port: u16| {
        let folder = folder.clone();
        tokio::task::spawn_blocking(move || offered(&folder, port, words))
            .await
            .unwrap()
    };
    let commands = offers(&["chatctl", "te"], port).await;
    assert_eq!(commands, ["teardown"]);
    let names = offers(&["chatctl", "status", "--name", ""], port).await;
    assert_eq!(names, ["mine", "other"]);
    let stages = offers(&["chatctl", "status", "--stage", ""], port).await;
    assert_eq!(stages, ["test"]);
    let environments = offers(&["chatctl", "deploy", "--env", ""], port).await;
    assert_eq!(environments, ["live", "staging"]);
    let apis = offers(&["chatctl", "doctor", "--api", ""], port).await;
    let there = world.clients.apigatewayv2.get_apis().send().await.unwrap();
    assert_eq!(apis, [there.items()[0].api_id().unwrap()]);
    // Nobody listens there: what the file has is all.
    let names = offers(&["chatctl", "status", "--name", ""], 9).await;
    assert_eq!(names, ["mine"]);
}
