//! The function, the version of it that is live, and who may call it: GetFunction, GetAlias, GetPolicy,
//! GetAccountSettings.

use super::seen;
use crate::aws::Clients;
use crate::doctor::facts::{Expected, Function, Live, Look};
use crate::naming::names::LIVE;
use crate::resources::versions::{self, weights};
use aws_sdk_lambda::operation::get_function::GetFunctionOutput;
use aws_sdk_lambda::operation::get_policy::GetPolicyOutput;
use serde_json::Value;

/// What was seen of the function.
pub(super) struct Seen {
    pub(super) function: Look<Function>,
    pub(super) live: Look<Live>,
    pub(super) policy: Look<Value>,
    pub(super) own_policy: Look<Value>,
}

/// Looks at what the API calls: the live version. A function of a former release has none; then the API
/// calls the function itself.
pub(super) async fn look(clients: &Clients, expected: &Expected) -> Seen {
    let lambda = &clients.lambda;
    let name = &expected.function;
    let (latest, live, alias, own_policy, policy) = tokio::join!(
        lambda.get_function().function_name(name).send(),
        lambda
            .get_function()
            .function_name(name)
            .qualifier(LIVE)
            .send(),
        lambda.get_alias().function_name(name).name(LIVE).send(),
        lambda.get_policy().function_name(name).send(),
        lambda
            .get_policy()
            .function_name(name)
            .qualifier(LIVE)
            .send(),
    );
    let latest = seen("read the function", latest, self::function);
    if latest == Look::Missing {
        // Without a function there is nothing to read.
        return Seen {
            function: Look::Missing,
            live: Look::Unasked,
            policy: Look::Unasked,
            own_policy: Look::Unasked,
        };
    }
    let alias = seen("read the function's alias", alias, |found| Live {
        version: found.function_version().unwrap_or_default().to_owned(),
        weights: found.routing_config().and_then(weights),
    });
    let policy_of = |answer| seen("read the function's policy", answer, document);
    let (function, policy, own_policy) = match alias {
        Look::Missing => (latest, policy_of(own_policy), Look::Missing),
        _ => (
            seen("read the live version", live, self::function),
            policy_of(policy),
            policy_of(own_policy),
        ),
    };
    Seen {
        live: alias,
        function,
        policy,
        own_policy,
    }
}

/// The function's policy.
pub(crate) fn document(answer: GetPolicyOutput) -> Value {
    let text = answer.policy().unwrap_or_default();
    serde_json::from_str(text).unwrap_or_default()
}

/// So many functions may run at once.
pub(crate) async fn concurrency(clients: &Clients) -> Look<i32> {
    let settings = clients.lambda.get_account_settings().send().await;
    let limit = seen("read the account's Lambda limits", settings, |answer| {
        answer.account_limit?.unreserved_concurrent_executions
    });
    match limit {
        Look::There(Some(limit)) => Look::There(limit),
        Look::There(None) => Look::Unseen("AWS named no limit".into()),
        Look::Missing => Look::Missing,
        Look::Unseen(why) => Look::Unseen(why),
        Look::Unasked => Look::Unasked,
    }
}

/// The function, as AWS shows it.
pub(crate) fn function(found: GetFunctionOutput) -> Function {
    let reserved = found
        .concurrency()
        .and_then(|concurrency| concurrency.reserved_concurrent_executions());
    let Some(now) = found.configuration else {
        return Function::default();
    };
    Function {
        state: now
            .state()
            .map_or("Active", |state| state.as_str())
            .to_owned(),
        state_reason: now.state_reason().map(str::to_owned),
        last_update: now
            .last_update_status()
            .map(|status| status.as_str().to_owned()),
        reserved,
        role: now.role().unwrap_or_default().to_owned(),
        table: now
            .environment()
            .and_then(|environment| environment.variables())
            .and_then(|variables| variables.get("CHAT_TABLE"))
            .cloned(),
        is_ours: versions::is_ours(now.description().unwrap_or_default()),
        runtime: now.runtime().map(|runtime| runtime.as_str().to_owned()),
        log_group: now
            .logging_config()
            .and_then(|logging| logging.log_group())
            .map(str::to_owned),
    }
}
