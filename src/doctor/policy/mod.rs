//! What a policy document allows: just as much of IAM as the doctor needs.
//!
//! It answers "does some statement allow this action on this resource", with wildcards and with
//! conditions, and minds an explicit denial. A condition on something that only AWS knows makes the
//! answer [`Answer::Depends`], which is neither called well nor called a failure.

mod condition;

pub use condition::Known;

use condition::{Holds, judge};
use serde_json::Value;
use std::collections::BTreeSet;

/// What the documents say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It is allowed.
    Yes,
    /// It is not.
    No,
    /// It depends on these keys of the request, which nobody can know beforehand.
    Depends(BTreeSet<String>),
}

/// Whether the documents, taken together, allow the action on the resource.
pub fn allows(documents: &[Value], action: &str, resource: &str, known: &Known<'_>) -> Answer {
    let matching = statements(documents).filter(|statement| {
        covers_part(statement, "Action", action, true)
            && covers_part(statement, "Resource", resource, false)
    });
    decide(matching, known)
}

/// Whether the trust document lets the service take the role on. Which keys a service sends then is
/// not documented, so every condition makes it depend.
pub fn trusts(document: &Value, service: &str) -> Answer {
    let matching = statements(std::slice::from_ref(document)).filter(|statement| {
        covers_part(statement, "Action", "sts:AssumeRole", true)
            && names_service(statement, service)
    });
    decide(matching, &[])
}

/// Whether the function's resource policy lets API Gateway call it for `source`, an ARN of the data
/// plane such as `arn:aws:execute-api:…:{api}/{stage}/$connect`.
pub fn lets_gateway_call(policy: &Value, source: &str, known: &Known<'_>) -> Answer {
    let matching = statements(std::slice::from_ref(policy)).filter(|statement| {
        covers_part(statement, "Action", "lambda:InvokeFunction", true)
            && names_service(statement, "apigateway.amazonaws.com")
    });
    let with_source: Vec<_> = [("aws:SourceArn", source)]
        .into_iter()
        .chain(known.iter().copied())
        .collect();
    decide(matching, &with_source)
}

/// A denial that holds beats everything; one that may hold makes every permission uncertain.
fn decide<'a>(matching: impl Iterator<Item = &'a Value>, known: &Known<'_>) -> Answer {
    let (mut allowed, mut perhaps) = (false, BTreeSet::new());
    let mut doubts = BTreeSet::new();
    for statement in matching {
        let denies = statement["Effect"] == "Deny";
        match (denies, judge(statement, known)) {
            (true, Holds::Yes) => return Answer::No,
            (false, Holds::Yes) => allowed = true,
            (_, Holds::No) => {}
            (true, Holds::Unknown(keys)) => doubts.extend(keys),
            (false, Holds::Unknown(keys)) => perhaps.extend(keys),
        }
    }
    if !allowed {
        if perhaps.is_empty() {
            return Answer::No;
        }
        doubts.extend(perhaps);
    }
    if doubts.is_empty() {
        Answer::Yes
    } else {
        Answer::Depends(doubts)
    }
}

/// The `SourceArn` patterns of every statement, to show what is allowed instead.
pub fn sources(policy: &Value) -> Vec<String> {
    statements(std::slice::from_ref(policy))
        .filter_map(source_arns)
        .flatten()
        .collect()
}

fn statements(documents: &[Value]) -> impl Iterator<Item = &Value> {
    documents
        .iter()
        .flat_map(|document| many(&document["Statement"]))
}

/// One value or a list: IAM takes both everywhere.
fn many(value: &Value) -> &[Value] {
    match value {
        Value::Null => &[],
        Value::Array(values) => values,
        one => std::slice::from_ref(one),
    }
}

fn words(value: &Value) -> impl Iterator<Item = &str> {
    many(value).iter().filter_map(Value::as_str)
}

fn covers_part(statement: &Value, part: &str, wanted: &str, fold: bool) -> bool {
    let same = |pattern: &str| {
        if fold {
            matches(&pattern.to_ascii_lowercase(), &wanted.to_ascii_lowercase())
        } else {
            matches(pattern, wanted)
        }
    };
    let not = format!("Not{part}");
    if !statement[&not].is_null() {
        return !words(&statement[&not]).any(same);
    }
    // A trust document has no resource.
    words(&statement[part]).any(same)
}

fn names_service(statement: &Value, service: &str) -> bool {
    let principal = &statement["Principal"];
    principal == "*" || words(&principal["Service"]).any(|name| name == service || name == "*")
}

fn source_arns(statement: &Value) -> Option<Vec<String>> {
    let conditions = statement["Condition"].as_object()?;
    let arns: Vec<_> = conditions
        .values()
        .filter_map(Value::as_object)
        .flatten()
        .filter(|(key, _)| key.eq_ignore_ascii_case("aws:SourceArn"))
        .flat_map(|(_, value)| words(value).map(str::to_owned).collect::<Vec<_>>())
        .collect();
    (!arns.is_empty()).then_some(arns)
}

/// IAM's wildcards: `*` any text, `?` any character.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '?' || *c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => {
                // Let the last star swallow one character more.
                let Some((at, from)) = star else {
                    return false;
                };
                star = Some((at, from + 1));
                p = at + 1;
                t = from + 1;
            }
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn depends(key: &str) -> Answer {
        Answer::Depends([key.to_owned()].into())
    }

    #[test]
    fn wildcards_match_as_iam_does() {
        for (pattern, text, yes) in [
            ("*", "", true),
            (
                "arn:*:a1/*/@connections/*",
                "arn:x:a1/p/POST/@connections/c",
                true,
            ),
            ("a1/p/*/@connections/*", "a1/p/@connections/c", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*a*b", "xaxbxb", true),
            ("*a*b", "xaxbxc", false),
        ] {
            assert_eq!(matches(pattern, text), yes, "{pattern} {text}");
        }
    }

    #[test]
    fn a_denial_wins_and_actions_have_no_case() {
        let allow =
            json!({"Statement": {"Effect": "Allow", "Action": "DynamoDB:*", "Resource": "t"}});
        let deny = json!({"Statement": [{"Effect": "Deny", "Action": ["dynamodb:PutItem"], "Resource": "*"}]});
        let put = |documents: &[Value], table| allows(documents, "dynamodb:PutItem", table, &[]);
        assert_eq!(put(std::slice::from_ref(&allow), "t"), Answer::Yes);
        assert_eq!(put(std::slice::from_ref(&allow), "other"), Answer::No);
        assert_eq!(put(&[allow, deny], "t"), Answer::No);
    }

    #[test]
    fn a_condition_is_judged_or_named() {
        let statement = |effect: &str, condition: Value| json!({"Statement": [{"Effect": effect, "Action": "*", "Resource": "*", "Condition": condition}]});
        let known = [("aws:RequestedRegion", "eu-central-1")];
        let ask = |documents: &[Value]| allows(documents, "dynamodb:PutItem", "t", &known);
        let region = |region: &str| json!({"StringEquals": {"aws:RequestedRegion": region}});
        let vpc = json!({"StringEquals": {"aws:SourceVpc": "v"}});
        let everything = statement("Allow", json!({}));
        assert_eq!(
            ask(&[statement("Allow", region("eu-central-1"))]),
            Answer::Yes
        );
        assert_eq!(ask(&[statement("Allow", region("us-east-1"))]), Answer::No);
        assert_eq!(
            ask(&[statement("Allow", vpc.clone())]),
            depends("aws:SourceVpc")
        );
        let either = [statement("Allow", vpc.clone()), everything.clone()];
        assert_eq!(ask(&either), Answer::Yes);
        let perhaps_not = [statement("Deny", vpc), everything.clone()];
        assert_eq!(ask(&perhaps_not), depends("aws:SourceVpc"));
        let elsewhere = [statement("Deny", region("us-east-1")), everything];
        assert_eq!(ask(&elsewhere), Answer::Yes);
    }

    #[test]
    fn trust_names_the_service() {
        let trust = json!({"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
            "Principal": {"Service": ["lambda.amazonaws.com"]}}]});
        assert_eq!(trusts(&trust, "lambda.amazonaws.com"), Answer::Yes);
        assert_eq!(trusts(&trust, "apigateway.amazonaws.com"), Answer::No);
    }

    #[test]
    fn a_stale_permission_of_another_api_does_not_count() {
        let policy = json!({"Statement": [{"Effect": "Allow", "Action": "lambda:InvokeFunction",
            "Principal": {"Service": "apigateway.amazonaws.com"},
            "Condition": {"ArnLike": {"AWS:SourceArn": "arn:aws:execute-api:r:1:old/p/*"},
                "StringEquals": {"AWS:SourceAccount": "1"}}}]});
        let call = |api: &str, account: &str| {
            let source = format!("arn:aws:execute-api:r:1:{api}/p/$connect");
            lets_gateway_call(&policy, &source, &[("aws:SourceAccount", account)])
        };
        assert_eq!(call("old", "1"), Answer::Yes);
        assert_eq!(call("new", "1"), Answer::No);
        assert_eq!(call("old", "2"), Answer::No);
        assert_eq!(sources(&policy), ["arn:aws:execute-api:r:1:old/p/*"]);
    }
}
