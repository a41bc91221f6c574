//! The operations on roles, and how roles look in XML.

use std::collections::BTreeMap;

use crate::wire::{Form, ServiceError, element, encode, iso8601, random_id};

use super::call::{IamCall, IamResult, check_path, description, invalid, page, role_name};
use super::documents::{self, PolicyKind};
use super::{Access, CAPITALS, Change, Role, attachments, tags};

/// AWS's default quota of roles in one account.
const ROLES_QUOTA: usize = 1000;

pub(super) fn create(call: &IamCall<'_>) -> IamResult {
    let name = role_name(call.form)?;
    let path = call.form.get("Path").unwrap_or("/").to_owned();
    let trust = call.form.required("AssumeRolePolicyDocument")?;
    let arn = call.arn(&format!("role{path}{name}"));
    call.allowed("iam:CreateRole", &arn)?;
    if !call.form.tags("Tags").is_empty() {
        call.allowed("iam:TagRole", &arn)?;
    }
    check_path(&path)?;
    documents::check(trust, PolicyKind::Trust)?;
    check_trust_size(trust)?;
    let boundary = attachments::boundary(call)?;
    let now_ms = call.now_ms();
    let mut state = call.iam.lock();
    if state.roles.contains_key(&name.to_lowercase()) {
        let words = format!("Role with name {name} already exists.");
        return Err(ServiceError::new(409, "EntityAlreadyExists", words));
    }
    if state.roles.len() >= ROLES_QUOTA {
        let words = format!("Cannot exceed quota for RolesPerAccount: {ROLES_QUOTA}");
        return Err(ServiceError::new(409, "LimitExceeded", words));
    }
    let role = Role {
        id: format!("AROA{}", random_id(CAPITALS, 17)),
        arn,
        path,
        description: description(call.form)?,
        max_session_seconds: session_seconds(call.form)?.unwrap_or(3600),
        created_ms: now_ms,
        tags: tags::merged(&BTreeMap::new(), call.form.tags("Tags"), tags::OF_ROLE)?,
        history: vec![Change {
            at_ms: now_ms,
            access: Access {
                trust: trust.to_owned(),
                boundary,
                ..Access::default()
            },
        }],
        name: name.clone(),
    };
    let xml = created_xml(&role);
    state.roles.insert(name.to_lowercase(), role);
    Ok(xml)
}

pub(super) fn get(call: &IamCall<'_>) -> IamResult {
    call.with_role("iam:GetRole", |role| Ok(role_xml(role, true)))
}

pub(super) fn list(call: &IamCall<'_>) -> IamResult {
    call.allowed("iam:ListRoles", "*")?;
    let prefix = call.form.get("PathPrefix").unwrap_or("/");
    let state = call.iam.lock();
    let mut roles: Vec<_> = state
        .roles
        .values()
        .filter(|r| r.path.starts_with(prefix))
        .collect();
    roles.sort_by(|a, b| a.name.cmp(&b.name));
    let rows = roles.into_iter().map(|role| {
        let inner = role_xml(role, false);
        let inner = inner
            .trim_start_matches("<Role>")
            .trim_end_matches("</Role>")
            .to_owned();
        format!("<member>{inner}</member>")
    });
    page(call.form, "Roles", rows.collect())
}

pub(super) fn update(call: &IamCall<'_>, only_description: bool) -> IamResult {
    let (description, seconds) = (description(call.form)?, session_seconds(call.form)?);
    call.with_role(&format!("iam:{}", call.operation), |role| {
        if description.is_some() {
            role.description = description;
        }
        // UpdateRole without a duration applies the default one; a description stays.
        if !only_description {
            role.max_session_seconds = seconds.unwrap_or(3600);
        }
        // Clients expect the wrapper of the result even if it is empty.
        Ok(if only_description {
            format!("<Role>{}</Role>", described(role))
        } else {
            "
"
            .to_owned()
        })
    })
}

pub(super) fn update_trust(call: &IamCall<'_>) -> IamResult {
    let trust = call.form.required("PolicyDocument")?;
    documents::check(trust, PolicyKind::Trust)?;
    check_trust_size(trust)?;
    call.with_role("iam:UpdateAssumeRolePolicy", |role| {
        call.change(role, |access| access.trust = trust.to_owned());
        Ok(String::new())
    })
}

pub(super) fn delete(call: &IamCall<'_>) -> IamResult {
    let name = call.with_role("iam:DeleteRole", |role| {
        let conflict = |words: &str| Err(ServiceError::new(409, "DeleteConflict", words));
        if !role.access().attached.is_empty() {
            return conflict("Cannot delete entity, must detach all policies first.");
        }
        if !role.access().inline.is_empty() {
            return conflict("Cannot delete entity, must delete policies first.");
        }
        Ok(role.name.clone())
    })?;
    call.iam.lock().roles.remove(&name.to_lowercase());
    Ok(String::new())
}

pub(super) fn tag(call: &IamCall<'_>) -> IamResult {
    let wanted = call.form.tags("Tags");
    call.with_role("iam:TagRole", |role| {
        // The code was recorded; the words are ours.
        if wanted.is_empty() {
            let words = "The list of tags must not be empty.";
            return Err(ServiceError::new(400, "InvalidInput", words));
        }
        role.tags = tags::merged(&role.tags, wanted, tags::OF_ROLE)?;
        Ok(String::new())
    })
}

pub(super) fn untag(call: &IamCall<'_>) -> IamResult {
    let keys = call.form.list("TagKeys");
    tags::check_keys(&keys)?;
    call.with_role("iam:UntagRole", |role| {
        role.tags.retain(|key, _| !keys.contains(key));
        Ok(String::new())
    })
}

pub(super) fn list_tags(call: &IamCall<'_>) -> IamResult {
    call.with_role("iam:ListRoleTags", |role| {
        page(call.form, "Tags", tags::rows(&role.tags))
    })
}

/// Instance profiles are not part of the local cloud, so no role is in one.
pub(super) fn list_instance_profiles(call: &IamCall<'_>) -> IamResult {
    call.with_role("iam:ListInstanceProfilesForRole", |_| {
        page(call.form, "InstanceProfiles", Vec::new())
    })
}

/// A role as CreateRole and GetRole show it; lists leave out tags and the last use.
fn role_xml(role: &Role, whole: bool) -> String {
    let mut xml = format!("<Role>{}", described(role));
    xml += &element("MaxSessionDuration", &role.max_session_seconds.to_string());
    if whole {
        xml += &boundary_and_tags(role);
        xml += "<RoleLastUsed/>";
    }
    xml + "</Role>"
}

/// What CreateRole shows: neither description nor the longest session.
fn created_xml(role: &Role) -> String {
    format!(
        "<Role>{}{}</Role>",
        identified(role),
        boundary_and_tags(role)
    )
}

fn boundary_and_tags(role: &Role) -> String {
    let boundary = role.access().boundary.as_ref().map(|boundary| {
        format!(
            "<PermissionsBoundary><PermissionsBoundaryType>PermissionsBoundaryPolicy</PermissionsBoundaryType>{}</PermissionsBoundary>",
            element("PermissionsBoundaryArn", boundary)
        )
    });
    let tags = (!role.tags.is_empty())
        .then(|| format!("<Tags>{}</Tags>", tags::rows(&role.tags).concat()));
    boundary.unwrap_or_default() + &tags.unwrap_or_default()
}

/// All that UpdateRoleDescription shows of a role.
fn described(role: &Role) -> String {
    let description = role.description.as_ref();
    let description = description.map(|text| element("Description", text));
    identified(role) + &description.unwrap_or_default()
}

fn identified(role: &Role) -> String {
    let mut xml = element("Path", &role.path);
    xml += &element("RoleName", &role.name);
    xml += &element("RoleId", &role.id);
    xml += &element("Arn", &role.arn);
    xml += &element("CreateDate", &iso8601(role.created_ms));
    xml + &element("AssumeRolePolicyDocument", &encode(&role.access().trust))
}

/// White space does not count towards the quota.
fn check_trust_size(trust: &str) -> Result<(), ServiceError> {
    if trust.chars().filter(|c| !c.is_whitespace()).count() > 2048 {
        return Err(ServiceError::new(
            409,
            "LimitExceeded",
            "Cannot exceed quota for ACLSizePerRole: 2048",
        ));
    }
    Ok(())
}

fn session_seconds(form: &Form) -> Result<Option<u32>, ServiceError> {
    let Some(text) = form.get("MaxSessionDuration") else {
        return Ok(None);
    };
    match text.parse() {
        Ok(seconds @ 3600..=43200) => Ok(Some(seconds)),
        Ok(seconds) => {
            let (order, limit) = if seconds < 3600 {
                ("greater", 3600)
            } else {
                ("less", 43200)
            };
            Err(invalid(&format!(
                "1 validation error detected: Value '{seconds}' at 'maxSessionDuration' failed to satisfy constraint: Member must have value {order} than or equal to {limit}"
            )))
        }
        Err(_) => Err(ServiceError::new(
            400,
            "MalformedInput",
            "MaxSessionDuration must be a number",
        )),
    }
}
