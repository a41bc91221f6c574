//! What the tail says about its own reading, as sentences.

use super::super::escape::escape;
use crate::tail::LogSource;
use crate::tail::{LiveNotice, Notice};

/// A notice as a sentence, and whether it is a warning. `follow`: what is missing is waited for.
pub fn notice(notice: &Notice, follow: bool) -> (bool, String) {
    match notice {
        Notice::Missing { source, group } => {
            let wait = if follow { " yet; waiting for it" } else { "" };
            (
                false,
                format!("{} does not exist{wait}", the_group(*source, group)),
            )
        }
        Notice::Back { source, group } => (
            false,
            format!("{} can be read now", the_group(*source, group)),
        ),
        Notice::Denied {
            source,
            group,
            said,
        } => {
            let group = the_group(*source, group);
            (
                true,
                format!("no permission to read {group}: {}", escape(said)),
            )
        }
        Notice::Unreachable {
            source,
            group,
            said,
        } => {
            let (group, said) = (the_group(*source, group), escape(said));
            (
                true,
                format!("{group} cannot be read at the moment ({said}); still trying"),
            )
        }
        Notice::Throttled { rate } => (
            false,
            format!("CloudWatch Logs asks for fewer calls; going on at {rate} a second"),
        ),
        Notice::Crowded { source, group } => {
            let group = the_group(*source, group);
            let text = "is so busy that events which come late may be missed; --filter narrows it";
            (true, format!("{group} {text}"))
        }
        Notice::LeftBehind { source, after } => {
            let (name, after) = (source.name(), after.as_secs());
            let text = "the other logs go on without it, and what it still shows comes late";
            (
                true,
                format!("the {name} log could not be read for {after} s: {text}"),
            )
        }
        Notice::Live(notice) => of_live(notice),
    }
}

/// What concerns `--live` alone.
fn of_live(notice: &LiveNotice) -> (bool, String) {
    match notice {
        LiveNotice::Sampled => {
            let text = "more than 500 events a second match: CloudWatch shows a sample of them \
                        and leaves the rest out";
            (true, text.into())
        }
        LiveNotice::SampledNoMore { after } => {
            let seconds = after.as_secs() + 1;
            let text = "shows what was left out";
            (
                true,
                format!(
                    "all events are shown again after {seconds} s; `chatctl logs --since {}s` {text}",
                    seconds + 60
                ),
            )
        }
        LiveNotice::Renewed { why } => {
            let text = "was opened again; what came in between follows";
            (
                false,
                format!("the live session ended ({}) and {text}", escape(why)),
            )
        }
        LiveNotice::Down { said } => (
            true,
            format!(
                "the live session cannot be opened again at the moment ({}); still trying",
                escape(said)
            ),
        ),
    }
}

fn the_group(source: LogSource, group: &str) -> String {
    format!("the {} log group {group}", source.name())
}
