//! The function and who may call it: GetFunction, GetPolicy, GetAccountSettings.

use super::seen;
use crate::aws::Clients;
use crate::doctor::facts::{Expected, Function, Look};
use crate::naming::tags::CODE;
use aws_sdk_lambda::operation::get_function::GetFunctionOutput;
use serde_json::Value;

pub(super) async fn look(clients: &Clients, expected: &Expected) -> (Look<Function>, Look<Value>) {
    let name = &expected.function;
    let (function, policy) = tokio::join!(
        clients.lambda.get_function().function_name(name).send(),
        clients.lambda.get_policy().function_name(name).send(),
    );
    let function = seen("read the function", function, self::function);
    let policy = seen("read the function's policy", policy, |answer| {
        let text = answer.policy().unwrap_or_default();
        serde_json::from_str(text).unwrap_or_default()
    });
    match function {
        // Without a function there is no policy to read.
        Look::Missing => (Look::Missing, Look::Unasked),
        function => (function, policy),
    }
}

/// So many functions may run at once.
pub(super) async fn concurrency(clients: &Clients) -> Look<i32> {
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

fn function(found: GetFunctionOutput) -> Function {
    let reserved = found
        .concurrency()
        .and_then(|concurrency| concurrency.reserved_concurrent_executions());
    let code_by_us = found.tags().and_then(|tags| tags.get(CODE)).cloned();
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
        code: now.code_sha256().map(str::to_owned),
        code_by_us,
        log_group: now
            .logging_config()
            .and_then(|logging| logging.log_group())
            .map(str::to_owned),
    }
}
