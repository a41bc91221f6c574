//! What IAM checks before it stores a policy document: characters, JSON, and the policy grammar.
//!
//! Checks and messages are AWS's, in AWS's order.

use serde_json::{Map, Value};

use crate::wire::ServiceError;

/// Which rules hold for a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PolicyKind {
    /// Says who may assume a role: principals, and no resources.
    Trust,
    /// Belongs to a role: resources, and no principals.
    Identity,
    /// The same, and in the current version of the policy language.
    Managed,
}

/// Refuses a document that IAM would refuse. The steps follow AWS's: JSON, shape, what an older parser
/// of AWS refuses, statement ids, then actions and resources.
pub(super) fn check(text: &str, kind: PolicyKind) -> Result<(), ServiceError> {
    let allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{ff}');
    if !text.chars().all(allowed) {
        // The service model's pattern, with the message of its own validation.
        return Err(malformed(
            "The specified value for policyDocument is invalid. It must contain only printable ASCII characters.",
        ));
    }
    let value: Value =
        serde_json::from_str(text).map_err(|_| malformed("This policy contains invalid Json"))?;
    let object = value.as_object().ok_or_else(syntax)?;
    top_level(object)?;
    let statements: Vec<&Map<String, Value>> = match object.get("Statement") {
        Some(Value::Array(list)) => list.iter().map(Value::as_object).collect::<Option<_>>(),
        Some(single) => single.as_object().map(|statement| vec![statement]),
        None => None,
    }
    .filter(|statements| !statements.is_empty())
    .ok_or_else(syntax)?;
    statements
        .iter()
        .try_for_each(|statement| shape(statement))?;
    if kind == PolicyKind::Managed && object.get("Version").is_none_or(|it| it != "2012-10-17") {
        return Err(malformed(
            "Policy document must be version 2012-10-17 or greater.",
        ));
    }
    statements
        .iter()
        .try_for_each(|statement| legacy(statement))?;
    statement_ids(&statements)?;
    statements.iter().try_for_each(|statement| match kind {
        PolicyKind::Trust => trust(statement),
        PolicyKind::Identity | PolicyKind::Managed => identity(statement),
    })
}

fn top_level(object: &Map<String, Value>) -> Result<(), ServiceError> {
    if object
        .keys()
        .any(|key| !matches!(key.as_str(), "Version" | "Id" | "Statement"))
        || !object.get("Id").is_none_or(Value::is_string)
    {
        return Err(syntax());
    }
    // Inline policies may leave the version out, or name the old one.
    match object.get("Version") {
        None => Ok(()),
        Some(Value::String(version)) if version == "2012-10-17" || version == "2008-10-17" => {
            Ok(())
        }
        Some(_) => Err(syntax()),
    }
}

/// The elements of a statement, and their types.
fn shape(statement: &Map<String, Value>) -> Result<(), ServiceError> {
    const KNOWN: [&str; 9] = [
        "Sid",
        "Effect",
        "Principal",
        "NotPrincipal",
        "Action",
        "NotAction",
        "Resource",
        "NotResource",
        "Condition",
    ];
    let has = |key: &str| statement.contains_key(key);
    let doubled = [
        ("Action", "NotAction"),
        ("Resource", "NotResource"),
        ("Principal", "NotPrincipal"),
    ]
    .iter()
    .any(|(plain, negated)| has(plain) && has(negated));
    let effect = statement
        .get("Effect")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let known = statement.keys().all(|key| KNOWN.contains(&key.as_str()));
    let lists = ["Action", "NotAction", "Resource", "NotResource"];
    let fine = known
        && !doubled
        && (effect.eq_ignore_ascii_case("Allow") || effect.eq_ignore_ascii_case("Deny"))
        && lists
            .iter()
            .filter_map(|key| statement.get(*key))
            .all(is_texts)
        && statement.get("Sid").is_none_or(Value::is_string)
        && statement.get("Condition").is_none_or(is_condition);
    if fine { Ok(()) } else { Err(syntax()) }
}

/// Text or a list of texts; AWS ignores a null in a list.
fn is_texts(value: &Value) -> bool {
    let one = |value: &Value| value.is_string() || value.is_null();
    value.is_string() || value.as_array().is_some_and(|list| list.iter().all(one))
}

/// Operators and their keys. An operator that does not exist passes if it holds nothing.
fn is_condition(condition: &Value) -> bool {
    let scalar = |value: &Value| value.is_string() || value.is_boolean() || value.is_number();
    let values = |value: &Value| {
        scalar(value) || value.as_array().is_some_and(|list| list.iter().all(scalar))
    };
    condition.as_object().is_some_and(|operators| {
        operators.iter().all(|(operator, keys)| {
            keys.as_object().is_some_and(|keys| {
                keys.is_empty() || is_operator(operator) && keys.values().all(values)
            })
        })
    })
}

fn is_operator(operator: &str) -> bool {
    const OPERATORS: [&str; 26] = [
        "StringEquals",
        "StringNotEquals",
        "StringEqualsIgnoreCase",
        "StringNotEqualsIgnoreCase",
        "StringLike",
        "StringNotLike",
        "NumericEquals",
        "NumericNotEquals",
        "NumericLessThan",
        "NumericLessThanEquals",
        "NumericGreaterThan",
        "NumericGreaterThanEquals",
        "DateEquals",
        "DateNotEquals",
        "DateLessThan",
        "DateLessThanEquals",
        "DateGreaterThan",
        "DateGreaterThanEquals",
        "Bool",
        "BinaryEquals",
        "IpAddress",
        "NotIpAddress",
        "ArnEquals",
        "ArnLike",
        "ArnNotEquals",
        "ArnNotLike",
    ];
    let plain = operator
        .strip_prefix("ForAllValues:")
        .or_else(|| operator.strip_prefix("ForAnyValue:"))
        .unwrap_or(operator);
    let plain = plain.strip_suffix("IfExists").unwrap_or(plain);
    plain == "Null" || OPERATORS.contains(&plain)
}

/// What an older parser refuses: the effect's case, dates, and ARNs with too few parts.
fn legacy(statement: &Map<String, Value>) -> Result<(), ServiceError> {
    let effect = statement.get("Effect").and_then(Value::as_str);
    let conditions = statement.get("Condition").and_then(Value::as_object);
    let dates = conditions
        .into_iter()
        .flatten()
        .filter(|(operator, _)| operator.contains("Date"))
        .filter_map(|(_, keys)| keys.as_object())
        .flat_map(Map::values);
    // Too few parts, or no vendor; an ARN without an empty part passes here, however short.
    let short = |arn: &String| {
        let parts: Vec<_> = arn.split(':').collect();
        parts.len() < 6 && arn.contains("::") || parts.get(2).is_some_and(|part| part.is_empty())
    };
    let fine = matches!(effect, Some("Allow" | "Deny"))
        && dates
            .flat_map(|value| strings(Some(value)))
            .all(|date| is_date(&date))
        && !resources(statement).iter().any(short);
    if fine {
        Ok(())
    } else {
        Err(malformed("The policy failed legacy parsing"))
    }
}

/// ISO 8601, or seconds that fit in 63 bits.
fn is_date(text: &str) -> bool {
    let local = text.parse::<jiff::civil::DateTime>().is_ok();
    local || text.parse::<i64>().is_ok() || text.parse::<jiff::Timestamp>().is_ok()
}

/// Ids are unique, empty ones apart, and alphanumeric.
fn statement_ids(statements: &[&Map<String, Value>]) -> Result<(), ServiceError> {
    let ids: Vec<_> = statements
        .iter()
        .filter_map(|statement| statement.get("Sid")?.as_str())
        .filter(|id| !id.is_empty())
        .collect();
    let mut unique = ids.clone();
    unique.sort_unstable();
    unique.dedup();
    if unique.len() < ids.len() {
        return Err(malformed(
            "Statement IDs (SID) in a single policy must be unique.",
        ));
    }
    if ids
        .iter()
        .all(|id| id.chars().all(|c| c.is_ascii_alphanumeric() || c == ' '))
    {
        return Ok(());
    }
    Err(malformed(
        "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*",
    ))
}

fn trust(statement: &Map<String, Value>) -> Result<(), ServiceError> {
    if statement.contains_key("Resource") || statement.contains_key("NotResource") {
        return Err(malformed("Has prohibited field Resource"));
    }
    if !statement.contains_key("Principal") && !statement.contains_key("NotPrincipal") {
        return Err(malformed("Missing required field Principal"));
    }
    if !statement.contains_key("Action") && !statement.contains_key("NotAction") {
        return Err(malformed("Missing required field Action"));
    }
    actions(statement)?
        .iter()
        .try_for_each(|action| trust_action(action))?;
    let Some(principal) = statement.get("Principal").and_then(Value::as_object) else {
        return Ok(());
    };
    let known = ["AWS", "Service", "Federated", "CanonicalUser"];
    if principal.keys().any(|key| !known.contains(&key.as_str())) {
        return Err(malformed("Invalid principal in policy"));
    }
    services_exist(principal)
}

fn trust_action(action: &str) -> Result<(), ServiceError> {
    const ASSUMING: [&str; 6] = [
        "sts:assumerole",
        "sts:assumerolewithsaml",
        "sts:assumerolewithwebidentity",
        "sts:tagsession",
        "sts:setsourceidentity",
        "sts:setcontext",
    ];
    let action = action.to_ascii_lowercase();
    if ASSUMING
        .iter()
        .any(|known| super::comparison::glob(&action, known))
    {
        return Ok(());
    }
    Err(malformed(
        "AssumeRole policy may only specify STS AssumeRole actions.",
    ))
}

/// AWS refuses service principals that are no service.
fn services_exist(principal: &Map<String, Value>) -> Result<(), ServiceError> {
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

fn identity(statement: &Map<String, Value>) -> Result<(), ServiceError> {
    if statement.contains_key("Principal") || statement.contains_key("NotPrincipal") {
        return Err(malformed("Policy document should not specify a principal."));
    }
    actions(statement)?;
    let resources = resources(statement);
    if resources.is_empty() {
        return Err(malformed("Policy statement must contain resources."));
    }
    resources
        .iter()
        .try_for_each(|resource| check_resource(resource))
}

fn check_resource(resource: &str) -> Result<(), ServiceError> {
    if resource == "*" {
        return Ok(());
    }
    let Some((_, rest)) = resource.split_once(':') else {
        return Err(malformed(&format!(
            "Resource {resource} must be in ARN format or \"*\"."
        )));
    };
    let mut parts: Vec<&str> = rest.splitn(5, ':').collect();
    let given = parts.len();
    parts.resize(5, "*");
    let (partition, vendor, region) = (parts[0], parts[1], parts[2]);
    if !matches!(partition, "*" | "aws" | "aws-cn" | "aws-us-gov") {
        return Err(malformed(&format!(
            "Partition \"{partition}\" is not valid for resource \"arn:{}\".",
            parts.join(":")
        )));
    }
    if given < 2 || vendor.contains(['*', '?']) || vendor.is_empty() {
        return Err(malformed(
            "Resource vendor must be fully qualified and cannot contain regexes.",
        ));
    }
    match vendor {
        "iam" if !region.is_empty() => Err(malformed(&format!(
            "IAM resource {resource} cannot contain region information."
        ))),
        "iam" => iam_path(parts[4]),
        // Access points have a region, and an account with it.
        "s3" if !region.is_empty() && parts[3].is_empty() => Err(malformed(&format!(
            "Resource {resource} can not contain region information."
        ))),
        _ => Ok(()),
    }
}

fn iam_path(path: &str) -> Result<(), ServiceError> {
    const STARTS: [&str; 13] = [
        "user/",
        "federated-user/",
        "role/",
        "group/",
        "instance-profile/",
        "mfa/",
        "server-certificate/",
        "policy/",
        "sms-mfa/",
        "saml-provider/",
        "oidc-provider/",
        "report/",
        "access-report/",
    ];
    if path == "*" || path.starts_with("*") || STARTS.iter().any(|start| path.starts_with(start)) {
        return Ok(());
    }
    Err(malformed(&format!(
        "IAM resource path must either be \"*\" or start with {}.",
        STARTS.join(", ")
    )))
}

/// The actions, each with its vendor.
fn actions(statement: &Map<String, Value>) -> Result<Vec<String>, ServiceError> {
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
    }
    Ok(actions)
}

fn resources(statement: &Map<String, Value>) -> Vec<String> {
    strings(
        statement
            .get("Resource")
            .or_else(|| statement.get("NotResource")),
    )
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

fn syntax() -> ServiceError {
    malformed("Syntax errors in policy.")
}

fn malformed(words: &str) -> ServiceError {
    ServiceError::new(400, "MalformedPolicyDocument", words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str, kind: PolicyKind) -> String {
        check(text, kind).map_or_else(|error| error.message, |()| "fine".to_owned())
    }

    #[test]
    fn a_good_trust_and_a_good_identity_policy_pass() {
        let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
        assert_eq!(words(trust, PolicyKind::Trust), "fine");
        let identity = r#"{"Statement":{"Effect":"Allow","Action":"logs:*","Resource":"*"}}"#;
        assert_eq!(words(identity, PolicyKind::Identity), "fine");
    }

    #[test]
    fn broken_json_is_named_so() {
        assert_eq!(
            words("{", PolicyKind::Identity),
            "This policy contains invalid Json"
        );
    }

    #[test]
    fn characters_beyond_latin_1_are_refused() {
        let text = r#"{"Statement":{"Sid":"—","Effect":"Allow","Action":"*","Resource":"*"}}"#;
        assert!(words(text, PolicyKind::Identity).contains("printable ASCII"));
    }

    #[test]
    fn a_trust_policy_has_no_resource_and_an_identity_policy_no_principal() {
        let both = r#"{"Statement":{"Effect":"Allow","Principal":{"Service":"a.amazonaws.com"},"Action":"sts:AssumeRole","Resource":"*"}}"#;
        assert_eq!(
            words(both, PolicyKind::Trust),
            "Has prohibited field Resource"
        );
        assert_eq!(
            words(both, PolicyKind::Identity),
            "Policy document should not specify a principal."
        );
    }

    #[test]
    fn a_resource_must_be_an_arn() {
        let text = r#"{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"bucket"}}"#;
        assert_eq!(
            words(text, PolicyKind::Identity),
            "Resource bucket must be in ARN format or \"*\"."
        );
    }

    #[test]
    fn what_an_older_parser_trips_over_is_said_so() {
        let date = r#"{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"DateLessThan":{"aws:CurrentTime":"soon"}}}}"#;
        assert_eq!(
            words(date, PolicyKind::Identity),
            "The policy failed legacy parsing"
        );
        let good = date.replace("soon", "2026-12-31T00:00:00Z");
        assert_eq!(words(&good, PolicyKind::Identity), "fine");
        let short =
            r#"{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3::bucket"}}"#;
        assert_eq!(
            words(short, PolicyKind::Identity),
            "The policy failed legacy parsing"
        );
    }

    #[test]
    fn a_trust_policy_may_only_assume() {
        let text = r#"{"Statement":{"Effect":"Allow","Principal":{"Service":"a.amazonaws.com"},"Action":"sts:Assume"}}"#;
        assert!(words(text, PolicyKind::Trust).starts_with("AssumeRole policy may only"));
        assert_eq!(
            words(
                &text.replace("sts:Assume", "sts:Assume*"),
                PolicyKind::Trust
            ),
            "fine"
        );
    }

    #[test]
    fn a_misspelt_element_is_a_syntax_error() {
        let text = r#"{"Statement":{"Effect":"Allow","Actions":"s3:*","Resource":"*"}}"#;
        assert_eq!(
            words(text, PolicyKind::Identity),
            "Syntax errors in policy."
        );
    }
}
