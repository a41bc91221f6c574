//! A `chatctl local` that runs while a test looks at it from outside, and a client of its chat.

use crate::binary::{Said, chatctl, run};
use crate::schemas;
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// How long anything may take before a test fails. A build of the function is among it, and others
/// may be building at the same time.
const PATIENCE: Duration = Duration::from_secs(400);

/// A running `chatctl local --output json`, ended hard if the test fails.
pub struct Running {
    pub child: Child,
    /// What it said when it was ready.
    pub ready: Value,
    lines: Receiver<String>,
    err: Arc<Mutex<String>>,
}

impl Running {
    /// Starts it on a free port, and waits until it is ready.
    pub fn start(folder: &Path, flags: &[&str]) -> Self {
        Self::start_as(chatctl(folder), flags)
    }

    /// The same with a command that was prepared.
    pub fn start_as(command: Command, flags: &[&str]) -> Self {
        Self::start_on(command, "0", flags)
    }

    /// The same on a port of the test's own choice.
    pub fn start_on(command: Command, port: &str, flags: &[&str]) -> Self {
        let mut running = Self::begin_on(command, port, flags);
        running.ready = running.line(|line| line["endpoint"].is_string());
        schemas::valid("local", &running.ready);
        running
    }

    /// Starts it and does not wait.
    pub fn begin(command: Command, flags: &[&str]) -> Self {
        Self::begin_on(command, "0", flags)
    }

    fn begin_on(mut command: Command, port: &str, flags: &[&str]) -> Self {
        command.args(["local", "--port", port, "--output", "json"]);
        let mut child = command
            .args(flags)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            let mut lines = stdout.lines().map_while(Result::ok);
            lines.try_for_each(|line| sender.send(line))
        });
        let err = Arc::new(Mutex::new(String::new()));
        let (stderr, heard) = (BufReader::new(child.stderr.take().unwrap()), err.clone());
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                heard.lock().unwrap().push_str(&format!("{line}\n"));
            }
        });
        Self {
            child,
            ready: Value::Null,
            lines,
            err,
        }
    }

    pub fn text(&self, key: &str) -> String {
        self.ready[key].as_str().unwrap_or_default().to_owned()
    }

    /// `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        self.text("endpoint")
    }

    pub fn port(&self) -> String {
        self.endpoint().rsplit(':').next().unwrap().to_owned()
    }

    /// What it wrote to stderr so far.
    pub fn err(&self) -> String {
        self.err.lock().unwrap().clone()
    }

    /// Waits until it has written the words so often to stderr.
    pub fn said(&mut self, words: &str, times: usize) {
        let until = Instant::now() + PATIENCE;
        while self.err().matches(words).count() < times {
            assert!(
                Instant::now() < until,
                "never said {words:?}: {}",
                self.err()
            );
            assert!(
                self.child.try_wait().unwrap().is_none(),
                "ended: {}",
                self.err()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits for a line of stdout.
    pub fn line(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left);
            let line = line.unwrap_or_else(|_| panic!("the line does not come: {}", self.err()));
            let value: Value = serde_json::from_str(&line).unwrap();
            if wanted(&value) {
                return value;
            }
        }
    }

    /// Another `chatctl`, pointed at this local cloud.
    pub fn second_shell(&self, folder: &Path, args: &[&str]) -> Said {
        run(chatctl(folder)
            .args(args)
            .args(["--local", "--port", &self.port()]))
    }

    /// Asks the switchboard; the answer's status and body.
    pub fn control(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        use std::io::{Read, Write};
        let host = self.endpoint().replace("http://", "");
        let mut stream = std::net::TcpStream::connect(&host).unwrap();
        let length = body.len();
        write!(
            stream,
            "{method} /_chatctl/{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap())
    }

    /// Ctrl-C, and its exit code.
    pub fn interrupt(self) -> i32 {
        self.end_by(rustix::process::Signal::INT)
    }

    /// Ctrl-C; its exit code, the lines of stdout that nobody read, and stderr.
    pub fn interrupt_and_read(mut self) -> (i32, Vec<String>, String) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        (code, self.lines.iter().collect(), self.err())
    }

    /// A signal, and its exit code.
    pub fn end_by(mut self, signal: rustix::process::Signal) -> i32 {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
        self.child.wait().unwrap().code().unwrap_or(-1)
    }

    /// Ctrl-C in the middle of something, which ends it with 130; what it said.
    pub fn stop(mut self) -> String {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        let code = self.child.wait().unwrap().code();
        let until = Instant::now() + PATIENCE;
        while !self.err().contains("error:") && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(code, Some(130), "{}", self.err());
        self.err()
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until a process is gone.
pub fn wait_for_end(pid: u32) {
    let until = Instant::now() + PATIENCE;
    while Path::new(&format!("/proc/{pid}")).exists() {
        assert!(Instant::now() < until, "process {pid} is still there");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A person in the chat.
pub struct Client(pub WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>);

impl Client {
    pub async fn connect(url: &str) -> Self {
        Self(connect_async(url).await.expect("the handshake succeeds").0)
    }

    pub async fn send(&mut self, frame: Value) {
        self.0.send(Message::text(frame.to_string())).await.unwrap();
    }

    /// The next frame that carries `key`.
    pub async fn expect(&mut self, key: &str) -> Value {
        let mut others = Vec::new();
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
                others.push(frame);
            }
        };
        let came = tokio::time::timeout(PATIENCE, wait).await;
        came.unwrap_or_else(|_| panic!("no frame with {key} came, but {others:?}"))
    }

    /// Waits until the socket has ended, in whatever way.
    pub async fn ended(&mut self) {
        let end = async { while let Some(Ok(_)) = self.0.next().await {} };
        tokio::time::timeout(PATIENCE, end)
            .await
            .expect("the socket ends");
    }
}
