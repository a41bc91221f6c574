//! `chatctl chat`: finds the chat's URL, opens a prompt on a terminal, and chats.

use super::{Context, chat_url};
use crate::chat_client::{self, ChatInput, ChatOptions, Typed};
use crate::cli::Chat;
use crate::error::{Error, Result};
use crate::report::{AfterLine, ChatScreen, Prompt, Prompted};
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
    let once = flags.once.as_deref().map(one_line).transpose()?;
    let chat = chat_url::find(context, flags.url).await?;
    let options = ChatOptions {
        url: chat.url,
        client: chat.client,
        flags: chat.flags,
        name: flags.user,
        scripted: once.is_some() || !std::io::stdin().is_terminal(),
    };
    // Before the prompt opens: the terminal must get its mode back.
    let signals = signals::handle(1);
    let (prompt, input) = match once {
        Some(input) => (None, input),
        None => open_input(context, options.name.is_some())?,
    };
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

type Input = mpsc::Receiver<ChatInput>;

/// A script of one line.
fn one_line(line: &str) -> Result<Input> {
    if line.trim().is_empty() {
        return Err(Error::usage("--once needs a message that is not empty"));
    }
    let (lines, input) = mpsc::channel(1);
    // There is room for one, and its end is that the sender is gone.
    let _ = lines.try_send(ChatInput::Line(line.to_owned()));
    Ok(input)
}

/// A prompt on a terminal, else a thread that reads lines.
fn open_input(context: &Context, has_name: bool) -> Result<(Option<Prompt>, Input)> {
    let (lines, input) = mpsc::channel(WAITING_LINES);
    if context.reporter.can_prompt() {
        return Ok((Some(open_prompt(lines, has_name)?), input));
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
    Ok((None, input))
}

/// The prompt shows the name, so it waits for the answer to one; and it must not open again when the
/// user leaves.
fn open_prompt(lines: mpsc::Sender<ChatInput>, has_name: bool) -> Result<Prompt> {
    let first = if has_name {
        AfterLine::AwaitLabel
    } else {
        AfterLine::Continue
    };
    Prompt::open(first, move |prompted| {
        let (input, after) = match prompted {
            Prompted::Line(line) => {
                let after = after(&Typed::parse(&line));
                (ChatInput::Line(line), after)
            }
            Prompted::End => (ChatInput::End, AfterLine::Stop),
        };
        match lines.blocking_send(input) {
            Ok(()) => after,
            Err(_) => AfterLine::Stop,
        }
    })
}

fn after(typed: &Typed) -> AfterLine {
    match typed {
        Typed::Name(_) => AfterLine::AwaitLabel,
        Typed::Quit => AfterLine::Stop,
        _ => AfterLine::Continue,
    }
}

fn unreadable(error: std::io::Error) -> ChatInput {
    ChatInput::Unreadable(format!("the script cannot be read on: {error}"))
}
