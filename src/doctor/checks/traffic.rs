//! What a real client met.

use super::{command, deploy, instead};
use crate::doctor::Finding;
use crate::doctor::facts::{Facts, Look, Probe};

pub(super) fn probe(facts: &Facts) -> Finding {
    const CHECK: &str = "probe";
    let probe = match &facts.probe {
        Look::There(probe) => probe,
        other => return instead(CHECK, "the socket", other, facts),
    };
    let logs = command(facts, "logs --errors --since 5m");
    match probe {
        Probe::Answered { connect, answer } => Finding::good(
            CHECK,
            format!("a client connected in {connect} ms and was answered in {answer} ms"),
        ),
        Probe::Refused { status, said } => Finding::failure(
            CHECK,
            format!("the socket is refused with {status} {said}"),
            why_refused(*status),
            if matches!(status, 502..=504) {
                logs
            } else {
                deploy(facts)
            },
        ),
        Probe::Error { said } => Finding::failure(
            CHECK,
            format!("the message was answered with {said}"),
            "the socket opens, but the function fails or may not be called",
            logs,
        ),
        Probe::Silent => Finding::failure(
            CHECK,
            "the socket opens, but no answer comes",
            "the function did not run, or may not push to connections",
            logs,
        ),
        Probe::Unreachable { said } => Finding::failure(
            CHECK,
            format!("there is no connection: {said}"),
            "the network or a proxy stands between, or the API is very young",
            command(facts, "doctor"),
        ),
    }
}

fn why_refused(status: u16) -> &'static str {
    match status {
        403 => {
            "API Gateway does not know the stage or the path, or the page's origin is not allowed"
        }
        429 => "a limit is reached; limits of 0 refuse everybody",
        500 => "API Gateway may not call the function: the permission is missing or of another API",
        502 => {
            "the function failed, timed out, or answered in a form that API Gateway does not take"
        }
        503 | 504 => "the function took too long",
        _ => "this is the status that the function gave, or a proxy in between",
    }
}
