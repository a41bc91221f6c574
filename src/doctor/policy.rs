//! What a policy document allows: just as much of IAM as the doctor needs.
//!
//! It answers "does some statement allow this action on this resource", with wildcards, and minds an
//! explicit denial. Conditions are not evaluated: a statement with one counts as allowing, because a
//! doctor who cries wolf is not believed the next time.

use serde_json::Value;

/// Whether the documents, taken together, allow the action on the resource.
pub fn allows(documents: &[Value], action: &str, resource: &str) -> bool {
    let covers = |effect: &str| {
        statements(documents)
            .filter(|statement| statement["Effect"] == effect)
            .any(|statement| {
                covers_part(statement, "Action", action, true)
                    && covers_part(statement, "Resource", resource, false)
            })
    };
    covers("Allow") && !covers("Deny")
}

/// Whether the trust document lets the service take the role on.
pub fn trusts(document: &Value, service: &str) -> bool {
    statements(std::slice::from_ref(document)).any(|statement| {
        statement["Effect"] == "Allow"
            && covers_part(statement, "Action", "sts:AssumeRole", true)
            && names_service(statement, service)
    })
}

/// Whether the function's resource policy lets API Gateway call it for `source`, an ARN of the data
/// plane such as `arn:aws:execute-api:…:{api}/{stage}/$connect`.
pub fn lets_gateway_call(policy: &Value, source: &str) -> bool {
    statements(std::slice::from_ref(policy)).any(|statement| {
        statement["Effect"] == "Allow"
            && covers_part(statement, "Action", "lambda:InvokeFunction", true)
            && names_service(statement, "apigateway.amazonaws.com")
            && source_arns(statement).is_none_or(|arns| arns.iter().any(|arn| matches(arn, source)))
    })
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
        assert!(allows(
            std::slice::from_ref(&allow),
            "dynamodb:PutItem",
            "t"
        ));
        assert!(!allows(
            std::slice::from_ref(&allow),
            "dynamodb:PutItem",
            "other"
        ));
        assert!(!allows(&[allow, deny], "dynamodb:PutItem", "t"));
    }

    #[test]
    fn trust_names_the_service() {
        let trust = json!({"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
            "Principal": {"Service": ["lambda.amazonaws.com"]}}]});
        assert!(trusts(&trust, "lambda.amazonaws.com"));
        assert!(!trusts(&trust, "apigateway.amazonaws.com"));
    }

    #[test]
    fn a_stale_permission_of_another_api_does_not_count() {
        let policy = json!({"Statement": [{"Effect": "Allow", "Action": "lambda:InvokeFunction",
            "Principal": {"Service": "apigateway.amazonaws.com"},
            "Condition": {"ArnLike": {"AWS:SourceArn": "arn:aws:execute-api:r:1:old/p/*"}}}]});
        assert!(lets_gateway_call(
            &policy,
            "arn:aws:execute-api:r:1:old/p/$connect"
        ));
        assert!(!lets_gateway_call(
            &policy,
            "arn:aws:execute-api:r:1:new/p/$connect"
        ));
        assert_eq!(sources(&policy), ["arn:aws:execute-api:r:1:old/p/*"]);
    }
}
