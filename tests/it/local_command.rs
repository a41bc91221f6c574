//! `chatctl local` as a user lives with it: one shell runs it, another one uses it.

use crate::bad_input::http_get;
use crate::binary::{chatctl, run};
use crate::running::{Client, Running, wait_for_end};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

async fn chat(url: &str) {
    let (mut alice, mut bob) = (Client::connect(url).await, Client::connect(url).await);
    alice
        .send(json!({"action": "setName", "name": "Alice"}))
        .await;
    assert_eq!(
        alice.expect("systemMessage").await,
        "Alice has joined the chat"
    );
    bob.send(json!({"action": "setName", "name": "Bob"})).await;
    assert_eq!(
        alice.expect("systemMessage").await,
        "Bob has joined the chat"
    );
    let mut members = alice.expect("members").await;
    while members.as_array().unwrap().len() < 2 {
        members = alice.expect("members").await;
    }
    alice
        .send(json!({"action": "sendPublic", "message": "hi"}))
        .await;
    assert_eq!(bob.expect("publicMessage").await, "Alice: hi");
    assert_eq!(alice.expect("publicMessage").await, "Alice: hi");
    bob.send(json!({"action": "sendPrivate", "to": "Alice", "message": "psst"}))
        .await;
    assert_eq!(alice.expect("privateMessage").await, "Bob: psst");
    bob.0.close(None).await.unwrap();
    assert_eq!(alice.expect("systemMessage").await, "Bob has left the chat");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_command_brings_two_people_to_chat_and_a_second_shell_manages_it() {
    let dir = tempfile::tempdir().unwrap();
    let local = Running::start(dir.path(), &[]);
    chat(&local.text("url")).await;
    local.line(|line| line["source"] == "access");

    let began = Instant::now();
    let again = local.second_shell(dir.path(), &["deploy"]);
    assert_eq!(again.code, 0, "{}", again.err);
    assert!(again.out.contains("nothing was changed"), "{}", again.out);
    // The promise to users is two seconds; a busy test machine gets some more.
    assert!(
        began.elapsed() < Duration::from_secs(8),
        "{:?}",
        began.elapsed()
    );

    let status = local.second_shell(dir.path(), &["status"]);
    assert!(status.out.contains(&local.text("url")), "{}", status.out);
    let logs = local.second_shell(dir.path(), &["logs", "--source", "function"]);
    assert!(logs.out.contains("sendPrivate"), "{}", logs.out);
    assert!(
        !logs.out.contains("psst"),
        "private text is in a log: {}",
        logs.out
    );

    let gone = local.second_shell(dir.path(), &["teardown", "--yes"]);
    assert_eq!(gone.code, 0, "{}", gone.err);
    assert!(gone.out.contains("none left"), "{}", gone.out);
    let anew = local.second_shell(dir.path(), &["deploy", "--yes", "--output", "json"]);
    assert_eq!(anew.code, 0, "{}", anew.err);
    let anew: Value = serde_json::from_str(&anew.out).unwrap();
    chat(anew["url"].as_str().unwrap()).await;
    assert_eq!(local.interrupt(), 0);
}

#[test]
fn the_page_has_the_port_after_the_clouds_after_each_start_and_another_one_if_that_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    let (port, page) = two_ports_in_a_row();
    let started = |flags: &[&str]| Running::start_on(chatctl(dir.path()), &port.to_string(), flags);
    let usual = format!("http://127.0.0.1:{page}/");
    for _ in 0..2 {
        let local = started(&[]);
        assert_eq!(local.text("page"), usual);
        assert_eq!(local.interrupt(), 0);
    }
    let _taken = std::net::TcpListener::bind(("127.0.0.1", page)).unwrap();
    let local = started(&[]);
    assert_ne!(local.text("page"), usual);
    assert_eq!(local.interrupt(), 0);
}

/// Both are free now.
fn two_ports_in_a_row() -> (u16, u16) {
    loop {
        let first = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = first.local_addr().unwrap().port();
        if std::net::TcpListener::bind(("127.0.0.1", port.saturating_add(1))).is_ok() {
            return (port, port + 1);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_and_the_logs_follow_a_chat_that_a_second_shell_deployed_anew() {
    let dir = tempfile::tempdir().unwrap();
    let local = Running::start(dir.path(), &[]);
    let ask = || http_get(&format!("{}get-ws-endpoint", local.text("page")));
    assert!(ask().contains(&local.text("url")), "{}", ask());

    let gone = local.second_shell(dir.path(), &["teardown", "--yes"]);
    assert_eq!(gone.code, 0, "{}", gone.err);
    let answer = ask();
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.contains("no chat is deployed here"), "{answer}");

    let anew = local.second_shell(dir.path(), &["deploy", "--yes", "--output", "json"]);
    assert_eq!(anew.code, 0, "{}", anew.err);
    let anew: Value = serde_json::from_str(&anew.out).unwrap();
    let (url, api) = (
        anew["url"].as_str().unwrap(),
        anew["apiId"].as_str().unwrap(),
    );
    assert_ne!(url, local.text("url"));
    assert!(ask().contains(url), "{}", ask());

    chat(url).await;
    let execution = format!("/aws/apigateway/{api}/production");
    local.line(|line| line["source"] == "execution" && line["group"] == execution.as_str());
    // Whatever came before the line above is forgotten by now.
    chat(url).await;
    local.line(|line| line["source"] == "access");
    assert_eq!(local.interrupt(), 0);
}

/// A port that keeps what it is sent, and refuses every request.
fn listener() -> (u16, std::sync::Arc<std::sync::Mutex<String>>) {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
    let keeping = heard.clone();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut bytes = [0; 16 * 1024];
            let count = stream.read(&mut bytes).unwrap_or_default();
            let text = String::from_utf8_lossy(&bytes[..count]).into_owned();
            keeping.lock().unwrap().push_str(&text);
            let refusal =
                "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            let _ = stream.write_all(refusal.as_bytes());
        }
    });
    (port, heard)
}

#[test]
fn real_credentials_never_leave_for_the_local_cloud() {
    let dir = tempfile::tempdir().unwrap();
    let (port, heard) = listener();
    let mut command = chatctl(dir.path());
    command
        .env("AWS_ACCESS_KEY_ID", "AKIAREALLYREAL")
        .env("AWS_SECRET_ACCESS_KEY", "reallysecret")
        .env("AWS_SESSION_TOKEN", "reallyatoken");
    let said = run(command.args(["status", "--local", "--port", &port.to_string()]));
    assert_eq!(said.code, 1, "{}", said.err);
    let heard = heard.lock().unwrap().clone();
    assert!(heard.contains("Credential=chatctl/"), "{heard}");
    assert!(!heard.to_lowercase().contains("really"), "{heard}");
}

#[test]
fn a_second_one_on_the_same_port_says_who_is_there_and_how_to_use_it() {
    let (dir, kept) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let kept = kept.path().display().to_string();
    let first = Running::start(dir.path(), &["--no-deploy", "--persist", &kept]);
    let port = first.port();
    let second = run(chatctl(dir.path()).args(["local", "--no-deploy", "--port", &port]));
    assert_eq!(second.code, 1, "{}", second.err);
    for words in [
        format!("port {port} is taken by another `chatctl local`"),
        format!("process {}", first.child.id()),
        format!("keeps its state in {kept}"),
        format!("chatctl deploy --local --port {port}"),
        "--port 0".to_owned(),
    ] {
        assert!(second.err.contains(&words), "{words}: {}", second.err);
    }
    assert_eq!(first.interrupt(), 0);
}

/// The addresses that a process and its children listen on, by the kernel's own list.
fn listening(pid: u32) -> Vec<String> {
    let sockets: Vec<String> = std::fs::read_dir(format!("/proc/{pid}/fd"))
        .unwrap()
        .flatten()
        .filter_map(|entry| std::fs::read_link(entry.path()).ok())
        .filter_map(|link| {
            let link = link.to_string_lossy().into_owned();
            Some(link.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned())
        })
        .collect();
    let mut found = Vec::new();
    for table in ["tcp", "tcp6"] {
        let text = std::fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
        for line in text.lines().skip(1) {
            let columns: Vec<&str> = line.split_whitespace().collect();
            // Column 3 is the state, `0A` of which is LISTEN; column 9 the socket.
            if columns[3] == "0A" && sockets.iter().any(|socket| socket == columns[9]) {
                found.push(columns[1].to_owned());
            }
        }
    }
    found
}

#[cfg(target_os = "linux")]
#[test]
fn it_listens_on_the_loopback_address_and_nowhere_else() {
    let dir = tempfile::tempdir().unwrap();
    let local = Running::start(dir.path(), &[]);
    let found = listening(local.child.id());
    // The cloud, the page, and the Runtime API of the environment that answered the proof.
    assert!(found.len() >= 3, "{found:?}");
    for address in found {
        assert!(
            address.starts_with("0100007F:"),
            "{address} is not 127.0.0.1"
        );
    }
    assert_eq!(local.interrupt(), 0);
}

/// Every file below a folder, with its size and time.
fn tree(folder: &Path) -> BTreeMap<PathBuf, (u64, std::time::SystemTime)> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let (path, about) = (entry.path(), entry.metadata().unwrap());
        if about.is_dir() {
            found.extend(tree(&path));
        }
        found.insert(path, (about.len(), about.modified().unwrap()));
    }
    found
}

#[test]
fn nothing_is_written_outside_of_its_own_folders_and_nothing_is_left() {
    let root = tempfile::tempdir().unwrap();
    let place = |name: &str| {
        let path = root.path().join(name);
        std::fs::create_dir_all(&path).unwrap();
        path
    };
    let (home, work, temporary) = (place("home"), place("work"), place("temporary"));
    std::fs::write(work.join("chatctl.toml"), "name = \"mine\"\n").unwrap();
    let before = (tree(&home), tree(&work));
    let mut command = chatctl(&work);
    command.env("HOME", &home).env("TMPDIR", &temporary);
    let local = Running::start_as(command, &[]);
    let prefix = format!("chatctl-local-{}-", local.child.id());
    for entry in std::fs::read_dir(&temporary).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        assert!(
            name.starts_with(&prefix),
            "{name} is in the temporary folder"
        );
    }
    assert_eq!(local.interrupt(), 0);
    assert_eq!((tree(&home), tree(&work)), before);
    assert_eq!(tree(&temporary), BTreeMap::new());
}

#[test]
fn a_start_that_is_refused_leaves_nothing_behind() {
    let root = tempfile::tempdir().unwrap();
    let (kept, temporary) = (root.path().join("kept"), root.path().join("temporary"));
    std::fs::create_dir_all(&kept).unwrap();
    std::fs::create_dir_all(&temporary).unwrap();
    std::fs::write(kept.join("letter.txt"), "dear me").unwrap();
    let mut command = chatctl(root.path());
    command.args(["local", "--no-deploy", "--port", "0", "--persist", "kept"]);
    let said = run(command.env("TMPDIR", &temporary));
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(said.err.contains("`letter.txt`"), "{}", said.err);
    assert!(
        said.err.contains("nothing in it was changed"),
        "{}",
        said.err
    );
    assert_eq!(tree(&temporary), BTreeMap::new());
    assert_eq!(tree(&kept).len(), 1);
}

#[test]
fn no_process_of_a_function_outlives_it_even_when_it_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let local = Running::start(dir.path(), &[]);
    let parent = local.child.id();
    let ours = || bootstraps_of(parent);
    assert!(
        !ours().is_empty(),
        "the proof of the deploy left an environment"
    );
    let before = ours();
    local.kill();
    before.into_iter().for_each(wait_for_end);
}

/// Children of `parent` that run a `bootstrap`.
fn bootstraps_of(parent: u32) -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let after = stat.rsplit(')').next().unwrap_or_default();
        stat.contains("(bootstrap)")
            && after.split_whitespace().nth(1) == Some(parent.to_string().as_str())
    })
    .collect()
}
