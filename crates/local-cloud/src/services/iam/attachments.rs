//! The policies of a role: inline, attached managed ones, and its permissions boundary.

use super::call::{IamCall, IamResult, checked_name, invalid, page};
use super::documents::{self, PolicyKind};
use super::{managed, policies};
use crate::wire::{ServiceError, element, encode};

/// All inline policies of a role together, without white space.
const INLINE_QUOTA: usize = 10_240;
/// Managed policies on one role.
const ATTACHED_QUOTA: usize = 10;

pub(super) fn put_policy(call: &IamCall<'_>) -> IamResult {
    let name = policy_name(call)?;
    let text = call.form.required("PolicyDocument")?;
    documents::check(text, PolicyKind::Identity)?;
    call.with_role("iam:PutRolePolicy", |role| {
        let others = role
            .access()
            .inline
            .iter()
            .filter(|(known, _)| **known != name);
        let size: usize = others.map(|(_, text)| dense(text)).sum::<usize>() + dense(text);
        if size > INLINE_QUOTA {
            let words = format!(
                "Maximum policy size of {INLINE_QUOTA} bytes exceeded for role {}",
                role.name
            );
            return Err(ServiceError::new(409, "LimitExceeded", words));
        }
        call.change(role, |access| {
            access.inline.insert(name, text.to_owned());
        });
        Ok(String::new())
    })
}

pub(super) fn get_policy(call: &IamCall<'_>) -> IamResult {
    let name = policy_name(call)?;
    call.with_role("iam:GetRolePolicy", |role| {
        let text = role
            .access()
            .inline
            .get(&name)
            .ok_or_else(|| no_policy(&name))?;
        Ok(element("RoleName", &role.name)
            + &element("PolicyName", &name)
            + &element("PolicyDocument", &encode(text)))
    })
}

pub(super) fn list_policies(call: &IamCall<'_>) -> IamResult {
    call.with_role("iam:ListRolePolicies", |role| {
        let names = role
            .access()
            .inline
            .keys()
            .map(|name| element("member", name));
        page(call.form, "PolicyNames", names.collect())
    })
}

pub(super) fn delete_policy(call: &IamCall<'_>) -> IamResult {
    let name = policy_name(call)?;
    call.with_role("iam:DeleteRolePolicy", |role| {
        if !role.access().inline.contains_key(&name) {
            return Err(no_policy(&name));
        }
        call.change(role, |access| {
            access.inline.remove(&name);
        });
        Ok(String::new())
    })
}

pub(super) fn attach(call: &IamCall<'_>) -> IamResult {
    let named = policies::arn(call, "PolicyArn")?;
    let arn = named.to_owned();
    managed::refuse_unknown(&arn)?;
    let exists = policies::exists(call, &arn);
    call.with_role_if(
        "iam:AttachRolePolicy",
        &[("iam:PolicyARN", named)],
        |role| {
            if !exists {
                let words = format!("Policy {arn} does not exist or is not attachable.");
                return Err(ServiceError::new(404, "NoSuchEntity", words));
            }
            let attached = &role.access().attached;
            if !attached.contains(&arn) && attached.len() >= ATTACHED_QUOTA {
                let words = format!("Cannot exceed quota for PoliciesPerRole: {ATTACHED_QUOTA}");
                return Err(ServiceError::new(409, "LimitExceeded", words));
            }
            if !attached.contains(&arn) {
                call.change(role, |access| {
                    access.attached.insert(arn);
                });
            }
            Ok(String::new())
        },
    )
}

pub(super) fn detach(call: &IamCall<'_>) -> IamResult {
    let named = policies::arn(call, "PolicyArn")?;
    let arn = named.to_owned();
    call.with_role_if(
        "iam:DetachRolePolicy",
        &[("iam:PolicyARN", named)],
        |role| {
            if !role.access().attached.contains(&arn) {
                return Err(ServiceError::new(
                    404,
                    "NoSuchEntity",
                    format!("Policy {arn} was not found."),
                ));
            }
            call.change(role, |access| {
                access.attached.remove(&arn);
            });
            Ok(String::new())
        },
    )
}

pub(super) fn list_attached(call: &IamCall<'_>) -> IamResult {
    let prefix = call.form.get("PathPrefix").unwrap_or("/").to_owned();
    let action = "iam:ListAttachedRolePolicies";
    let attached = call.with_role(action, |role| Ok(role.access().attached.clone()))?;
    let state = call.iam.lock();
    let policies = attached.iter().filter_map(|arn| state.policy(arn));
    let mut policies: Vec<_> = policies
        .filter(|one| one.path.starts_with(&prefix))
        .collect();
    policies.sort_by(|a, b| a.name.cmp(&b.name));
    let rows = policies.iter().map(|policy| {
        let inner = element("PolicyName", &policy.name) + &element("PolicyArn", &policy.arn);
        format!("<member>{inner}</member>")
    });
    page(call.form, "AttachedPolicies", rows.collect())
}

pub(super) fn put_boundary(call: &IamCall<'_>) -> IamResult {
    let boundary = boundary(call)?;
    call.with_role("iam:PutRolePermissionsBoundary", |role| {
        call.change(role, |access| access.boundary = boundary);
        Ok(String::new())
    })
}

/// Uncertain: AWS documents NoSuchEntity and does not say whether for a role without a boundary. We chose
/// that this is no error.
pub(super) fn delete_boundary(call: &IamCall<'_>) -> IamResult {
    call.with_role("iam:DeleteRolePermissionsBoundary", |role| {
        call.change(role, |access| access.boundary = None);
        Ok(String::new())
    })
}

/// The policy that the form names as a boundary; it must exist.
pub(super) fn boundary(call: &IamCall<'_>) -> Result<Option<String>, ServiceError> {
    let Some(arn) = call.form.get("PermissionsBoundary") else {
        return Ok(None);
    };
    if !arn.starts_with("arn:") || !arn.contains(":policy/") {
        let words = format!("Value ({arn}) for parameter PermissionsBoundary is invalid.");
        return Err(invalid(&words));
    }
    managed::refuse_unknown(arn)?;
    if !policies::exists(call, arn) {
        let words = format!("Scope ARN: {arn} does not exist or is not attachable.");
        return Err(ServiceError::new(404, "NoSuchEntity", words));
    }
    Ok(Some(arn.to_owned()))
}

fn policy_name(call: &IamCall<'_>) -> Result<String, ServiceError> {
    checked_name(call.form, "PolicyName", "policyName", 128)
}

fn no_policy(name: &str) -> ServiceError {
    ServiceError::new(
        404,
        "NoSuchEntity",
        format!("The role policy with name {name} cannot be found."),
    )
}

/// White space does not count towards the quotas.
fn dense(text: &str) -> usize {
    text.chars().filter(|c| !c.is_whitespace()).count()
}
