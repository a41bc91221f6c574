//! The log groups: DescribeLogGroups, DescribeLogStreams.

use super::seen;
use crate::aws::{Clients, explain, is_missing};
use crate::doctor::facts::{Api, Expected, Function, Group, GroupState, Look};
use crate::tail::LogSource;
use aws_sdk_cloudwatchlogs::types::OrderBy;

pub(super) async fn groups(
    clients: &Clients,
    expected: &Expected,
    api: Option<&Api>,
    function: Option<&Function>,
) -> Vec<Group> {
    let function_group = function
        .and_then(|function| function.log_group.clone())
        .unwrap_or_else(|| expected.function_group.clone());
    let execution = api.map(|api| expected.execution_group.replace("{api}", &api.id));
    let mut groups = Vec::new();
    for (source, name) in [
        (LogSource::Function, Some(function_group)),
        (LogSource::Execution, execution),
        (LogSource::Access, Some(expected.access_group.clone())),
    ] {
        if let Some(name) = name {
            let look = group(clients, &name).await;
            groups.push(Group { source, name, look });
        }
    }
    groups
}

/// A log group by its name.
pub(crate) async fn group(clients: &Clients, name: &str) -> Look<GroupState> {
    let answer = clients
        .logs
        .describe_log_groups()
        .log_group_name_prefix(name)
        .send()
        .await;
    let found = seen("look for the log group", answer, |page| {
        page.log_groups
            .unwrap_or_default()
            .into_iter()
            .find(|group| group.log_group_name() == Some(name))
    });
    let group = match found {
        Look::There(Some(group)) => group,
        Look::There(None) | Look::Missing => return Look::Missing,
        Look::Unseen(why) => return Look::Unseen(why),
        Look::Unasked => return Look::Unasked,
    };
    match last_event(clients, name).await {
        Ok(last_event) => Look::There(GroupState {
            retention: group.retention_in_days(),
            last_event,
        }),
        Err(why) => Look::Unseen(why),
    }
}

/// When the last event came, from the stream that was written to last; CloudWatch may be an hour
/// behind.
async fn last_event(clients: &Clients, name: &str) -> Result<Option<i64>, String> {
    let answer = clients
        .logs
        .describe_log_streams()
        .log_group_name(name)
        .order_by(OrderBy::LastEventTime)
        .descending(true)
        .limit(1)
        .send()
        .await;
    match answer {
        Ok(page) => Ok(page
            .log_streams()
            .first()
            .and_then(|stream| stream.last_event_timestamp())),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(explain("look at the log streams", error)
            .causes()
            .join(": ")),
    }
}
