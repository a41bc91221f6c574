//! Conditions of a policy statement, as far as the doctor knows what they are about.
//!
//! A condition compares a key of the request with values. Some keys we know beforehand: the region,
//! the account, the API that calls. Others (who signed in how, from which network, which tag the
//! resource has) only AWS knows at the moment of the call. So a condition holds, fails, or cannot be
//! judged, and then the doctor says so instead of guessing.

use super::{many, matches, words};
use serde_json::Value;
use std::collections::BTreeSet;

/// Keys that are known, with their values: `("aws:RequestedRegion", "eu-central-1")`.
pub type Known<'a> = [(&'a str, &'a str)];

/// Whether a statement's conditions hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Holds {
    Yes,
    No,
    /// It depends on these keys, which we cannot know.
    Unknown(BTreeSet<String>),
}

/// Judges all conditions of a statement: each operator and each key must hold.
pub(super) fn judge(statement: &Value, known: &Known<'_>) -> Holds {
    let mut unknown = BTreeSet::new();
    let operators = statement["Condition"].as_object().into_iter().flatten();
    for (operator, keys) in operators {
        for (key, wanted) in keys.as_object().into_iter().flatten() {
            match one(operator, key, wanted, known) {
                Some(true) => {}
                Some(false) => return Holds::No,
                None => {
                    unknown.insert(key.clone());
                }
            }
        }
    }
    if unknown.is_empty() {
        Holds::Yes
    } else {
        Holds::Unknown(unknown)
    }
}

/// One operator on one key; nothing if it cannot be told.
fn one(operator: &str, key: &str, wanted: &Value, known: &Known<'_>) -> Option<bool> {
    let (_, actual) = known
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(key))?;
    let operator = operator.strip_suffix("IfExists").unwrap_or(operator);
    let any = |same: &dyn Fn(&str) -> bool| Some(words(wanted).any(same));
    let none = |same: &dyn Fn(&str) -> bool| Some(!words(wanted).any(same));
    let equal = |value: &str| value == *actual;
    let folded = |value: &str| value.eq_ignore_ascii_case(actual);
    let like = |value: &str| matches(value, actual);
    match operator {
        "StringEquals" => any(&equal),
        "StringNotEquals" => none(&equal),
        "StringEqualsIgnoreCase" => any(&folded),
        "StringNotEqualsIgnoreCase" => none(&folded),
        // For ARNs the two are one and the same.
        "StringLike" | "ArnLike" | "ArnEquals" => any(&like),
        "StringNotLike" | "ArnNotLike" | "ArnNotEquals" => none(&like),
        // The key is there, as we know its value.
        "Null" => Some(
            many(wanted)
                .iter()
                .any(|value| value == "false" || value == false),
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const KNOWN: [(&str, &str); 2] = [
        ("aws:RequestedRegion", "eu-central-1"),
        ("aws:SourceArn", "arn:aws:execute-api:r:1:a1/p/$connect"),
    ];

    fn judged(condition: Value) -> Holds {
        judge(&json!({"Condition": condition}), &KNOWN)
    }

    #[test]
    fn what_is_known_is_judged_as_iam_does() {
        for (condition, holds) in [
            (json!({}), true),
            (
                json!({"StringEquals": {"aws:requestedregion": "eu-central-1"}}),
                true,
            ),
            (
                json!({"StringEquals": {"aws:RequestedRegion": ["x", "eu-central-1"]}}),
                true,
            ),
            (
                json!({"StringEquals": {"aws:RequestedRegion": "eu-*"}}),
                false,
            ),
            (json!({"StringLike": {"aws:RequestedRegion": "eu-*"}}), true),
            (
                json!({"StringLikeIfExists": {"aws:RequestedRegion": "us-*"}}),
                false,
            ),
            (
                json!({"StringNotEquals": {"aws:RequestedRegion": "us-east-1"}}),
                true,
            ),
            (
                json!({"ArnLike": {"aws:SourceArn": "arn:aws:execute-api:*:*:a1/*"}}),
                true,
            ),
            (
                json!({"ArnNotLike": {"aws:SourceArn": "arn:aws:execute-api:*:*:a1/*"}}),
                false,
            ),
            (json!({"Null": {"aws:SourceArn": "true"}}), false),
        ] {
            let expected = if holds { Holds::Yes } else { Holds::No };
            assert_eq!(judged(condition.clone()), expected, "{condition}");
        }
    }

    #[test]
    fn what_only_aws_knows_is_named() {
        let one = |key: &str| Holds::Unknown([key.to_owned()].into());
        assert_eq!(
            judged(json!({"StringEquals": {"aws:SourceVpc": "vpc-1"}})),
            one("aws:SourceVpc")
        );
        assert_eq!(
            judged(json!({"DateLessThan": {"aws:RequestedRegion": "2030-01-01T00:00:00Z"}})),
            one("aws:RequestedRegion")
        );
    }

    #[test]
    fn one_condition_that_fails_is_enough() {
        let both =
            json!({"StringEquals": {"aws:SourceVpc": "vpc-1", "aws:RequestedRegion": "us-east-1"}});
        assert_eq!(judged(both), Holds::No);
    }
}
