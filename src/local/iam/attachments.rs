//! What hangs on a role: inline policies, attached managed policies, and AWS's managed policies
//! themselves.

use super::super::wire::{Fault, element, encode};
use super::documents::{self, Kind};
use super::managed::{self, Managed};
use super::wire::{Answer, Call, checked_name, invalid, page};
use super::{Iam, Role};

/// All inline policies of a role together, without white space.
const INLINE_QUOTA: usize = 10_240;
/// Managed policies on one role.
const ATTACHED_QUOTA: usize = 10;

pub(super) fn answer(iam: &Iam, call: &Call<'_>) -> Answer {
    match call.operation() {
        "PutRolePolicy" => put_policy(iam, call),
        "GetRolePolicy" => get_policy(iam, call),
        "ListRolePolicies" => list_policies(iam, call),
        "DeleteRolePolicy" => delete_policy(iam, call),
        "AttachRolePolicy" => attach(iam, call),
        "DetachRolePolicy" => detach(iam, call),
        "ListAttachedRolePolicies" => list_attached(iam, call),
        "GetPolicy" => get_managed(iam, call),
        "GetPolicyVersion" => get_managed_version(call),
        other => Err(Fault::not_here("iam", other)),
    }
}

fn put_policy(iam: &Iam, call: &Call<'_>) -> Answer {
    let name = policy_name(call)?;
    let text = call.form.required("PolicyDocument")?;
    documents::check(text, Kind::Identity)?;
    iam.with_role(call, "iam:PutRolePolicy", |role| {
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
            return Err(Fault::new(409, "LimitExceeded", words));
        }
        call.change(role, |access| {
            access.inline.insert(name, text.to_owned());
        });
        Ok(String::new())
    })
}

fn get_policy(iam: &Iam, call: &Call<'_>) -> Answer {
    let name = policy_name(call)?;
    iam.with_role(call, "iam:GetRolePolicy", |role| {
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

fn list_policies(iam: &Iam, call: &Call<'_>) -> Answer {
    iam.with_role(call, "iam:ListRolePolicies", |role| {
        let names = role
            .access()
            .inline
            .keys()
            .map(|name| element("member", name));
        page(call.form, "PolicyNames", names.collect())
    })
}

fn delete_policy(iam: &Iam, call: &Call<'_>) -> Answer {
    let name = policy_name(call)?;
    iam.with_role(call, "iam:DeleteRolePolicy", |role| {
        if !role.access().inline.contains_key(&name) {
            return Err(no_policy(&name));
        }
        call.change(role, |access| {
            access.inline.remove(&name);
        });
        Ok(String::new())
    })
}

fn attach(iam: &Iam, call: &Call<'_>) -> Answer {
    let arn = policy_arn(call)?.to_owned();
    iam.with_role(call, "iam:AttachRolePolicy", |role| {
        if managed::find(&arn).is_none() {
            let words = format!("Policy {arn} does not exist or is not attachable.");
            return Err(Fault::new(404, "NoSuchEntity", words));
        }
        let attached = &role.access().attached;
        if !attached.contains(&arn) && attached.len() >= ATTACHED_QUOTA {
            let words = format!("Cannot exceed quota for PoliciesPerRole: {ATTACHED_QUOTA}");
            return Err(Fault::new(409, "LimitExceeded", words));
        }
        if !attached.contains(&arn) {
            call.change(role, |access| {
                access.attached.insert(arn);
            });
        }
        Ok(String::new())
    })
}

fn detach(iam: &Iam, call: &Call<'_>) -> Answer {
    let arn = policy_arn(call)?.to_owned();
    iam.with_role(call, "iam:DetachRolePolicy", |role| {
        if !role.access().attached.contains(&arn) {
            return Err(Fault::new(
                404,
                "NoSuchEntity",
                format!("Policy {arn} was not found."),
            ));
        }
        call.change(role, |access| {
            access.attached.remove(&arn);
        });
        Ok(String::new())
    })
}

fn list_attached(iam: &Iam, call: &Call<'_>) -> Answer {
    let prefix = call.form.get("PathPrefix").unwrap_or("/").to_owned();
    iam.with_role(call, "iam:ListAttachedRolePolicies", |role| {
        let policies = role
            .access()
            .attached
            .iter()
            .filter_map(|arn| Some((arn, managed::find(arn)?)));
        let rows = policies
            .filter(|_| "/service-role/".starts_with(&prefix))
            .map(|(arn, policy)| {
                let inner = element("PolicyName", policy.name) + &element("PolicyArn", arn);
                format!("<member>{inner}</member>")
            });
        page(call.form, "AttachedPolicies", rows.collect())
    })
}

fn get_managed(iam: &Iam, call: &Call<'_>) -> Answer {
    let arn = policy_arn(call)?;
    call.allowed("iam:GetPolicy", arn)?;
    let policy = existing(arn)?;
    let count = iam.count_roles(|role| role.access().attached.contains(arn));
    let mut xml = String::from("<Policy>");
    xml += &element("PolicyName", policy.name);
    xml += &element("PolicyId", policy.id);
    xml += &element("Arn", arn);
    xml += &element("Path", "/service-role/");
    xml += &element("DefaultVersionId", "v1");
    xml += &element("AttachmentCount", &count.to_string());
    xml += &element("PermissionsBoundaryUsageCount", "0");
    xml += &element("IsAttachable", "true");
    xml += &element("Description", policy.description);
    xml += &element("CreateDate", policy.created);
    xml += &element("UpdateDate", policy.created);
    Ok(xml + "</Policy>")
}

fn get_managed_version(call: &Call<'_>) -> Answer {
    let arn = policy_arn(call)?;
    call.allowed("iam:GetPolicyVersion", arn)?;
    let policy = existing(arn)?;
    let version = call.form.required("VersionId")?;
    if version != "v1" {
        let words = format!("Policy {arn} version {version} does not exist or is not attachable.");
        return Err(Fault::new(404, "NoSuchEntity", words));
    }
    Ok(format!(
        "<PolicyVersion>{}{}{}{}</PolicyVersion>",
        element("Document", &encode(policy.document)),
        element("VersionId", version),
        element("IsDefaultVersion", "true"),
        element("CreateDate", policy.created),
    ))
}

impl Iam {
    fn count_roles(&self, wanted: impl Fn(&Role) -> bool) -> usize {
        self.lock()
            .roles
            .values()
            .filter(|role| wanted(role))
            .count()
    }
}

fn existing(arn: &str) -> Result<&'static Managed, Fault> {
    managed::find(arn).ok_or_else(|| {
        Fault::new(
            404,
            "NoSuchEntity",
            format!("Policy {arn} does not exist or is not attachable."),
        )
    })
}

fn policy_name(call: &Call<'_>) -> Result<String, Fault> {
    checked_name(call.form, "PolicyName", "policyName", 128)
}

fn policy_arn<'a>(call: &'a Call<'_>) -> Result<&'a str, Fault> {
    let arn = call.form.required("PolicyArn")?;
    if arn.starts_with("arn:") && arn.split(':').count() >= 6 {
        return Ok(arn);
    }
    if arn.chars().count() < 20 {
        return Err(invalid(&format!(
            "1 validation error detected: Value '{arn}' at 'policyArn' failed to satisfy constraint: Member must have length greater than or equal to 20"
        )));
    }
    Err(Fault::new(
        400,
        "InvalidInput",
        format!("ARN {arn} is not valid."),
    ))
}

fn no_policy(name: &str) -> Fault {
    Fault::new(
        404,
        "NoSuchEntity",
        format!("The role policy with name {name} cannot be found."),
    )
}

/// White space does not count towards the quotas.
fn dense(text: &str) -> usize {
    text.chars().filter(|c| !c.is_whitespace()).count()
}
