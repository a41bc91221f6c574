//! The terminal client of the chat: one conversation over several connections.
//!
//! `typed` parses lines, `frame` parses frames, `session` decides (pure), `socket` sends and receives,
//! and this file is the event loop. API Gateway ends a connection after 10 idle minutes and after
//! 2 hours in any case, so there is a heartbeat, a swap to a fresh connection before the two hours
//! are over, and a jittered way back after a loss.

mod frame;
mod session;
mod socket;
mod typed;

pub use frame::{Frame, Words};
pub use typed::{HELP, Typed};

use crate::config::ChatFlags;
use crate::error::{Error, ErrorKind, Result};
use crate::prove::Client;
use serde_json::json;
use session::{Do, Session};
use socket::{Received, Socket};
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

const HEARTBEAT: Duration = Duration::from_secs(4 * 60);
/// A peer that has answered heartbeats and does not answer one within this time is gone.
const HEARTBEAT_ANSWER: Duration = Duration::from_secs(30);
/// An answer that is on its way would be lost with the old connection.
const ANSWER_PAUSE: Duration = Duration::from_millis(100);
const SWAP: Duration = Duration::from_secs(110 * 60);
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A script should fail rather than hang.
const SCRIPT_ATTEMPTS: u32 = 8;

/// What the user does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChatInput {
    /// A line was typed.
    Line(String),
    /// What was typed cannot be read, and why.
    Unreadable(String),
    /// There will be no more lines.
    End,
}

/// Where the conversation is shown.
pub trait Screen {
    /// A frame came in.
    ///
    /// # Errors
    /// The reader went away.
    fn frame(&mut self, frame: &Frame, me: Option<&str>) -> Result<()>;
    /// Who is here.
    ///
    /// # Errors
    /// The reader went away.
    fn members(&mut self, names: &[String]) -> Result<()>;
    /// Who is here has changed.
    fn present(&mut self, names: &[String]);
    /// A public message of ours arrived earlier, and we did not see it come back.
    ///
    /// # Errors
    /// The reader went away.
    fn said(&mut self, me: &str, text: &str) -> Result<()>;
    /// A private message was sent; the chat does not echo it.
    ///
    /// # Errors
    /// The reader went away.
    fn whispered(&mut self, to: &str, text: &str) -> Result<()>;
    /// Something about the conversation, not part of it.
    fn note(&mut self, text: &str);
}

/// What to connect to, and how.
#[derive(Debug, Clone)]
pub struct ChatOptions {
    /// The chat's WebSocket URL.
    pub url: String,
    /// How the chat wants its clients to come in.
    pub client: Client,
    /// The flags that lead the commands in hints to this chat.
    pub flags: ChatFlags,
    /// The name to take at once.
    pub name: Option<String>,
    /// The lines come from a file or a program: keep their order, leave after the last answer, and
    /// fail if anything was refused, not sent or not answered.
    pub scripted: bool,
}

/// Chats until the user leaves.
///
/// # Errors
/// The first connection cannot be made; or, for a script, a later one cannot either, or not all of
/// it was done; or the screen's reader went away.
pub async fn run(
    options: ChatOptions,
    input: mpsc::Receiver<ChatInput>,
    screen: &mut dyn Screen,
) -> Result<()> {
    let socket = Socket::open(&options.url, &options.client, &options.flags).await?;
    let session = Session::new(options.name.clone(), options.scripted);
    let mut conversation = Conversation {
        options,
        session,
        input,
        input_open: true,
        screen,
    };
    let mut next = conversation.on(socket).await?;
    while let Next::Again(why) = next {
        conversation.lost();
        next = match conversation.find_back(&why).await? {
            Some(socket) => conversation.on(socket).await?,
            None => Next::Done,
        };
    }
    match conversation.session.failures() {
        0 => Ok(()),
        failures => Err(not_all_done(failures)),
    }
}

fn not_all_done(failures: usize) -> Error {
    let message =
        format!("the script was not done in full: {failures} refused, not sent or not answered");
    Error::failed(message).hint("the chat's refusals are on stdout, everything else is on stderr")
}

/// How one connection ended.
enum Next {
    Again(String),
    Done,
}

struct Conversation<'a> {
    options: ChatOptions,
    session: Session,
    input: mpsc::Receiver<ChatInput>,
    input_open: bool,
    screen: &'a mut dyn Screen,
}

/// The clocks of one connection.
struct Clocks {
    beat: Instant,
    swap: Instant,
    answer: Option<Instant>,
    answers: bool,
}

impl Clocks {
    fn new(now: Instant) -> Self {
        Self {
            beat: now + HEARTBEAT,
            swap: now + SWAP,
            answer: None,
            answers: false,
        }
    }

    fn next(&self) -> Instant {
        self.answer.map_or(self.beat.min(self.swap), |answer| {
            answer.min(self.beat).min(self.swap)
        })
    }
}

impl Conversation<'_> {
    /// Talks over one connection, and its successors if it swaps, until it is lost or done.
    async fn on(&mut self, mut socket: Socket) -> Result<Next> {
        let mut clocks = Clocks::new(Instant::now());
        let opened = self.session.opened(Instant::now());
        if self.perform(opened, &mut socket).await? {
            return Ok(leave(socket).await);
        }
        loop {
            let wake = self
                .session
                .deadline()
                .map_or(clocks.next(), |at| at.min(clocks.next()));
            let todo = tokio::select! {
                received = socket.receive() => match received {
                    Received::Text(text) => self.received(&text, &mut clocks)?,
                    Received::Lost(why) => return Ok(Next::Again(why)),
                },
                line = self.input.recv(), if self.input_open => self.typed(line),
                () = tokio::time::sleep_until(wake.into()) => self.session.tick(Instant::now()),
            };
            if self.perform(todo, &mut socket).await? {
                return Ok(leave(socket).await);
            }
            match self.keep_alive(&mut clocks, &mut socket).await {
                Kept::Yes => {}
                Kept::No(why) => return Ok(Next::Again(why)),
                Kept::Swapped(fresh) => {
                    std::mem::replace(&mut socket, *fresh).close().await;
                    clocks = Clocks::new(Instant::now());
                    let opened = self.session.opened(Instant::now());
                    if self.perform(opened, &mut socket).await? {
                        return Ok(leave(socket).await);
                    }
                }
            }
        }
    }

    fn received(&mut self, text: &str, clocks: &mut Clocks) -> Result<Vec<Do>> {
        let frame = Frame::parse(text);
        clocks.answer = None;
        clocks.answers |= frame.known.pong.is_some();
        if !self.session.is_new(&frame) {
            return Ok(Vec::new());
        }
        let todo = self.session.frame(&frame, Instant::now());
        if frame.known.pong.is_none() {
            self.screen.frame(&frame, self.session.name())?;
            self.screen.present(self.session.members());
        }
        Ok(todo)
    }

    fn typed(&mut self, input: Option<ChatInput>) -> Vec<Do> {
        let typed = match input {
            Some(ChatInput::Line(line)) => Typed::parse(&line),
            Some(ChatInput::Unreadable(why)) => Typed::Wrong(why),
            Some(ChatInput::End) | None => {
                self.input_open = false;
                Typed::Quit
            }
        };
        self.session.typed(typed, Instant::now())
    }

    /// Does what the session wants; true when it wants to leave. A send over a connection that ended
    /// is no error: its end comes out of `receive` with its reason.
    async fn perform(&mut self, todo: Vec<Do>, socket: &mut Socket) -> Result<bool> {
        let mut todo = VecDeque::from(todo);
        while let Some(one) = todo.pop_front() {
            match one {
                Do::Send(message) => match socket.send(&message.to_string()).await {
                    Err(error) if error.kind() == ErrorKind::Usage => {
                        let why = error.to_string();
                        todo.extend(self.session.not_sent(&why, Instant::now()));
                    }
                    Err(error) => self.screen.note(&error.to_string()),
                    Ok(()) => {}
                },
                Do::Note(text) => self.screen.note(&text),
                Do::ShowMembers(names) => self.screen.members(&names)?,
                Do::ShowSent { to, text } => self.show_sent(to.as_deref(), &text)?,
                Do::Quit => return Ok(true),
            }
        }
        Ok(false)
    }

    fn show_sent(&mut self, to: Option<&str>, text: &str) -> Result<()> {
        let me = self.session.name().unwrap_or_default();
        match to {
            Some(to) => self.screen.whispered(to, text),
            None => self.screen.said(me, text),
        }
    }

    /// The connection is gone, and with it perhaps an answer.
    fn lost(&mut self) {
        for one in self.session.lost() {
            if let Do::Note(text) = one {
                self.screen.note(&text);
            }
        }
    }

    async fn keep_alive(&mut self, clocks: &mut Clocks, socket: &mut Socket) -> Kept {
        let now = Instant::now();
        if clocks.answer.is_some_and(|at| at <= now) {
            return Kept::No("a heartbeat was not answered".into());
        }
        if clocks.beat <= now {
            clocks.beat = now + HEARTBEAT;
            clocks.answer = clocks.answers.then_some(now + HEARTBEAT_ANSWER);
            let _ = socket.send(&json!({"action": "ping"}).to_string()).await;
        }
        if clocks.swap <= now && !self.session.is_idle() {
            clocks.swap = now + ANSWER_PAUSE;
        } else if clocks.swap <= now {
            match Socket::open(&self.options.url, &self.options.client, &self.options.flags).await {
                Ok(fresh) => return Kept::Swapped(Box::new(fresh)),
                Err(_) => clocks.swap = now + LONGEST_PAUSE,
            }
        }
        Kept::Yes
    }

    /// Connects again, however long it takes; `None` if the user leaves meanwhile.
    async fn find_back(&mut self, why: &str) -> Result<Option<Socket>> {
        self.screen.note(&format!("{why}; connecting again"));
        let mut failures = 0;
        loop {
            let until = tokio::time::Instant::now() + pause(failures);
            if self.left_before(until).await? {
                return Ok(None);
            }
            match Socket::open(&self.options.url, &self.options.client, &self.options.flags).await {
                Ok(socket) => {
                    self.screen.note("connected again");
                    return Ok(Some(socket));
                }
                Err(error) if self.options.scripted && failures + 1 >= SCRIPT_ATTEMPTS => {
                    return Err(error);
                }
                Err(error) if failures == 2 => self.screen.note(&format!("{error}; still trying")),
                Err(_) => {}
            }
            failures += 1;
        }
    }

    /// Waits, while lines may still be typed; true if the user leaves.
    async fn left_before(&mut self, until: tokio::time::Instant) -> Result<bool> {
        loop {
            let todo = tokio::select! {
                () = tokio::time::sleep_until(until) => return Ok(false),
                line = self.input.recv(), if self.input_open => self.typed(line),
            };
            for one in todo {
                match one {
                    Do::Note(text) => self.screen.note(&text),
                    Do::ShowMembers(names) => self.screen.members(&names)?,
                    Do::Quit => return Ok(true),
                    Do::Send(_) | Do::ShowSent { .. } => {}
                }
            }
        }
    }
}

enum Kept {
    Yes,
    No(String),
    Swapped(Box<Socket>),
}

async fn leave(socket: Socket) -> Next {
    socket.close().await;
    Next::Done
}

/// Exponential backoff, capped, with jitter so that many clients do not reconnect at once.
fn pause(failures: u32) -> Duration {
    let full = FIRST_PAUSE
        .saturating_mul(1 << failures.min(10))
        .min(LONGEST_PAUSE);
    full.mul_f64(0.5 + fastrand::f64() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_stay_within_half_a_minute() {
        for failures in 0..40 {
            let full = FIRST_PAUSE
                .saturating_mul(1 << failures.min(10))
                .min(LONGEST_PAUSE);
            let pause = pause(failures);
            assert!(pause >= full / 2 && pause <= full, "{failures}: {pause:?}");
        }
    }
}
