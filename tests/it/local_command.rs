//! `chatctl local` as a user lives with it: one shell runs it, another one uses it.

use crate::binary::{chatctl, run};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// A running `chatctl local --output json`, ended hard if the test fails.
struct Local {
    child: Child,
    endpoint: String,
    url: String,
    page: String,
    lines: std::sync::mpsc::Receiver<String>,
}

impl Local {
    fn start(folder: &Path) -> Self {
        let mut command = chatctl(folder);
        command.args(["local", "--port", "0", "--output", "json"]);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let (sender, lines) = std::sync::mpsc::channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            stdout
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| sender.send(line))
        });
        let first = lines
            .recv_timeout(Duration::from_secs(300))
            .expect("it becomes ready");
        let ready: Value = serde_json::from_str(&first).unwrap();
        let text = |key: &str| ready[key].as_str().unwrap_or_default().to_owned();
        Self {
            child,
            endpoint: text("endpoint"),
            url: text("url"),
            page: text("page"),
            lines,
        }
    }

    fn port(&self) -> &str {
        self.endpoint.rsplit(':').next().unwrap()
    }

    fn second_shell(&self, folder: &Path, args: &[&str]) -> crate::binary::Said {
        run(chatctl(folder)
            .args(args)
            .args(["--local", "--port", self.port()]))
    }

    fn log_line(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let until = Instant::now() + Duration::from_secs(30);
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left).expect("the log line comes");
            let value: Value = serde_json::from_str(&line).unwrap();
            if wanted(&value) {
                return value;
            }
        }
    }

    fn interrupt(mut self) -> i32 {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        self.child.wait().unwrap().code().unwrap_or(-1)
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Client(WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>);

impl Client {
    async fn connect(url: &str) -> Self {
        Self(connect_async(url).await.expect("the handshake succeeds").0)
    }

    async fn send(&mut self, frame: Value) {
        self.0.send(Message::text(frame.to_string())).await.unwrap();
    }

    /// The next frame that carries `key`.
    async fn expect(&mut self, key: &str) -> Value {
        let wait = async {
            loop {
                let message = self.0.next().await.expect("the socket is open").unwrap();
                let Message::Text(text) = message else {
                    continue;
                };
                let frame: Value = serde_json::from_str(&text).unwrap();
                if let Some(found) = frame.get(key) {
                    return found.clone();
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(30), wait)
            .await
            .expect("the frame comes")
    }
}

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
    let local = Local::start(dir.path());
    chat(&local.url).await;
    local.log_line(|line| line["source"] == "access");

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
    assert!(status.out.contains(&local.url), "{}", status.out);
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
fn the_page_is_served_and_names_the_chat() {
    let dir = tempfile::tempdir().unwrap();
    let local = Local::start(dir.path());
    let text = crate::bad_input::http_get(&format!("{}get-ws-endpoint", local.page));
    assert!(text.contains(&local.url), "{text}");
    assert_eq!(local.interrupt(), 0);
}

#[test]
fn no_process_of_a_function_outlives_it_even_when_it_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let mut local = Local::start(dir.path());
    let ours = || bootstraps_of(local.child.id());
    assert!(
        !ours().is_empty(),
        "the proof of the deploy left an environment"
    );
    let before = ours();
    local.child.kill().unwrap();
    local.child.wait().unwrap();
    let until = Instant::now() + Duration::from_secs(10);
    while before
        .iter()
        .any(|pid| Path::new(&format!("/proc/{pid}")).exists())
    {
        assert!(
            Instant::now() < until,
            "processes {before:?} are still there"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
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
