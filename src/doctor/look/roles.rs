//! Roles and the account's setting: GetAccount, GetRole, GetRolePolicy, ListAttachedRolePolicies.

use super::seen;
use crate::aws::{Clients, explain};
use crate::doctor::facts::{AccountRole, Look, Role};
use crate::error::Result;
use percent_encoding::percent_decode_str;
use serde_json::Value;

pub(crate) async fn account(clients: &Clients) -> Look<AccountRole> {
    let answer = clients.apigateway.get_account().send().await;
    let arn = seen("read API Gateway's account settings", answer, |account| {
        account.cloudwatch_role_arn.filter(|arn| !arn.is_empty())
    });
    match arn {
        Look::There(Some(arn)) => {
            let name = arn.rsplit('/').next().unwrap_or(&arn);
            let role = role(clients, name).await;
            Look::There(AccountRole { arn, role })
        }
        Look::There(None) | Look::Missing => Look::Missing,
        Look::Unseen(why) => Look::Unseen(why),
        Look::Unasked => Look::Unasked,
    }
}

pub(crate) async fn role(clients: &Clients, name: &str) -> Look<Role> {
    let answer = clients.iam.get_role().role_name(name).send().await;
    let trust = seen("read the role", answer, |found| {
        let role = found.role();
        let boundary = role
            .and_then(|role| role.permissions_boundary()?.permissions_boundary_arn())
            .map(str::to_owned);
        let trust = role.and_then(|role| role.assume_role_policy_document());
        (document(trust), boundary)
    });
    let (trust, boundary) = match trust {
        Look::There(found) => found,
        Look::Missing => return Look::Missing,
        Look::Unseen(why) => return Look::Unseen(why),
        Look::Unasked => return Look::Unasked,
    };
    match policies(clients, name).await {
        Ok((inline, attached)) => Look::There(Role {
            name: name.to_owned(),
            trust,
            inline,
            attached,
            boundary,
        }),
        Err(error) => Look::Unseen(error.causes().join(": ")),
    }
}

async fn policies(clients: &Clients, role: &str) -> Result<(Vec<Value>, Vec<String>)> {
    let iam = &clients.iam;
    let names = iam.list_role_policies().role_name(role).into_paginator();
    let attached = iam.list_attached_role_policies().role_name(role);
    let (names, attached) = tokio::join!(
        names.items().send().collect::<Result<Vec<_>, _>>(),
        attached
            .into_paginator()
            .items()
            .send()
            .collect::<Result<Vec<_>, _>>(),
    );
    let names = names.map_err(|error| explain("list the role's policies", error))?;
    let attached = attached.map_err(|error| explain("list the role's attached policies", error))?;
    let mut inline = Vec::new();
    for name in names {
        let policy = iam
            .get_role_policy()
            .role_name(role)
            .policy_name(name)
            .send()
            .await
            .map_err(|error| explain("read the role's policy", error))?;
        inline.push(document(Some(policy.policy_document())));
    }
    let arns = attached.into_iter().filter_map(|policy| policy.policy_arn);
    Ok((inline, arns.collect()))
}

/// IAM sends documents percent-encoded.
pub(crate) fn document(text: Option<&str>) -> Value {
    let decoded = percent_decode_str(text.unwrap_or_default()).decode_utf8_lossy();
    serde_json::from_str(&decoded).unwrap_or_default()
}
