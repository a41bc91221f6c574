//! `chatctl chat`: finds the chat's URL, opens a prompt on a terminal, and chats.

use super::{Context, chat_url};
use crate::chat_client::{self, ChatInput, ChatOptions};
use crate::cli::Chat;
use crate::error::Result;
use crate::report::{ChatScreen, Prompt, Prompted};
use crate::signals;
use std::io::{BufRead, IsTerminal};
use std::process::ExitCode;
use tokio::sync::mpsc;

/// Lines that wait while the connection is being made.
const WAITING_LINES: usize = 64;

/// Chats until the user leaves, or until the input ends.
///
/// # Errors
/// There is no such chat, or it cannot be reached.
pub(super) async fn run(context: &Context, flags: Chat) -> Result<ExitCode> {
    let chat = chat_url::find(context, flags.url).await?;
    let options = ChatOptions {
        url: chat.url,
        client: chat.client,
        flags: chat.flags,
        name: flags.user,
        scripted: !std::io::stdin().is_terminal(),
    };
    let (lines, input) = mpsc::channel(WAITING_LINES);
    // Before the prompt opens: the terminal must get its mode back.
    let signals = signals::handle(1);
    let prompt = open_input(context, lines)?;
    if prompt.is_some() {
        context
            .reporter
            .note("/help shows what you can type; Ctrl-D leaves");
    }
    let mut screen = ChatScreen::new(context.reporter, prompt);
    tokio::select! {
        done = chat_client::run(options, input, &mut screen) => done.map(|()| ExitCode::SUCCESS),
        signal = signals.stopped() => Ok(ExitCode::from(signal.exit_code())),
    }
}

/// A prompt on a terminal, else a thread that reads lines.
fn open_input(context: &Context, lines: mpsc::Sender<ChatInput>) -> Result<Option<Prompt>> {
    if context.reporter.can_prompt() {
        return Prompt::open(move |prompted| lines.blocking_send(input_of(prompted)).is_ok())
            .map(Some);
    }
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let readable = line.is_ok();
            let input = line.map_or_else(unreadable, ChatInput::Line);
            if lines.blocking_send(input).is_err() {
                return;
            }
            if !readable {
                break;
            }
        }
        let _ = lines.blocking_send(ChatInput::End);
    });
    Ok(None)
}

fn unreadable(error: std::io::Error) -> ChatInput {
    ChatInput::Unreadable(format!("the script cannot be read on: {error}"))
}

fn input_of(prompted: Prompted) -> ChatInput {
    match prompted {
        Prompted::Line(line) => ChatInput::Line(line),
        Prompted::End => ChatInput::End,
    }
}
