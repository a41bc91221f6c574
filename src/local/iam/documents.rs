//! What IAM checks before it stores a policy document: characters, JSON, and the policy grammar.
//!
//! The order of the checks and their words decide what a user reads, so they follow AWS's.

use serde_json::{Map, Value};

use super::super::wire::Fault;

/// Which rules hold for a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Says who may assume a role: principals, and no resources.
    Trust,
    /// Belongs to a role: resources, and no principals.
    Identity,
}

/// Refuses a document that IAM would refuse.
pub(super) fn check(text: &str, kind: Kind) -> Result<(), Fault> {
    let allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{ff}');
    if !text.chars().all(allowed) {
        // The service model's pattern; the words are those of its own validation.
        return Err(Fault::new(
            400,
            "MalformedPolicyDocument",
            "The specified value for policyDocument is invalid. It must contain only printable ASCII characters.",
        ));
    }
    let value: Value =
        serde_json::from_str(text).map_err(|_| malformed("This policy contains invalid Json"))?;
    let object = value
        .as_object()
        .ok_or_else(|| malformed("Syntax errors in policy."))?;
    top_level(object)?;
    let statements = match object.get("Statement") {
        None => return Err(syntax()),
        Some(Value::Array(list)) => list.iter().collect(),
        Some(single) => vec![single],
    };
    if statements.is_empty() {
        return Err(syntax());
    }
    statements.iter().try_for_each(|statement| {
        statement
            .as_object()
            .ok_or_else(syntax)
            .and_then(|object| check_statement(object, kind))
    })?;
    unique_sids(&statements)
}

fn top_level(object: &Map<String, Value>) -> Result<(), Fault> {
    if object
        .keys()
        .any(|key| !matches!(key.as_str(), "Version" | "Id" | "Statement"))
    {
        return Err(syntax());
    }
    match object.get("Version") {
        None => Ok(()),
        Some(Value::String(version)) if version == "2012-10-17" || version == "2008-10-17" => {
            Ok(())
        }
        Some(Value::String(_)) => Err(malformed(
            "Policy document must be version 2012-10-17 or greater.",
        )),
        Some(_) => Err(syntax()),
    }
}

fn check_statement(statement: &Map<String, Value>, kind: Kind) -> Result<(), Fault> {
    const KNOWN: [&str; 10] = [
        "Sid",
        "Effect",
        "Principal",
        "NotPrincipal",
        "Action",
        "NotAction",
        "Resource",
        "NotResource",
        "Condition",
        "Version",
    ];
    let has = |key: &str| statement.contains_key(key);
    if statement
        .keys()
        .any(|key| !KNOWN[..9].contains(&key.as_str()))
    {
        return Err(syntax());
    }
    if !matches!(
        statement.get("Effect").and_then(Value::as_str),
        Some("Allow" | "Deny")
    ) {
        return Err(syntax());
    }
    let doubled = [
        ("Action", "NotAction"),
        ("Resource", "NotResource"),
        ("Principal", "NotPrincipal"),
    ]
    .iter()
    .any(|(plain, negated)| has(plain) && has(negated));
    if doubled || !well_shaped(statement) {
        return Err(syntax());
    }
    match kind {
        Kind::Trust => check_trust(statement)?,
        Kind::Identity => check_identity(statement)?,
    }
    actions(statement, kind)
}

fn check_trust(statement: &Map<String, Value>) -> Result<(), Fault> {
    if statement.contains_key("Resource") || statement.contains_key("NotResource") {
        return Err(malformed("Has prohibited field Resource"));
    }
    if !statement.contains_key("Principal") && !statement.contains_key("NotPrincipal") {
        return Err(malformed("Missing required field Principal"));
    }
    if !statement.contains_key("Action") && !statement.contains_key("NotAction") {
        return Err(malformed("Missing required field Action"));
    }
    let Some(principal) = statement.get("Principal").and_then(Value::as_object) else {
        return Ok(());
    };
    let known = ["AWS", "Service", "Federated", "CanonicalUser"];
    match principal.keys().find(|key| !known.contains(&key.as_str())) {
        Some(_) => Err(malformed("Invalid principal in policy")),
        None => services_exist(principal),
    }
}

/// AWS refuses service principals that are no service.
fn services_exist(principal: &Map<String, Value>) -> Result<(), Fault> {
    let bad = strings(principal.get("Service"))
        .into_iter()
        .find(|name| !name.ends_with(".amazonaws.com") && !name.ends_with(".amazonaws.com.cn"));
    match bad {
        Some(name) => Err(malformed(&format!(
            "Invalid principal in policy: \"SERVICE\":\"{name}\""
        ))),
        None => Ok(()),
    }
}

fn check_identity(statement: &Map<String, Value>) -> Result<(), Fault> {
    if statement.contains_key("Principal") || statement.contains_key("NotPrincipal") {
        return Err(malformed("Policy document should not specify a principal."));
    }
    if !statement.contains_key("Action") && !statement.contains_key("NotAction") {
        return Err(malformed("Policy statement must contain actions."));
    }
    let resources = strings(
        statement
            .get("Resource")
            .or_else(|| statement.get("NotResource")),
    );
    if resources.is_empty() {
        return Err(malformed("Policy statement must contain resources."));
    }
    match resources
        .iter()
        .find(|resource| *resource != "*" && !resource.contains(':'))
    {
        Some(resource) => Err(malformed(&format!(
            "Resource {resource} must be in ARN format or \"*\"."
        ))),
        None => resources
            .iter()
            .try_for_each(|resource| check_arn(resource)),
    }
}

fn check_arn(resource: &str) -> Result<(), Fault> {
    if resource == "*" {
        return Ok(());
    }
    let parts: Vec<_> = resource.splitn(6, ':').collect();
    if parts[0] != "arn" {
        return Err(malformed(&format!(
            "Resource {resource} must be in ARN format or \"*\"."
        )));
    }
    let partition = parts.get(1).copied().unwrap_or_default();
    if !matches!(partition, "*" | "aws" | "aws-cn" | "aws-us-gov") {
        return Err(malformed(&format!(
            "Partition \"{partition}\" is not valid for resource \"arn:{partition}:{}:{}:{}:{}\".",
            parts.get(2).unwrap_or(&"*"),
            parts.get(3).unwrap_or(&"*"),
            parts.get(4).unwrap_or(&"*"),
            parts.get(5).unwrap_or(&"*"),
        )));
    }
    if parts.get(2).is_none_or(|vendor| vendor.is_empty()) {
        return Err(malformed("The policy failed legacy parsing"));
    }
    Ok(())
}

fn actions(statement: &Map<String, Value>, kind: Kind) -> Result<(), Fault> {
    let actions = strings(
        statement
            .get("Action")
            .or_else(|| statement.get("NotAction")),
    );
    if actions.is_empty() {
        return Err(malformed("Policy statement must contain actions."));
    }
    for action in actions.iter().filter(|action| *action != "*") {
        let Some((vendor, name)) = action.split_once(':') else {
            return Err(malformed(
                "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
            ));
        };
        if name.contains(':') {
            return Err(malformed("Actions/Condition can contain only one colon."));
        }
        if !vendor
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '*' | '?'))
        {
            return Err(malformed(&format!("Vendor {vendor} is not valid")));
        }
        if kind == Kind::Trust && vendor != "sts" {
            return Err(malformed(
                "AssumeRole policy may only specify STS AssumeRole actions.",
            ));
        }
    }
    Ok(())
}

/// Strings or lists of strings where the grammar wants them.
fn well_shaped(statement: &Map<String, Value>) -> bool {
    let text = |value: &Value| {
        value.is_string()
            || value
                .as_array()
                .is_some_and(|list| list.iter().all(Value::is_string))
    };
    let lists = ["Action", "NotAction", "Resource", "NotResource"];
    lists.iter().filter_map(|key| statement.get(*key)).all(text)
        && statement.get("Sid").is_none_or(Value::is_string)
        && statement.get("Condition").is_none_or(well_shaped_condition)
}

fn well_shaped_condition(condition: &Value) -> bool {
    let scalar = |value: &Value| value.is_string() || value.is_boolean() || value.is_number();
    let values = |value: &Value| {
        scalar(value) || value.as_array().is_some_and(|list| list.iter().all(scalar))
    };
    let known = |operator: &str| {
        let plain = operator.rsplit(':').next().unwrap_or_default();
        let plain = plain.strip_suffix("IfExists").unwrap_or(plain);
        ["String", "Numeric", "Date", "Arn"]
            .iter()
            .any(|family| plain.starts_with(family))
            || matches!(
                plain,
                "Bool" | "Null" | "BinaryEquals" | "IpAddress" | "NotIpAddress"
            )
    };
    condition.as_object().is_some_and(|operators| {
        operators.iter().all(|(operator, keys)| {
            known(operator)
                && keys
                    .as_object()
                    .is_some_and(|keys| keys.values().all(values))
        })
    })
}

fn unique_sids(statements: &[&Value]) -> Result<(), Fault> {
    let sids: Vec<_> = statements
        .iter()
        .filter_map(|s| s.get("Sid")?.as_str())
        .collect();
    let mut unique = sids.clone();
    unique.sort_unstable();
    unique.dedup();
    if unique.len() < sids.len() {
        return Err(malformed(
            "Statement IDs (SID) in a single policy must be unique.",
        ));
    }
    let plain = |sid: &&str| !sid.chars().all(|c| c.is_ascii_alphanumeric() || c == ' ');
    match sids.iter().find(|sid| plain(sid)) {
        Some(_) => Err(malformed(
            "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*",
        )),
        None => Ok(()),
    }
}

fn strings(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Array(list)) => list
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        _ => Vec::new(),
    }
}

fn syntax() -> Fault {
    malformed("Syntax errors in policy.")
}

fn malformed(words: &str) -> Fault {
    Fault::new(400, "MalformedPolicyDocument", words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str, kind: Kind) -> String {
        check(text, kind).map_or_else(|fault| fault.message, |()| "fine".to_owned())
    }

    #[test]
    fn a_good_trust_and_a_good_identity_policy_pass() {
        let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
        assert_eq!(words(trust, Kind::Trust), "fine");
        let identity = r#"{"Statement":{"Effect":"Allow","Action":"logs:*","Resource":"*"}}"#;
        assert_eq!(words(identity, Kind::Identity), "fine");
    }

    #[test]
    fn broken_json_is_named_so() {
        assert_eq!(
            words("{", Kind::Identity),
            "This policy contains invalid Json"
        );
    }

    #[test]
    fn characters_beyond_latin_1_are_refused() {
        let text = r#"{"Statement":{"Sid":"—","Effect":"Allow","Action":"*","Resource":"*"}}"#;
        assert!(words(text, Kind::Identity).contains("printable ASCII"));
    }

    #[test]
    fn a_trust_policy_has_no_resource_and_an_identity_policy_no_principal() {
        let both = r#"{"Statement":{"Effect":"Allow","Principal":{"Service":"a.amazonaws.com"},"Action":"sts:AssumeRole","Resource":"*"}}"#;
        assert_eq!(words(both, Kind::Trust), "Has prohibited field Resource");
        assert_eq!(
            words(both, Kind::Identity),
            "Policy document should not specify a principal."
        );
    }

    #[test]
    fn a_resource_must_be_an_arn() {
        let text = r#"{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"bucket"}}"#;
        assert_eq!(
            words(text, Kind::Identity),
            "Resource bucket must be in ARN format or \"*\"."
        );
    }

    #[test]
    fn a_misspelt_element_is_a_syntax_error() {
        let text = r#"{"Statement":{"Effect":"Allow","Actions":"s3:*","Resource":"*"}}"#;
        assert_eq!(words(text, Kind::Identity), "Syntax errors in policy.");
    }
}
