//! `chatctl logs`: one stream out of three groups, each event once, and a reason when there is none.
//!
//! Most tests write into the groups themselves, so that they know every event. The bigger storm is
//! written by boto3: tests/outside/test_logs.py.

mod choose;
mod ends;
mod live;
mod live_faults;
mod look;
mod order;
mod silence;
mod stream;

use crate::binary::{Said, chatctl, run};
use crate::world::{World, calm};
use aws_sdk_apigatewayv2::types::ProtocolType;
use aws_sdk_cloudwatchlogs::types::InputLogEvent;
use chatctl_local_cloud::Conditions;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

/// A local cloud with a chat's API, and its log groups when they are asked for.
struct Chat {
    world: World,
    groups: BTreeMap<&'static str, String>,
}

impl Chat {
    async fn in_conditions(conditions: Conditions) -> Self {
        Self {
            world: World::in_conditions(conditions).await,
            groups: BTreeMap::new(),
        }
    }

    /// The API with our tags; the groups are only named.
    async fn api() -> Self {
        let mut chat = Self::in_conditions(calm()).await;
        chat.add_api().await;
        chat
    }

    async fn add_api(&mut self) {
        let api = self.create_api().await;
        self.groups = BTreeMap::from([
            ("function", "/aws/lambda/chat-production".to_owned()),
            ("execution", format!("/aws/apigateway/{api}/production")),
            ("access", "/chatctl/chat/production/access".to_owned()),
        ]);
    }

    /// Another API with the chat's tags; its id.
    async fn create_api(&self) -> String {
        let made = self
            .world
            .clients
            .apigatewayv2
            .create_api()
            .name("chat-production")
            .protocol_type(ProtocolType::Websocket)
            .route_selection_expression("$request.body.action")
            .tags("chatctl:stack", "chat")
            .tags("chatctl:stage", "production")
            .send()
            .await
            .unwrap();
        made.api_id().unwrap().to_owned()
    }

    async fn with_groups() -> Self {
        let chat = Self::api().await;
        for source in ["function", "execution", "access"] {
            chat.make(source).await;
        }
        chat
    }

    async fn make(&self, source: &str) {
        let logs = &self.world.clients.logs;
        let group = &self.groups[source];
        let create = logs.create_log_group().log_group_name(group);
        create.send().await.unwrap();
        let stream = logs.create_log_stream().log_group_name(group);
        stream.log_stream_name("s").send().await.unwrap();
    }

    async fn delete(&self, source: &str) {
        let logs = &self.world.clients.logs;
        let delete = logs.delete_log_group().log_group_name(&self.groups[source]);
        delete.send().await.unwrap();
    }

    /// Writes lines, each with its age in milliseconds.
    async fn write(&self, source: &str, lines: &[(i64, &str)]) {
        let now = now();
        let mut events: Vec<_> = lines.iter().map(|(age, text)| (now - age, *text)).collect();
        events.sort_unstable();
        let events = events.into_iter().map(|(time, text)| {
            let event = InputLogEvent::builder().timestamp(time).message(text);
            event.build().unwrap()
        });
        let logs = &self.world.clients.logs;
        let put = logs.put_log_events().log_group_name(&self.groups[source]);
        put.log_stream_name("s")
            .set_log_events(Some(events.collect()))
            .send()
            .await
            .unwrap();
    }

    /// How often the operation was called.
    fn calls(&self, operation: &str) -> usize {
        let calls = self.world.cloud.calls().into_iter();
        calls.filter(|call| call.operation == operation).count()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = chatctl(self.world.folder.path());
        command
            .args(args)
            .args(["--endpoint-url", self.world.cloud.endpoint()]);
        command
    }

    fn chatctl(&self, args: &[&str]) -> Said {
        tokio::task::block_in_place(|| run(&mut self.command(args)))
    }

    /// The messages that `chatctl logs` shows with these flags.
    fn shows(&self, flags: &[&str]) -> Vec<String> {
        let args = [&["logs", "--output", "json"], flags].concat();
        let said = self.chatctl(&args);
        assert_eq!(said.code, 0, "{}", said.err);
        said.out.lines().map(message).collect()
    }

    fn follow(&self, flags: &[&str]) -> Tail {
        let args = [&["logs", "--follow", "--output", "json"], flags].concat();
        Tail::start(&mut self.command(&args))
    }
}

fn now() -> i64 {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    i64::try_from(now.as_millis()).unwrap()
}

fn message(line: &str) -> String {
    let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    line["message"].as_str().unwrap().to_owned()
}

/// A running `chatctl logs --follow`.
pub struct Tail {
    child: Child,
    lines: Receiver<String>,
    notes: Receiver<String>,
}

impl Tail {
    pub fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = pump(child.stdout.take().unwrap());
        let notes = pump(child.stderr.take().unwrap());
        Self {
            child,
            lines,
            notes,
        }
    }

    /// The next lines, as soon as so many are there.
    fn take(&self, count: usize) -> Vec<String> {
        let until = Instant::now() + PATIENCE;
        let mut all = Vec::new();
        while all.len() < count {
            match self
                .lines
                .recv_timeout(until.saturating_duration_since(Instant::now()))
            {
                Ok(line) => all.push(line),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!(
                        "{} of {count} lines came; {:?}",
                        all.len(),
                        self.notes.try_iter().collect::<Vec<_>>()
                    )
                }
            }
        }
        all
    }

    /// The messages of the next lines.
    pub fn messages(&self, count: usize) -> Vec<String> {
        self.take(count).iter().map(|line| message(line)).collect()
    }

    /// Nothing more comes for a while.
    fn is_silent(&self) {
        let more = self.lines.recv_timeout(Duration::from_secs(6));
        assert_eq!(more, Err(RecvTimeoutError::Timeout));
    }

    /// The first note that has the words.
    pub fn note(&self, words: &str) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.notes.recv_timeout(left) {
                Ok(note) if note.contains(words) => return note,
                Ok(_) => {}
                Err(_) => panic!("nobody said {words:?}"),
            }
        }
    }

    fn interrupt(&mut self) -> Option<i32> {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn pump(stream: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (send, receive) = channel();
    std::thread::spawn(move || {
        let lines = BufReader::new(stream).lines().map_while(Result::ok);
        for line in lines {
            if send.send(line).is_err() {
                break;
            }
        }
    });
    receive
}
