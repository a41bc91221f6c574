//! CloudWatch Logs' JSON 1.1: which function answers which operation.

use crate::wire::{Request, Response, ServiceError};

use super::call::{LogsCall, LogsResult};
use super::{Logs, events, groups, streams, tail};

impl Logs {
    /// Answers a request.
    pub(crate) fn serve(&self, request: &Request) -> Response {
        self.answer(request)
            .unwrap_or_else(|error| error.versioned("1.1", ""))
            .identified(&request.request_id)
    }

    fn answer(&self, request: &Request) -> Result<Response, ServiceError> {
        let caller = self.iam.admit(request)?;
        let call = LogsCall {
            logs: self,
            body: request.json()?,
            caller: &caller,
            operation: &request.operation,
        };
        if call.operation == "StartLiveTail" {
            return tail::start(&call, &request.request_id);
        }
        let body = dispatch(&call)?;
        Ok(Response::versioned("1.1", 200, body.to_string()))
    }
}

fn dispatch(call: &LogsCall<'_>) -> LogsResult {
    match call.operation {
        "CreateLogGroup" => groups::create(call),
        "DeleteLogGroup" => groups::delete(call),
        "DescribeLogGroups" => groups::describe(call),
        "PutRetentionPolicy" => groups::put_retention(call),
        "DeleteRetentionPolicy" => groups::delete_retention(call),
        "TagResource" => groups::tag(call, "resourceArn"),
        "UntagResource" => groups::untag(call, "resourceArn", "tagKeys"),
        "ListTagsForResource" => groups::list_tags(call, "resourceArn"),
        "TagLogGroup" => groups::tag(call, "logGroupName"),
        "UntagLogGroup" => groups::untag(call, "logGroupName", "tags"),
        "ListTagsLogGroup" => groups::list_tags(call, "logGroupName"),
        "CreateLogStream" => streams::create(call),
        "DeleteLogStream" => streams::delete(call),
        "DescribeLogStreams" => streams::describe(call),
        "PutLogEvents" => streams::put_events(call),
        "GetLogEvents" => streams::get_events(call),
        "FilterLogEvents" => events::filter(call),
        other => Err(ServiceError::not_here("logs", other)),
    }
}
