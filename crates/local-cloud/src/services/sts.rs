//! STS: GetCallerIdentity, and temporary keys for a role.

use std::collections::BTreeMap;

use crate::services::iam::{self, Iam, Principal, SessionSettings};
use crate::shared::Shared;
use crate::wire::{Form, Request, Response, ServiceError, element, iso8601};

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// Parameters of AssumeRole that are not here.
const NOT_HERE: [&str; 5] = [
    "ProvidedContexts.member.1.ProviderArn",
    "SerialNumber",
    "SourceIdentity",
    "TokenCode",
    "TransitiveTagKeys.member.1",
];

/// Answers a request.
pub(crate) fn serve(shared: &Shared, iam: &Iam, request: &Request) -> Response {
    let answer = answer(shared, iam, request);
    match answer {
        Ok(inner) => Response::query(NAMESPACE, &request.operation, &inner, &request.request_id),
        Err(error) => iam::refused(error).xml(NAMESPACE, &request.request_id),
    }
    .identified(&request.request_id)
}

/// Some operations of STS are called unsigned, so an operation that is not here is refused before the signature
/// is checked.
fn answer(shared: &Shared, iam: &Iam, request: &Request) -> Result<String, ServiceError> {
    match request.operation.as_str() {
        "GetCallerIdentity" => Ok(identity(shared, iam, &iam.admit(request)?)),
        "AssumeRole" => {
            let caller = iam.admit(request)?;
            assume_role(shared, iam, &caller, &request.form())
        }
        other => Err(ServiceError::not_here("sts", other)),
    }
}

fn identity(shared: &Shared, iam: &Iam, caller: &Principal) -> String {
    let user_id = match caller {
        Principal::Root => shared.account_id.clone(),
        Principal::Session {
            role_arn,
            session_name,
            ..
        } => {
            format!(
                "{}:{session_name}",
                iam.role_id(role_arn).unwrap_or_default()
            )
        }
    };
    element("Arn", &caller.arn(&shared.account_id))
        + &element("UserId", &user_id)
        + &element("Account", &shared.account_id)
}

fn assume_role(
    shared: &Shared,
    iam: &Iam,
    caller: &Principal,
    form: &Form,
) -> Result<String, ServiceError> {
    let role_arn = form.required("RoleArn")?;
    let session_name = form.required("RoleSessionName")?;
    check_session_name(session_name)?;
    check_role_arn(role_arn)?;
    let settings = settings(iam, form)?;
    let seconds = duration(form)?;
    let mut actions = vec!["sts:AssumeRole"];
    actions.extend((!settings.tags.is_empty()).then_some("sts:TagSession"));
    let context = context(form, &settings);
    for action in actions {
        if !iam.assumable_by(caller, role_arn, (action, &context)) {
            let user = caller.arn(&shared.account_id);
            let words = format!(
                "User: {user} is not authorized to perform: {action} on resource: {role_arn}"
            );
            return Err(ServiceError::new(403, "AccessDenied", words));
        }
    }
    if iam
        .longest_session(role_arn)
        .is_some_and(|longest| seconds > longest)
    {
        let words =
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
        return Err(ServiceError::new(400, "ValidationError", words));
    }
    let expires_ms = shared.clock.now_ms() + i64::from(seconds) * 1000;
    let packed = packed_size(&settings);
    let keys = iam.issue(role_arn, session_name, Some(expires_ms), settings);
    let session = Principal::session(role_arn, session_name);
    let id = format!(
        "{}:{session_name}",
        iam.role_id(role_arn).unwrap_or_default()
    );
    let credentials = element("AccessKeyId", &keys.access_key_id)
        + &element("SecretAccessKey", &keys.secret_access_key)
        + &element("SessionToken", &keys.session_token)
        + &element("Expiration", &iso8601(expires_ms));
    let user = element("AssumedRoleId", &id) + &element("Arn", &session.arn(&shared.account_id));
    Ok(format!(
        "<Credentials>{credentials}</Credentials><AssumedRoleUser>{user}</AssumedRoleUser>{packed}"
    ))
}

/// The session's own policies and tags. What would restrict or name the session and is not here is refused.
fn settings(iam: &Iam, form: &Form) -> Result<SessionSettings, ServiceError> {
    let tags = checked_tags(form)?;
    if let Some(name) = NOT_HERE.iter().find(|name| form.get(name).is_some()) {
        let name = name.split('.').next().unwrap_or_default();
        return Err(ServiceError::not_here(
            "sts",
            &format!("AssumeRole with {name}"),
        ));
    }
    let mut policies = Vec::new();
    if let Some(text) = form.get("Policy").filter(|text| !text.is_empty()) {
        if text.chars().count() > 2048 {
            let words = format!(
                "1 validation error detected: Value '{text}' at 'policy' failed to satisfy constraint: Member must have length less than or equal to 2048"
            );
            return Err(ServiceError::new(400, "ValidationError", words));
        }
        iam::check_identity_policy(text)?;
        policies.push(text.to_owned());
    }
    for number in 1.. {
        let Some(arn) = form.get(&format!("PolicyArns.member.{number}.arn")) else {
            break;
        };
        policies.push(iam.managed_document(arn)?);
    }
    Ok(SessionSettings { policies, tags })
}

/// The condition keys that a trust policy can ask for.
fn context(form: &Form, settings: &SessionSettings) -> Vec<(String, Vec<String>)> {
    let given = |key: &str, name: &str| Some((key.to_owned(), vec![form.get(name)?.to_owned()]));
    let mut keys: Vec<_> = [
        given("sts:externalid", "ExternalId"),
        given("sts:rolesessionname", "RoleSessionName"),
    ]
    .into_iter()
    .flatten()
    .collect();
    for (key, value) in &settings.tags {
        let name = format!("aws:requesttag/{}", key.to_ascii_lowercase());
        keys.push((name, vec![value.clone()]));
    }
    if !settings.tags.is_empty() {
        keys.push((
            "aws:tagkeys".to_owned(),
            settings.tags.keys().cloned().collect(),
        ));
    }
    keys
}

/// `PackedPolicySize`, in percent, where there is something to pack.
///
/// Uncertain: AWS packs in a format of its own; here it is the length of the texts against the limit of a policy.
fn packed_size(settings: &SessionSettings) -> String {
    let texts = settings
        .tags
        .iter()
        .map(|(key, value)| key.len() + value.len());
    let size: usize = settings.policies.iter().map(String::len).chain(texts).sum();
    if size == 0 {
        return String::new();
    }
    element(
        "PackedPolicySize",
        &(size * 100 / 2048).clamp(1, 100).to_string(),
    )
}

fn check_role_arn(arn: &str) -> Result<(), ServiceError> {
    let parts: Vec<_> = arn.splitn(6, ':').collect();
    let fine = match parts.as_slice() {
        ["arn", partition, "iam", "", account, resource] => {
            let digits = account.len() == 12 && account.chars().all(|c| c.is_ascii_digit());
            partition.starts_with("aws") && digits && resource.starts_with("role/")
        }
        _ => false,
    };
    if fine {
        return Ok(());
    }
    let words = format!("{arn} is invalid");
    Err(ServiceError::new(400, "ValidationError", words))
}

fn checked_tags(form: &Form) -> Result<BTreeMap<String, String>, ServiceError> {
    let refused = |words| Err(ServiceError::new(400, "InvalidParameterValue", words));
    let tags = form.tags("Tags");
    let mut keys: Vec<_> = tags.iter().map(|(key, _)| key.to_lowercase()).collect();
    keys.sort_unstable();
    if keys.windows(2).any(|pair| pair[0] == pair[1]) {
        return refused(
            "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
        );
    }
    let mut transitive = form.list("TransitiveTagKeys").into_iter();
    if transitive.any(|key| !keys.contains(&key.to_lowercase())) {
        return refused("The specified transitive tag key must be included in the requested tags.");
    }
    Ok(tags.into_iter().collect())
}

fn check_session_name(name: &str) -> Result<(), ServiceError> {
    let fine = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    let rule = match name.len() {
        0..2 => "Member must have length greater than or equal to 2",
        65.. => "Member must have length less than or equal to 64",
        _ if name.chars().all(fine) => return Ok(()),
        _ => "Member must satisfy regular expression pattern: [\\w+=,.@-]*",
    };
    let words = format!(
        "1 validation error detected: Value '{name}' at 'roleSessionName' failed to satisfy constraint: {rule}"
    );
    Err(ServiceError::new(400, "ValidationError", words))
}

fn duration(form: &Form) -> Result<u32, ServiceError> {
    match form.get("DurationSeconds").map(str::parse::<u32>) {
        None => Ok(3600),
        Some(Ok(seconds @ 900..=43200)) => Ok(seconds),
        Some(_) => Err(ServiceError::new(
            400,
            "ValidationError",
            "1 validation error detected: Value at 'durationSeconds' failed to satisfy constraint: Member must have value between 900 and 43200",
        )),
    }
}
