//! Reads everything that the checks evaluate, concurrently. It changes nothing.

pub(crate) mod function;
pub(crate) mod gateway;
pub(crate) mod logs;
pub(crate) mod roles;
mod storage;

use super::facts::{Expected, Facts, Look};
use crate::aws::{Clients, Failure, explain, is_missing};
use crate::naming::rights::{Right, Task, on};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

/// The rights that only the doctor needs: else it reads what a deploy reads.
pub const RIGHTS: &[Right] = &[
    Right::for_tasks(&[Task::Status], "lambda:GetAccountSettings", on::anything),
    Right::for_tasks(&[Task::Status], "lambda:GetFunction", on::versions),
    Right::for_tasks(&[Task::Status], "logs:DescribeLogStreams", on::log_groups),
];

/// Looks at all of it; the probe is not part of it, because it does something.
pub async fn all(clients: &Clients, expected: Expected) -> Facts {
    let (gateway, function, concurrency, role, table, account) = tokio::join!(
        gateway::look(clients, &expected),
        function::look(clients, &expected),
        function::concurrency(clients),
        roles::role(clients, &expected.role),
        storage::table(clients, expected.table.as_ref()),
        roles::account(clients),
    );
    let groups = logs::groups(
        clients,
        &expected,
        gateway.api.there(),
        function.function.there(),
    )
    .await;
    Facts {
        expected,
        api: gateway.api,
        stage: gateway.stage,
        routes: gateway.routes,
        integrations: gateway.integrations,
        deployment: gateway.deployment,
        account_role: account,
        function: function.function,
        live: function.live,
        concurrency,
        permission: function.policy,
        own_policy: function.own_policy,
        function_role: role,
        table,
        groups,
        probe: Look::Unasked,
    }
}

/// An answer as a look.
pub(crate) fn seen<A, E, T>(
    action: &str,
    answer: Result<A, Failure<E>>,
    take: impl FnOnce(A) -> T,
) -> Look<T>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match answer {
        Ok(answer) => Look::There(take(answer)),
        Err(error) if is_missing(&error) => Look::Missing,
        Err(error) => Look::Unseen(explain(action, error).causes().join(": ")),
    }
}
