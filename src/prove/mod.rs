//! The check at the end of a deploy: connect, send a heartbeat, receive the chat's own answer,
//! disconnect. It goes through `$default`, the function and the push back, takes no name, and leaves no
//! failure in the logs. What is no chat is sent what `[prove]` in `chatctl.toml` says. A new deployment takes
//! a while to become live, so it is retried until the data plane is up to date.

mod candidate;
mod client;
mod invocation;

pub use candidate::{Candidate, prove_candidate};
pub use client::Client;

use crate::config::ChatFlags;
use crate::engine::wait::Waits;
use crate::error::{Error, Result};
use crate::websocket::{DialError, NoAnswer};
use serde_json::Value;
use std::time::{Duration, Instant};

/// After a change, old and new behaviour can alternate for more than a minute.
const SETTLES_WITHIN: Duration = Duration::from_secs(120);
const CONNECT_WITHIN: Duration = Duration::from_secs(35);
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// A chat that answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proof {
    /// From the first try to the answer.
    pub took: Duration,
    /// How often it was tried.
    pub tries: u32,
}

/// Why one try failed.
enum Failure {
    /// The handshake was refused.
    Refused { status: u16, body: String },
    /// No connection.
    Unreachable(String),
    /// Connected, and then no proper answer.
    NoAnswer(NoAnswer),
    /// The function answered that its table cannot be used; its words.
    Unavailable(String),
}

/// Proves the chat at `url`, as `client` says. `flags` lead the commands in hints to the same chat.
/// `note` hears why it is tried again.
///
/// # Errors
/// It did not answer within two minutes; the last failure, with its likely cause.
pub async fn prove(
    url: &str,
    client: &Client,
    flags: &ChatFlags,
    note: impl Fn(&str),
) -> Result<Proof> {
    prove_within(SETTLES_WITHIN, url, client, flags, note).await
}

/// The same with another limit.
///
/// # Errors
/// It did not answer within `limit`.
pub async fn prove_within(
    limit: Duration,
    url: &str,
    client: &Client,
    flags: &ChatFlags,
    note: impl Fn(&str),
) -> Result<Proof> {
    let began = Instant::now();
    let (first, longest) = (Duration::from_millis(200), Duration::from_secs(5));
    let mut waits = Waits::growing(first, longest, limit);
    let mut tries = 0;
    loop {
        tries += 1;
        let failure = match once(url, client).await {
            Ok(()) => {
                let took = began.elapsed();
                return Ok(Proof { took, tries });
            }
            Err(failure) => failure,
        };
        note(&format!("not live yet: {}", failure.what()));
        if failure.is_final() || !waits.again().await {
            return Err(failure.explain(url, flags));
        }
    }
}

/// Whatever the function pushes counts, be it a pong, the refusal of one that knows no heartbeat, or
/// what a function of the user's own says; but not that it is unavailable, which the chat says when its
/// table refuses.
async fn once(url: &str, client: &Client) -> Result<(), Failure> {
    let mut socket = client.connect(url, CONNECT_WITHIN).await?;
    let answer = client.talk(&mut socket, ANSWER_WITHIN).await;
    // The proof stands; how the connection ends does not change it.
    let _ = tokio::time::timeout(ANSWER_WITHIN, socket.close(None)).await;
    match unavailable(&answer.map_err(Failure::NoAnswer)?) {
        Some(words) => Err(Failure::Unavailable(words)),
        None => Ok(()),
    }
}

fn unavailable(frame: &Value) -> Option<String> {
    let error = frame.get("error")?;
    let words = error.get("message").and_then(Value::as_str);
    (error.get("code")? == "unavailable").then(|| words.unwrap_or_default().to_owned())
}

impl From<DialError> for Failure {
    fn from(error: DialError) -> Self {
        match error {
            DialError::Refused { status, body } => Self::Refused {
                status: status.as_u16(),
                body,
            },
            DialError::Unreachable(error) => Self::Unreachable(error.to_string()),
            DialError::TimedOut(_) => Self::Unreachable("the handshake did not end".into()),
        }
    }
}

impl Failure {
    fn what(&self) -> String {
        match self {
            Self::Refused { status, body } if body.is_empty() => {
                format!("the connection is refused with {status}")
            }
            Self::Refused { status, body } => {
                format!("the connection is refused with {status}: {body}")
            }
            Self::Unreachable(why) => format!("it cannot be reached: {why}"),
            Self::NoAnswer(why) => why.to_string(),
            Self::Unavailable(words) => {
                format!("the chat answers that it is unavailable: {words:?}")
            }
        }
    }

    /// Retrying does not help: the function itself refused.
    fn is_final(&self) -> bool {
        matches!(
            self,
            Self::Refused {
                status: 400 | 401,
                ..
            }
        )
    }

    fn explain(&self, url: &str, flags: &ChatFlags) -> Error {
        Error::failed(format!(
            "everything is deployed, but the chat at {url} does not work"
        ))
        .because_of(self.what())
        .hint(self.likely_cause(&flags.command("logs")))
        .hint(format!("`{}` looks at every part", flags.command("doctor")))
    }

    fn likely_cause(&self, logs: &str) -> String {
        match self {
            Self::Refused { status, .. } => refused(*status, logs),
            Self::Unreachable(_) => {
                "the name may not be known yet, or a proxy or firewall keeps WebSockets away".into()
            }
            Self::NoAnswer(NoAnswer::Gateway(words)) if words.contains("Internal server error") => {
                format!("the function failed, or API Gateway may not call it; `{logs}` shows which")
            }
            Self::NoAnswer(NoAnswer::Gateway(words)) if words.contains("Forbidden") => {
                "the stage does not have the $default route yet; run it again in a minute".into()
            }
            Self::Unavailable(_) => {
                format!(
                    "the function cannot use its table; `{logs}` shows what DynamoDB answers it"
                )
            }
            Self::NoAnswer(NoAnswer::Other { others: 0, .. }) => format!(
                "what the function returns goes back only where [routes] says `response = true`, and what it posts needs the API's own URL, `${{stack.connections}}`; `{logs}` shows its own words"
            ),
            Self::NoAnswer(NoAnswer::Other { .. }) => format!(
                "`send` and `expect` under [prove] in chatctl.toml do not fit what the function answers; `{logs}` shows its own words"
            ),
            Self::NoAnswer(_) => format!(
                "the function could not push its answer: the right to manage connections may be missing; `{logs}` shows it"
            ),
        }
    }
}

/// What a status on the handshake usually means.
fn refused(status: u16, logs: &str) -> String {
    match status {
        401 | 403 => {
            "403 means that the stage is not there (yet), that the function refuses the page's origin (see allowed-origins), or that the authorizer lets nobody in who does not say more (see [prove] query)".into()
        }
        429 => {
            "429 means that the stage's throttles, or the account's, let nobody in; a limit of 0 does that".into()
        }
        500 => {
            "500 means that API Gateway may not call the function: the permission is missing, or names another API".into()
        }
        502 => format!(
            "502 means that the function failed or answered nonsense; `{logs}` shows its own words"
        ),
        503 | 504 => format!("the function did not answer in time; `{logs}` shows where it hangs"),
        _ => format!("the function refused the connection itself; `{logs}` shows why"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_proof_that_does_not_fit_is_told_from_a_function_that_says_nothing() {
        let cause = |others| {
            let (expected, limit) = ("pong".to_owned(), Duration::from_secs(10));
            let why = NoAnswer::Other {
                expected,
                others,
                limit,
            };
            Failure::NoAnswer(why).likely_cause("chatctl logs")
        };
        assert!(cause(0).contains("response = true"), "{}", cause(0));
        assert!(cause(2).contains("under [prove]"), "{}", cause(2));
    }

    #[test]
    fn only_the_chats_own_unavailable_is_not_live() {
        let words = unavailable(&json!({"error": {"code": "unavailable", "message": "later"}}));
        assert_eq!(words.as_deref(), Some("later"));
        for live in [
            json!({"error": {"code": "unknown_action"}}),
            json!({"error": "unavailable"}),
            json!({"code": "unavailable"}),
            json!("unavailable"),
        ] {
            assert_eq!(unavailable(&live), None, "{live}");
        }
    }

    #[test]
    fn each_status_on_the_handshake_is_explained_by_its_likely_cause() {
        for (status, cause) in [
            (403, "allowed-origins"),
            (429, "throttles"),
            (500, "permission"),
            (502, "the function failed"),
        ] {
            let words = refused(status, "chatctl logs");
            assert!(words.starts_with(&status.to_string()), "{words}");
            assert!(words.contains(cause), "{words}");
        }
    }
}
