//! The account's CloudWatch Logs role as a resource: used as it is if it is live, set to ours if it
//! is missing or points at a role that is gone.
//!
//! GetAccount, GetRole; UpdateAccount, once in 20 seconds.
//!
//! Surprises: API Gateway tests a role by writing with it, and refuses one that IAM has not made
//! known yet. What the account had before is recorded as a tag on our role, and comes back at the
//! teardown of the last stack, if it is a role that lives.

use super::NeedsRights;
use super::limits::ACCOUNT;
use super::observed::Observed;
use super::retry::{IAM_LIMIT, is_busy, message};
use super::role;
use super::run_context::{RunContext, StepContext};
use crate::aws::{Failure, explain, is_throttled};
use crate::engine::pace::Cost;
use crate::engine::plan::Action;
use crate::engine::{Edge, Fields, Id, Look, Ownership, Resource};
use crate::error::Result;
use crate::naming::ids;
use crate::naming::rights::{PASSED_TO_API_GATEWAY, Right, on};
use crate::naming::tags::{FORMER, tagged_role};
use aws_sdk_apigateway::operation::update_account::UpdateAccountError;
use aws_sdk_apigateway::types::{Op, PatchOperation};
use std::time::Duration;

/// Recorded as the former role when there was none.
pub const NONE: &str = "none";

/// UpdateAccount is also limited in its rate, so its own waits are long.
const LIMIT: Duration = IAM_LIMIT;

/// The account's setting.
#[derive(Debug, Clone, PartialEq)]
pub struct AccountLogging {
    /// The role's ARN.
    pub role: String,
    /// IAM has that role.
    pub live: bool,
}

impl NeedsRights for AccountLogging {
    /// Without the right to look at another role, it is taken for live and used.
    const RIGHTS: &'static [Right] = &[
        Right::to_read("apigateway:GET", on::api_account),
        Right::to_read("iam:GetRole", on::logging_role),
        Right::to_write_and_delete("apigateway:PATCH", on::api_account),
        Right::to_write("iam:PassRole", on::logging_role).only_if(PASSED_TO_API_GATEWAY),
        Right::to_delete("apigateway:GET", on::rest_apis),
    ];
}

impl Resource for AccountLogging {
    type Context = RunContext;
    type Observed = Observed;

    fn id(&self) -> Id {
        Id::new(ids::ACCOUNT_LOGGING)
    }

    fn name(&self) -> String {
        self.role
            .rsplit('/')
            .next()
            .unwrap_or(&self.role)
            .to_owned()
    }

    fn fields(&self) -> Fields {
        let live = if self.live { "live" } else { "gone" };
        Fields::new()
            .with("cloudwatchRoleArn", self.role.as_str())
            .with("role", live)
    }

    fn needs(&self) -> Vec<Edge> {
        vec![Edge::new(ids::LOGGING_ROLE, "API Gateway tests the role")]
    }

    fn outlives(&self) -> Vec<Edge> {
        vec![Edge::new(ids::EVERY_API, "a live API logs through it")]
    }

    fn costs(&self, _action: Action) -> Vec<Cost> {
        vec![Cost {
            of: ACCOUNT,
            tokens: 1,
        }]
    }

    fn ownership(&self, _observed: &Observed) -> Ownership {
        Ownership::Ours
    }

    fn stays(&self, observed: &Observed) -> Option<String> {
        observed.account_role.stays()
    }

    async fn read(&self, observed: &Observed) -> Result<Option<Self>> {
        let now = &observed.account_role;
        Ok(now.arn.clone().map(|role| Self {
            role,
            live: now.live,
        }))
    }

    async fn apply(&self, _found: Option<&Self>, step: &StepContext) -> Result<()> {
        set(&self.role, step).await
    }

    /// Gives back what was there before, if it is a role that lives; else none.
    async fn delete(&self, step: &StepContext) -> Result<()> {
        let run = step.run();
        let clients = &run.clients;
        let ours = role::get(clients, &run.names.logging_role()).await?;
        let tags = ours.map(|role| role.tags).unwrap_or_default();
        let former = tags
            .into_iter()
            .find(|(key, _)| key == FORMER)
            .map(|(_, value)| tagged_role(&value));
        if let Some(former) = former.filter(|former| former != NONE) {
            let name = former.rsplit('/').next().unwrap_or_default();
            if role::get(clients, name).await?.is_some() {
                step.note(format!("giving back the account's former role {name}"));
                return set(&former, step).await;
            }
        }
        set("", step).await
    }
}

/// Between two tries the rate limit's 20 seconds pass, if it was the rate limit that refused.
async fn set(role: &str, step: &StepContext) -> Result<()> {
    let run = step.run();
    let action = "set the account's logging role";
    let attempt = || async {
        match send(role, run).await {
            Ok(()) => Ok(Look::Ready(())),
            Err(error) if is_throttled(&error) => {
                step.pace(Cost { of: ACCOUNT, tokens: 1 }).await;
                Ok(match is_set(role, run).await? {
                    true => Look::Ready(()),
                    false => Look::NotYet,
                })
            }
            Err(error) if is_busy(&error) => Ok(Look::NotYet),
            Err(error) if is_fresh_role(&error) && !role.is_empty() => {
                let role = role::get(&run.clients, role::last_part(role)).await?;
                Ok(role.map_or(Look::Missing, |_| Look::NotYet))
            }
            Err(error) => Err(explain(action, error)
                .hint("API Gateway tests the role by writing a log; an organisation's policy may forbid that")),
        }
    };
    let what = format!("the role {}", role::last_part(role));
    step.until_ready(&what, "to be one that API Gateway can use", LIMIT, attempt)
        .await
}

async fn send(role: &str, run: &RunContext) -> Result<(), Failure<UpdateAccountError>> {
    let replace = PatchOperation::builder()
        .op(Op::Replace)
        .path("/cloudwatchRoleArn")
        .value(role);
    let call = run.clients.apigateway.update_account();
    call.patch_operations(replace.build())
        .send()
        .await
        .map(drop)
}

/// Somebody else may have done it while we waited.
async fn is_set(role: &str, run: &RunContext) -> Result<bool> {
    let account = run.clients.apigateway.get_account().send().await;
    let account = account.map_err(|e| explain("read API Gateway's account settings", e))?;
    Ok(account.cloudwatch_role_arn().unwrap_or_default() == role)
}

/// The texts with which API Gateway refuses a role that it cannot use, or not yet.
fn is_fresh_role(error: &Failure<UpdateAccountError>) -> bool {
    let words = message(error);
    [
        "required permissions",
        "could not successfully write to CloudWatch Logs",
    ]
    .iter()
    .any(|text| words.contains(text))
}
