//! The operations on managed policies and their tags.
//!
//! Names are unique in the account whatever their case or path. AWS's own policies can only be read. A policy keeps
//! its first version: there is no CreatePolicyVersion here.

use super::call::{IamCall, IamResult, check_path, checked_name, description, invalid, page};
use super::documents::{self, PolicyKind};
use super::managed::{self, Policy};
use super::tags;
use super::{CAPITALS, Iam, IamState, Role};
use crate::wire::{ServiceError, element, encode, iso8601, random_id};

/// A document's characters without white space.
const SIZE_QUOTA: usize = 6144;
const POLICIES_QUOTA: usize = 1500;

pub(super) fn create(call: &IamCall<'_>) -> IamResult {
    let name = checked_name(call.form, "PolicyName", "policyName", 128)?;
    let path = call.form.get("Path").unwrap_or("/");
    check_path(path)?;
    let document = call.form.required("PolicyDocument")?;
    let now_ms = call.now_ms();
    let mut policy = Policy::new(&name, path, &call.iam.shared.account_id, document, now_ms);
    call.allowed("iam:CreatePolicy", &policy.arn)?;
    check_document(document)?;
    policy.id = format!("ANPA{}", random_id(CAPITALS, 17));
    policy.description = description(call.form)?;
    policy.tags = tags::merged(&policy.tags, call.form.tags("Tags"), tags::OF_POLICY)?;
    let mut state = call.iam.lock();
    let mut all = state.policies.values();
    if all.any(|known| known.name.eq_ignore_ascii_case(&name)) {
        let words =
            format!("A policy called {name} already exists. Duplicate names are not allowed.");
        return Err(ServiceError::new(409, "EntityAlreadyExists", words));
    }
    if state.policies.len() >= POLICIES_QUOTA {
        return Err(exceeded(&format!(
            "Cannot exceed quota for PoliciesPerAccount: {POLICIES_QUOTA}"
        )));
    }
    let xml = whole(&state, &policy);
    state.policies.insert(policy.arn.clone(), policy);
    Ok(xml)
}

pub(super) fn get(call: &IamCall<'_>) -> IamResult {
    with(call, "iam:GetPolicy", |state, policy| {
        Ok(whole(state, policy))
    })
}

pub(super) fn list(call: &IamCall<'_>) -> IamResult {
    call.allowed("iam:ListPolicies", "*")?;
    let scope = one_of(call, "Scope", "scope", &["All", "AWS", "Local"])?;
    let uses = ["PermissionsPolicy", "PermissionsBoundary"];
    let usage = one_of(call, "PolicyUsageFilter", "policyUsageFilter", &uses)?;
    let prefix = call.form.get("PathPrefix").unwrap_or("/");
    let only_attached = call.form.get("OnlyAttached") == Some("true");
    let state = call.iam.lock();
    let wanted = |policy: &Policy| {
        let (attached, bounding) = state.uses(&policy.arn);
        let used = match usage.as_deref() {
            Some("PermissionsBoundary") => bounding > 0,
            Some(_) => attached > 0,
            None => !only_attached || attached + bounding > 0,
        };
        let owned = match scope.as_deref() {
            Some("AWS") => policy.is_of_aws(),
            Some("Local") => !policy.is_of_aws(),
            _ => true,
        };
        used && owned && policy.path.starts_with(prefix)
    };
    let all = state.policies.values().chain(managed::OF_AWS.iter());
    let mut policies: Vec<&Policy> = all.filter(|policy| wanted(policy)).collect();
    policies.sort_by(|a, b| a.name.cmp(&b.name));
    let rows = policies.iter().map(|policy| {
        let inner = short(&state, policy);
        format!("<member>{inner}</member>")
    });
    page(call.form, "Policies", rows.collect())
}

pub(super) fn delete(call: &IamCall<'_>) -> IamResult {
    let arn = change(call, "iam:DeletePolicy", |state, policy| {
        if state.uses(&policy.arn) != (0, 0) {
            let words = "Cannot delete a policy attached to entities.";
            return Err(ServiceError::new(409, "DeleteConflict", words));
        }
        Ok(policy.arn.clone())
    })?;
    call.iam.lock().policies.remove(&arn);
    Ok(String::new())
}

pub(super) fn get_version(call: &IamCall<'_>) -> IamResult {
    let id = version_id(call)?;
    with(call, "iam:GetPolicyVersion", |_, policy| {
        if policy.version != id {
            let words = format!(
                "Policy {} version {id} does not exist or is not attachable.",
                policy.arn
            );
            return Err(ServiceError::new(404, "NoSuchEntity", words));
        }
        let document = element("Document", &encode(&policy.document));
        let inner = document + &version(policy);
        Ok(format!("<PolicyVersion>{inner}</PolicyVersion>"))
    })
}

/// Documents are left out, as the model says of lists.
pub(super) fn list_versions(call: &IamCall<'_>) -> IamResult {
    with(call, "iam:ListPolicyVersions", |_, policy| {
        let row = format!("<member>{}</member>", version(policy));
        page(call.form, "Versions", vec![row])
    })
}

pub(super) fn tag(call: &IamCall<'_>) -> IamResult {
    let wanted = call.form.tags("Tags");
    change(call, "iam:TagPolicy", |_, policy| {
        policy.tags = tags::merged(&policy.tags, wanted, tags::OF_POLICY)?;
        Ok(String::new())
    })
}

pub(super) fn untag(call: &IamCall<'_>) -> IamResult {
    let keys = call.form.list("TagKeys");
    tags::check_keys(&keys)?;
    change(call, "iam:UntagPolicy", |_, policy| {
        policy.tags.retain(|key, _| !keys.contains(key));
        Ok(String::new())
    })
}

pub(super) fn list_tags(call: &IamCall<'_>) -> IamResult {
    with(call, "iam:ListPolicyTags", |_, policy| {
        page(call.form, "Tags", tags::rows(&policy.tags))
    })
}

/// Reads the policy that the form names.
fn with<T>(
    call: &IamCall<'_>,
    action: &str,
    look: impl FnOnce(&IamState, &Policy) -> Result<T, ServiceError>,
) -> Result<T, ServiceError> {
    let arn = arn(call, "PolicyArn")?;
    call.allowed(action, arn)?;
    managed::refuse_unknown(arn)?;
    let state = call.iam.lock();
    let policy = state.policy(arn).ok_or_else(|| missing(arn))?;
    look(&state, policy)
}

/// Changes the policy that the form names. `state` is as it was before.
///
/// Uncertain: AWS's error for a change of one of its own policies is not known; ours is AccessDenied.
fn change<T>(
    call: &IamCall<'_>,
    action: &str,
    edit: impl FnOnce(&IamState, &mut Policy) -> Result<T, ServiceError>,
) -> Result<T, ServiceError> {
    let arn = arn(call, "PolicyArn")?;
    call.allowed(action, arn)?;
    let mut state = call.iam.lock();
    let mut policy = state.policy(arn).cloned().ok_or_else(|| missing(arn))?;
    if policy.is_of_aws() {
        let words = format!("Policy {arn} belongs to AWS and cannot be changed.");
        return Err(ServiceError::new(403, "AccessDenied", words));
    }
    let done = edit(&state, &mut policy)?;
    state.policies.insert(policy.arn.clone(), policy);
    Ok(done)
}

/// Refuses what is not a policy of an identity.
pub(crate) fn check_identity_policy(text: &str) -> Result<(), ServiceError> {
    documents::check(text, PolicyKind::Identity)
}

impl Iam {
    /// The present document of a managed policy, for a session.
    ///
    /// Uncertain: AWS's error for a session policy that does not exist; ours is that of an attachment.
    pub(crate) fn managed_document(&self, arn: &str) -> Result<String, ServiceError> {
        managed::refuse_unknown(arn)?;
        let state = self.lock();
        let document = state
            .policy(arn)
            .and_then(|policy| policy.effective(i64::MAX));
        document.map(str::to_owned).ok_or_else(|| {
            let words = format!("Policy {arn} does not exist or is not attachable.");
            ServiceError::new(404, "NoSuchEntity", words)
        })
    }
}

impl IamState {
    /// A managed policy of the account or of AWS.
    pub(super) fn policy(&self, arn: &str) -> Option<&Policy> {
        let of_aws = || managed::OF_AWS.iter().find(|policy| policy.arn == arn);
        self.policies.get(arn).or_else(of_aws)
    }

    /// How many roles have it attached, and how many as their boundary.
    fn uses(&self, arn: &str) -> (usize, usize) {
        let roles = || self.roles.values().map(Role::access);
        let attached = roles().filter(|access| access.attached.contains(arn));
        let bounding = roles().filter(|access| access.boundary.as_deref() == Some(arn));
        (attached.count(), bounding.count())
    }
}

/// As CreatePolicy and GetPolicy show it.
fn whole(state: &IamState, policy: &Policy) -> String {
    let mut xml = short(state, policy);
    if let Some(description) = &policy.description {
        xml += &element("Description", description);
    }
    if !policy.tags.is_empty() {
        xml += &format!("<Tags>{}</Tags>", tags::rows(&policy.tags).concat());
    }
    format!("<Policy>{xml}</Policy>")
}

/// As lists show it: without description and tags.
fn short(state: &IamState, policy: &Policy) -> String {
    let (attached, bounding) = state.uses(&policy.arn);
    element("PolicyName", &policy.name)
        + &element("PolicyId", &policy.id)
        + &element("Arn", &policy.arn)
        + &element("Path", &policy.path)
        + &element("DefaultVersionId", &policy.version)
        + &element("AttachmentCount", &attached.to_string())
        + &element("PermissionsBoundaryUsageCount", &bounding.to_string())
        + &element("IsAttachable", "true")
        + &element("CreateDate", &iso8601(policy.created_ms))
        + &element("UpdateDate", &iso8601(policy.updated_ms))
}

fn version(policy: &Policy) -> String {
    element("VersionId", &policy.version)
        + &element("IsDefaultVersion", "true")
        + &element("CreateDate", &iso8601(policy.updated_ms))
}

fn check_document(text: &str) -> Result<(), ServiceError> {
    documents::check(text, PolicyKind::Managed)?;
    if text.chars().filter(|c| !c.is_whitespace()).count() > SIZE_QUOTA {
        return Err(exceeded(&format!(
            "Cannot exceed quota for PolicySize: {SIZE_QUOTA}"
        )));
    }
    Ok(())
}

fn version_id(call: &IamCall<'_>) -> Result<String, ServiceError> {
    let id = call.form.required("VersionId")?;
    let number = id.strip_prefix('v').unwrap_or_default();
    let number = number.split_once('.').map_or(number, |(number, _)| number);
    let counts = !number.starts_with('0') && number.parse::<u32>().is_ok();
    if counts {
        return Ok(id.to_owned());
    }
    Err(invalid(&format!(
        "1 validation error detected: Value '{id}' at 'versionId' failed to satisfy constraint: Member must satisfy regular expression pattern: v[1-9][0-9]*(\\.[A-Za-z0-9-]*)?"
    )))
}

/// A parameter that must be one of a few words, if it is there.
fn one_of(
    call: &IamCall<'_>,
    name: &str,
    field: &str,
    words: &[&str],
) -> Result<Option<String>, ServiceError> {
    match call.form.get(name) {
        Some(word) if !words.contains(&word) => Err(invalid(&format!(
            "1 validation error detected: Value '{word}' at '{field}' failed to satisfy constraint: Member must satisfy enum value set: [{}]",
            words.join(", ")
        ))),
        word => Ok(word.map(str::to_owned)),
    }
}

/// A policy's ARN, checked for its form.
pub(super) fn arn<'a>(call: &'a IamCall<'_>, parameter: &str) -> Result<&'a str, ServiceError> {
    let arn = call.form.required(parameter)?;
    if arn.starts_with("arn:") && arn.split(':').count() >= 6 {
        return Ok(arn);
    }
    if arn.chars().count() < 20 {
        return Err(invalid(&format!(
            "1 validation error detected: Value '{arn}' at 'policyArn' failed to satisfy constraint: Member must have length greater than or equal to 20"
        )));
    }
    // The two blanks are IAM's own.
    Err(invalid("Invalid ARN:  Could not be parsed!"))
}

/// Whether a policy exists and could be attached; needs no right to read it.
pub(super) fn exists(call: &IamCall<'_>, arn: &str) -> bool {
    call.iam.lock().policy(arn).is_some()
}

fn missing(arn: &str) -> ServiceError {
    ServiceError::new(404, "NoSuchEntity", format!("Policy {arn} was not found."))
}

fn exceeded(words: &str) -> ServiceError {
    ServiceError::new(409, "LimitExceeded", words)
}
