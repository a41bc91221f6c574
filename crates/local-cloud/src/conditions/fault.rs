//! One fault: which calls it acts on, and how they fail.
//!
//! In JSON, unknown members are refused by name, and so is what cannot happen: a service that is not
//! here, a status that no service answers, a probability above 1. A fault that never acts because of a typing
//! error would make a test pass that should fail.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The data plane's name among the services: sockets and `@connections`.
pub(crate) const DATA_PLANE: &str = "execute-api";

/// The updates that a Live Tail session sends stand among the operations of CloudWatch Logs.
pub(crate) const SESSION_UPDATE: &str = "SessionUpdate";

/// Every service that a fault can name.
const SERVICES: [&str; 8] = [
    "apigateway",
    "apigatewayv2",
    "dynamodb",
    "execute-api",
    "iam",
    "lambda",
    "logs",
    "sts",
];

/// The operations of the data plane.
const DATA_OPERATIONS: [&str; 6] = [
    "Connect",
    "Message",
    "Disconnect",
    "PostToConnection",
    "GetConnection",
    "DeleteConnection",
];

/// The kind of failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FaultKind {
    /// Refused as the service refuses a caller who is too fast.
    Throttle,
    /// Refused with this status, 500 to 599, before any effect; on `@connections` also 410.
    Error(u16),
    /// Refused with an error of the service's, before any effect.
    ServiceError {
        /// 400 to 599.
        status: u16,
        /// Such as `LimitExceededException`.
        code: String,
        /// What the service says of it.
        #[serde(default)]
        message: String,
    },
    /// The connection closes before any effect.
    Reset,
    /// The call takes effect, then the connection closes without an answer.
    LostAnswer,
    /// The call is delayed by so many milliseconds, then goes on.
    Delay(u64),
    /// The call is taken and never answered, and has no effect.
    Hang,
    /// An empty answer with status 200, and no effect.
    EmptyAnswer,
}

/// One planned fault.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", try_from = "Raw")]
pub struct Fault {
    /// Only calls of this service, such as `lambda`, `apigatewayv2` or `execute-api`; if absent, any
    /// but the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Only this operation, such as `CreateFunction`; any if absent. On the data plane `Connect`,
    /// `Message` and `Disconnect` too, of CloudWatch Logs the `SessionUpdate` of a Live Tail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// Only calls that change something.
    pub mutating: bool,
    /// Acts at the n-th matching call from now; 1 is the next.
    pub nth: u64,
    /// How many calls it acts on; [`Fault::ALWAYS`] for no end. In JSON a number or `"always"`.
    #[serde(serialize_with = "write_times")]
    pub times: u64,
    /// Acts on a matching call with this probability, above 0 and at most 1; `None` acts on every one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// The kind of failure.
    pub kind: FaultKind,
}

impl Fault {
    /// Acts on every matching call, without end.
    pub const ALWAYS: u64 = u64::MAX;

    /// A fault at the next call of any operation.
    pub fn new(kind: FaultKind) -> Self {
        Self {
            service: None,
            operation: None,
            mutating: false,
            nth: 1,
            times: 1,
            probability: None,
            kind,
        }
    }

    /// The fault, if it can ever act.
    pub(super) fn checked(self) -> Result<Self, String> {
        if let Some(service) = &self.service {
            check_service(service)?;
        }
        if let Some(operation) = &self.operation {
            self.check_operation(operation)?;
        }
        self.check_kind()?;
        if self.nth == 0 {
            return Err("nth: the first matching call is 1".to_owned());
        }
        if self.times == 0 {
            return Err("times: a fault that acts 0 times never acts".to_owned());
        }
        match self.probability {
            Some(chance) if !(chance > 0.0 && chance <= 1.0) => Err(format!(
                "probability: {chance} is not above 0 and at most 1 (20% is 0.2)"
            )),
            _ => Ok(self),
        }
    }

    fn check_operation(&self, operation: &str) -> Result<(), String> {
        if self.service.as_deref() == Some(DATA_PLANE) {
            return match DATA_OPERATIONS.contains(&operation) {
                true => Ok(()),
                false => Err(format!(
                    "execute-api has no `{operation}`, but {}{}",
                    DATA_OPERATIONS.join(", "),
                    did_you_mean(operation, DATA_OPERATIONS)
                )),
            };
        }
        let plain = operation.starts_with(|first: char| first.is_ascii_uppercase())
            && operation.chars().all(|c| c.is_ascii_alphanumeric());
        match plain {
            true => Ok(()),
            false => Err(format!(
                "`{operation}` is not an operation as AWS writes it, such as CreateFunction"
            )),
        }
    }

    fn check_kind(&self) -> Result<(), String> {
        let on_data_plane = self.service.as_deref() == Some(DATA_PLANE);
        let on_connections = on_data_plane
            && self
                .operation
                .as_deref()
                .is_some_and(|operation| operation.ends_with("Connection"));
        match &self.kind {
            FaultKind::Throttle | FaultKind::EmptyAnswer if self.is_on_updates() => Err(
                "an update of a Live Tail session is not an answer: it can be an error, late, cut off or missing"
                    .to_owned(),
            ),
            FaultKind::ServiceError { .. } | FaultKind::EmptyAnswer
                if on_data_plane && !on_connections =>
            {
                Err("an error with a code, and an empty answer, are for calls: sockets have neither".to_owned())
            }
            FaultKind::ServiceError { status, code, .. } => check_service_error(*status, code),
            FaultKind::Error(410) if on_connections => Ok(()),
            FaultKind::Error(410) => Err(
                "error 410 is what @connections answers: name execute-api and PostToConnection, GetConnection or DeleteConnection"
                    .to_owned(),
            ),
            FaultKind::Error(status) if !(500..=599).contains(status) => {
                Err(format!("error: {status} is not a status from 500 to 599; with a code, such as error:409:LimitExceeded, it may be 400 too"))
            }
            _ => Ok(()),
        }
    }

    fn is_on_updates(&self) -> bool {
        self.operation.as_deref() == Some(SESSION_UPDATE)
    }

    /// Whether it acts on such a call. A fault without a service does not act on the data plane, or the first
    /// message of any client would use up what was planned for a deploy. Updates of a Live Tail session have
    /// to be named, for the same reason.
    pub(super) fn matches(&self, service: &str, operation: &str, mutating: bool) -> bool {
        if operation == SESSION_UPDATE && !self.is_on_updates() {
            return false;
        }
        let meant = match self.service.as_deref() {
            Some(wanted) => wanted == service,
            None => service != DATA_PLANE,
        };
        let named = self
            .operation
            .as_deref()
            .is_none_or(|wanted| wanted == operation);
        meant && named && (mutating || !self.mutating)
    }
}

/// What a misspelt word most likely means, as the end of a sentence; nothing if nothing is near.
pub(crate) fn did_you_mean(word: &str, known: impl IntoIterator<Item = &'static str>) -> String {
    let likeness = |one: &str| strsim::jaro_winkler(&word.to_lowercase(), &one.to_lowercase());
    let likely = known.into_iter().map(|one| (likeness(one), one));
    let near = likely
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|(a, _), (b, _)| a.total_cmp(b));
    near.map_or_else(String::new, |(_, one)| format!("; did you mean `{one}`?"))
}

fn check_service_error(status: u16, code: &str) -> Result<(), String> {
    if !(400..=599).contains(&status) {
        return Err(format!("error: {status} is not a status from 400 to 599"));
    }
    if code.is_empty() || !code.chars().all(|c| c.is_ascii_alphanumeric()) {
        return Err(format!(
            "error: `{code}` is not a code as AWS writes it, such as LimitExceededException"
        ));
    }
    Ok(())
}

/// Whether there is such a service.
pub(super) fn check_service(service: &str) -> Result<(), String> {
    if SERVICES.contains(&service) {
        return Ok(());
    }
    Err(format!(
        "there is no service `{service}` here, but {}{}",
        SERVICES.join(", "),
        did_you_mean(service, SERVICES)
    ))
}

/// A fault as JSON, not checked yet.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Raw {
    service: Option<String>,
    operation: Option<String>,
    #[serde(default)]
    mutating: bool,
    nth: Option<u64>,
    times: Option<Value>,
    probability: Option<f64>,
    kind: FaultKind,
}

impl TryFrom<Raw> for Fault {
    type Error = String;

    fn try_from(raw: Raw) -> Result<Self, String> {
        let times = match &raw.times {
            // A fault with a probability goes on until it is cancelled.
            None if raw.probability.is_some() => Self::ALWAYS,
            None => 1,
            Some(Value::String(word)) if word == "always" => Self::ALWAYS,
            Some(value) => value
                .as_u64()
                .ok_or_else(|| format!("times: {value} is neither a count nor \"always\""))?,
        };
        let fault = Self {
            service: raw.service,
            operation: raw.operation,
            mutating: raw.mutating,
            nth: raw.nth.unwrap_or(1),
            times,
            probability: raw.probability,
            kind: raw.kind,
        };
        fault.checked()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn write_times<S: serde::Serializer>(times: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    if *times == Fault::ALWAYS {
        return serializer.serialize_str("always");
    }
    serializer.serialize_u64(*times)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Fault, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_left_out_means_the_next_call_once_and_by_chance_without_end() {
        let plain = read(r#"{"kind":"reset"}"#).unwrap();
        assert_eq!(plain, Fault::new(FaultKind::Reset));
        let random = read(r#"{"kind":{"delay":5},"probability":0.5}"#).unwrap();
        assert_eq!((random.times, random.nth), (Fault::ALWAYS, 1));
        let both = read(r#"{"kind":"throttle","probability":1,"times":3}"#).unwrap();
        assert_eq!(both.times, 3);
    }

    #[test]
    fn a_fault_survives_being_written_and_read() {
        for text in [
            r#"{"service":"logs","kind":{"error":503},"probability":0.2}"#,
            r#"{"operation":"CreateApi","mutating":true,"nth":3,"times":"always","kind":"lostAnswer"}"#,
            r#"{"kind":{"serviceError":{"status":409,"code":"LimitExceeded","message":"full"}}}"#,
            r#"{"kind":"hang"}"#,
            r#"{"kind":"emptyAnswer"}"#,
        ] {
            let fault = read(text).unwrap();
            assert_eq!(
                read(&serde_json::to_string(&fault).unwrap()).unwrap(),
                fault
            );
        }
    }

    #[test]
    fn what_can_never_strike_is_refused_and_named() {
        for (text, wanted) in [
            (
                r#"{"kind":"reset","sevice":"iam"}"#,
                "unknown field `sevice`",
            ),
            (
                r#"{"service":"lamda","kind":"reset"}"#,
                "no service `lamda`",
            ),
            (r#"{"operation":"createApi","kind":"reset"}"#, "`createApi`"),
            (
                r#"{"service":"execute-api","operation":"Mesage","kind":"reset"}"#,
                "no `Mesage`, but Connect",
            ),
            (
                r#"{"kind":{"error":404}}"#,
                "404 is not a status from 500 to 599",
            ),
            (r#"{"service":"iam","kind":{"error":410}}"#, "410"),
            (
                r#"{"kind":{"serviceError":{"status":200,"code":"Fine"}}}"#,
                "200 is not a status from 400 to 599",
            ),
            (
                r#"{"service":"execute-api","operation":"Message","kind":"emptyAnswer"}"#,
                "sockets have neither",
            ),
            (
                r#"{"service":"logs","operation":"SessionUpdate","kind":"throttle"}"#,
                "late, cut off or missing",
            ),
            (r#"{"kind":"flood"}"#, "unknown variant `flood`"),
            (r#"{"kind":"reset","probability":20}"#, "20% is 0.2"),
            (r#"{"kind":"reset","times":"often"}"#, "neither a count nor"),
            (r#"{"kind":"reset","times":0}"#, "never acts"),
            (
                r#"{"kind":"reset","nth":0}"#,
                "the first matching call is 1",
            ),
        ] {
            let said = read(text).unwrap_err();
            assert!(said.contains(wanted), "{text}: {said}");
        }
    }
}
