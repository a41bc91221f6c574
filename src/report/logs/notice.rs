//! Notices of the tail about its own reading, as sentences.

use super::super::escape::escape;
use crate::config::ChatFlags;
use crate::tail::LogSource;
use crate::tail::{LiveNotice, TailNotice};

/// A notice as a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeText {
    /// Something may be missing from what is shown.
    pub is_warning: bool,
    /// The sentence.
    pub text: String,
}

/// A notice as a sentence. `follow`: what is missing is waited for. `flags` lead the command in it
/// to the same chat.
pub fn notice(notice: &TailNotice, follow: bool, flags: &ChatFlags) -> NoticeText {
    match notice {
        TailNotice::Missing { source, group } => {
            let wait = if follow { " yet; waiting for it" } else { "" };
            note(format!(
                "{} does not exist{wait}",
                the_group(*source, group)
            ))
        }
        TailNotice::Back { source, group } => {
            note(format!("{} can be read now", the_group(*source, group)))
        }
        TailNotice::Denied {
            source,
            group,
            said,
        } => {
            let group = the_group(*source, group);
            warning(format!("no permission to read {group}: {}", escape(said)))
        }
        TailNotice::Unreachable {
            source,
            group,
            said,
        } => {
            let (group, said) = (the_group(*source, group), escape(said));
            warning(format!(
                "{group} cannot be read at the moment ({said}); still trying"
            ))
        }
        TailNotice::Throttled { rate } => note(format!(
            "CloudWatch Logs asks for fewer calls; going on at {rate} a second"
        )),
        TailNotice::Crowded { source, group } => {
            let group = the_group(*source, group);
            let text = "is so busy that events which come late may be missed; --filter narrows it";
            warning(format!("{group} {text}"))
        }
        TailNotice::LeftBehind { source, after } => {
            let (name, after) = (source.name(), after.as_secs());
            let text = "the other logs go on without it, and what it still shows comes late";
            warning(format!(
                "the {name} log could not be read for {after} s: {text}"
            ))
        }
        TailNotice::Live(notice) => of_live(notice, flags),
    }
}

/// What concerns `--live` alone.
fn of_live(notice: &LiveNotice, flags: &ChatFlags) -> NoticeText {
    match notice {
        LiveNotice::Sampled => warning(
            "more than 500 events a second match: CloudWatch shows a sample of them and leaves the \
             rest out"
                .into(),
        ),
        LiveNotice::SampledNoMore { after } => {
            let seconds = after.as_secs() + 1;
            let logs = flags.command(&format!("logs --since {}s", seconds + 60));
            warning(format!(
                "all events are shown again after {seconds} s; `{logs}` shows what was left out"
            ))
        }
        LiveNotice::Renewed { why } => {
            let text = "was opened again; what came in between follows";
            note(format!("the live session ended ({}) and {text}", escape(why)))
        }
        LiveNotice::Down { said } => warning(format!(
            "the live session cannot be opened again at the moment ({}); still trying",
            escape(said)
        )),
    }
}

fn note(text: String) -> NoticeText {
    NoticeText {
        is_warning: false,
        text,
    }
}

fn warning(text: String) -> NoticeText {
    NoticeText {
        is_warning: true,
        text,
    }
}

fn the_group(source: LogSource, group: &str) -> String {
    format!("the {} log group {group}", source.name())
}
