//! A fault as a line of text: `[TARGET=]KIND[*TIMES][@WHEN]`.
//!
//! | part | what it is |
//! |---|---|
//! | TARGET | `lambda`, `lambda:CreateFunction`, `CreateFunction`, `writes`, `iam:writes`, `*` |
//! | KIND | `throttle`, `error`, `error:503`, `error:409:LimitExceeded`, `error:400:CODE:MESSAGE`, |
//! | | `reset`, `lost-answer`, `delay:500`, `delay:2s`, `hang`, `empty-answer` |
//! | TIMES | how often: a count, or `always` |
//! | WHEN | `20%`: with that probability; `3`: from the third matching call on |
//!
//! Without TIMES it acts once, or without end if it has a probability. `--fault` takes it, and so does
//! `/_chatctl/faults`, as a JSON string.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::fault::{Fault, FaultKind, check_service};

const KINDS: &str =
    "throttle, error[:STATUS[:CODE]], reset, lost-answer, delay:MS, hang or empty-answer";

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (target, rest) = match text.split_once('=') {
            Some((target, rest)) => (Some(target.trim()), rest.trim()),
            None => (None, text),
        };
        let end = rest.find(['*', '@']).unwrap_or(rest.len());
        let (kind, modifiers) = rest.split_at(end);
        let mut fault = Self::new(read_kind(kind.trim())?);
        if let Some(target) = target {
            set_target(&mut fault, target)?;
        }
        modify(&mut fault, modifiers)?;
        fault.checked()
    }
}

/// Sets which calls the fault acts on.
fn set_target(fault: &mut Fault, target: &str) -> Result<(), String> {
    let (service, operation) = match target.split_once(':') {
        Some((service, operation)) => (Some(service), Some(operation)),
        None if target == "*" => (None, None),
        None if target == "writes" || target.starts_with(|c: char| c.is_ascii_uppercase()) => {
            (None, Some(target))
        }
        None => (Some(target), None),
    };
    if let Some(service) = service {
        check_service(service)?;
        fault.service = Some(service.to_owned());
    }
    match operation {
        Some("writes") => fault.mutating = true,
        Some("*") | None => {}
        Some(operation) => fault.operation = Some(operation.to_owned()),
    }
    Ok(())
}

fn read_kind(text: &str) -> Result<FaultKind, String> {
    let (word, argument) = match text.split_once(':') {
        Some((word, argument)) => (word, Some(argument)),
        None => (text, None),
    };
    match (word, argument) {
        ("throttle", None) => Ok(FaultKind::Throttle),
        ("reset", None) => Ok(FaultKind::Reset),
        ("lost-answer", None) => Ok(FaultKind::LostAnswer),
        ("hang", None) => Ok(FaultKind::Hang),
        ("empty-answer", None) => Ok(FaultKind::EmptyAnswer),
        ("error", None) => Ok(FaultKind::Error(500)),
        ("error", Some(error)) => read_error(error),
        ("delay", Some(time)) => read_delay(time).map(FaultKind::Delay),
        ("delay", None) => Err("delay: say how long, such as delay:500 or delay:2s".to_owned()),
        _ => Err(format!("there is no fault `{text}`; it is {KINDS}")),
    }
}

/// A status, and perhaps a code and a message.
fn read_error(text: &str) -> Result<FaultKind, String> {
    let mut parts = text.splitn(3, ':');
    let status = parts.next().unwrap_or_default();
    let wrong = |_| format!("error: `{status}` is not a status from 500 to 599");
    let status = status.parse().map_err(wrong)?;
    Ok(match parts.next() {
        None => FaultKind::Error(status),
        Some(code) => FaultKind::ServiceError {
            status,
            code: code.to_owned(),
            message: parts.next().unwrap_or_default().to_owned(),
        },
    })
}

/// Milliseconds, or a time with its unit.
fn read_delay(text: &str) -> Result<u64, String> {
    let wrong = || format!("delay: `{text}` is neither milliseconds nor a time such as 2s");
    if let Ok(millis) = text.parse() {
        return Ok(millis);
    }
    let time: Duration = humantime::parse_duration(text).map_err(|_| wrong())?;
    u64::try_from(time.as_millis()).map_err(|_| wrong())
}

/// `*3`, `*always`, `@20%`, `@3`, in any order.
fn modify(fault: &mut Fault, mut rest: &str) -> Result<(), String> {
    let mut times = None;
    while !rest.is_empty() {
        let (sign, after) = rest.split_at(1);
        let end = after.find(['*', '@']).unwrap_or(after.len());
        let (value, next) = after.split_at(end);
        let value = value.trim();
        match (sign, value.strip_suffix('%')) {
            ("*", _) if value == "always" => times = Some(Fault::ALWAYS),
            ("*", _) => {
                let count = value.parse();
                times = Some(count.map_err(|_| {
                    format!("*{value}: how often is a count or `always`, such as *3")
                })?);
            }
            (_, Some(percent)) => {
                let percent: f64 = percent
                    .parse()
                    .map_err(|_| format!("@{value}: a chance is a number, such as @20%"))?;
                fault.probability = Some(percent / 100.0);
            }
            (_, None) => {
                let nth = value.parse();
                fault.nth = nth.map_err(|_| {
                    format!("@{value}: when is a chance such as @20%, or a count such as @3")
                })?;
            }
        }
        rest = next;
    }
    let usual = if fault.probability.is_some() {
        Fault::ALWAYS
    } else {
        1
    };
    fault.times = times.unwrap_or(usual);
    Ok(())
}

/// The text that parses to this fault.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operation = match (&self.operation, self.mutating) {
            (Some(operation), _) => Some(operation.as_str()),
            (None, true) => Some("writes"),
            (None, false) => None,
        };
        match (&self.service, operation) {
            (Some(service), Some(operation)) => write!(f, "{service}:{operation}=")?,
            (Some(one), None) => write!(f, "{one}=")?,
            (None, Some(one)) => write!(f, "{one}=")?,
            (None, None) => {}
        }
        write!(f, "{}", self.kind)?;
        match (self.times, self.probability) {
            (1, None) | (Self::ALWAYS, Some(_)) => {}
            (Self::ALWAYS, None) => f.write_str("*always")?,
            (times, _) => write!(f, "*{times}")?,
        }
        if let Some(chance) = self.probability {
            write!(f, "@{}%", chance * 100.0)?;
        }
        if self.nth > 1 {
            write!(f, "@{}", self.nth)?;
        }
        Ok(())
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Throttle => f.write_str("throttle"),
            Self::Error(status) => write!(f, "error:{status}"),
            Self::ServiceError {
                status,
                code,
                message,
            } => {
                let colon = if message.is_empty() { "" } else { ":" };
                write!(f, "error:{status}:{code}{colon}{message}")
            }
            Self::Reset => f.write_str("reset"),
            Self::LostAnswer => f.write_str("lost-answer"),
            Self::Delay(millis) => write!(f, "delay:{millis}"),
            Self::Hang => f.write_str("hang"),
            Self::EmptyAnswer => f.write_str("empty-answer"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Fault {
        text.parse().unwrap_or_else(|said| panic!("{text}: {said}"))
    }

    #[test]
    fn every_part_is_read() {
        let lost = read("lambda:CreateFunction=lost-answer");
        assert_eq!(lost.service.as_deref(), Some("lambda"));
        assert_eq!(lost.operation.as_deref(), Some("CreateFunction"));
        assert_eq!(
            (lost.kind, lost.times, lost.nth),
            (FaultKind::LostAnswer, 1, 1)
        );
        let often = read("execute-api=throttle*3");
        assert_eq!((often.kind, often.times), (FaultKind::Throttle, 3));
        let random = read("logs=error:503@20%");
        assert_eq!(
            (random.kind, random.probability),
            (FaultKind::Error(503), Some(0.2))
        );
        assert_eq!(random.times, Fault::ALWAYS);
        let late = read("writes=reset @ 3 * 2");
        assert_eq!((late.mutating, late.nth, late.times), (true, 3, 2));
        assert_eq!(read("delay:2s").kind, FaultKind::Delay(2000));
        assert_eq!(read("*=delay:50*always").times, Fault::ALWAYS);
        assert_eq!(read("CreateRole=error").kind, FaultKind::Error(500));
        assert!(read("iam:writes=reset").mutating);
        assert_eq!(read("iam=hang").kind, FaultKind::Hang);
        assert_eq!(
            read("CreateRole=error:409:LimitExceeded:Cannot exceed quota").kind,
            FaultKind::ServiceError {
                status: 409,
                code: "LimitExceeded".to_owned(),
                message: "Cannot exceed quota".to_owned(),
            }
        );
    }

    #[test]
    fn what_is_written_reads_as_the_same_fault() {
        for text in [
            "throttle",
            "lambda:CreateFunction=lost-answer",
            "logs=error:503@20%",
            "iam:writes=reset*always",
            "apigatewayv2:CreateApi=hang",
            "lambda:AddPermission=empty-answer*2",
            "logs=error:400:OperationAbortedException",
            "iam=error:409:LimitExceeded:Cannot exceed quota: 1000",
            "execute-api:Message=delay:200*4@50%@3",
        ] {
            assert_eq!(read(text).to_string(), text);
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_what_would_be_right() {
        for (text, wanted) in [
            ("", "throttle, error"),
            ("lambda", "there is no fault `lambda`"),
            ("lamda=reset", "there is no service `lamda`"),
            ("lambda:create=reset", "`create` is not an operation"),
            ("execute-api:Mesage=reset", "no `Mesage`, but Connect"),
            ("execute-api:Mesage=reset", "did you mean `Message`?"),
            ("lamda=reset", "did you mean `lambda`?"),
            ("iam=boom", "there is no fault `boom`"),
            ("iam=error:404", "404 is not a status"),
            ("iam=error:x", "`x` is not a status"),
            ("iam=error:409:", "`` is not a code"),
            ("execute-api:Message=empty-answer", "sockets have neither"),
            ("iam=delay", "say how long"),
            ("iam=delay:soon", "`soon` is neither"),
            ("iam=reset*often", "a count or `always`"),
            ("iam=reset@often", "a chance such as @20%"),
            ("iam=reset@x%", "a chance is a number"),
            ("iam=reset@200%", "at most 1"),
            ("iam=reset*0", "never acts"),
        ] {
            let said = text.parse::<Fault>().unwrap_err();
            assert!(said.contains(wanted), "{text}: {said}");
        }
    }
}
