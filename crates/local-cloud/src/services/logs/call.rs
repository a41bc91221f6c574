//! One call of CloudWatch Logs: how its members are read and checked, and what lists have in common.

use serde_json::{Map, Value, json};

use crate::services::iam::Principal;
use crate::shared::Shared;
use crate::wire::{ServiceError, encode};

use super::{Logs, invalid};

/// What every operation answers.
pub(super) type LogsResult = Result<Value, ServiceError>;

/// One call with its body.
#[derive(Debug)]
pub(super) struct LogsCall<'a> {
    pub(super) logs: &'a Logs,
    pub(super) body: Map<String, Value>,
    pub(super) caller: &'a Principal,
    pub(super) operation: &'a str,
}

impl LogsCall<'_> {
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.body.get(name).and_then(Value::as_str)
    }

    pub(super) fn required(&self, name: &str) -> Result<&str, ServiceError> {
        self.text(name)
            .filter(|text| !text.is_empty())
            .ok_or_else(|| {
                constraint(
                    &format!("Value null at '{name}'"),
                    "Member must not be null",
                )
            })
    }

    pub(super) fn whole(&self, name: &str) -> Result<Option<i64>, ServiceError> {
        match self.body.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => value.as_i64().map(Some).ok_or_else(|| {
                ServiceError::new(
                    400,
                    "SerializationException",
                    format!("{name} must be a number"),
                )
            }),
        }
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.body.get(name) == Some(&Value::Bool(true))
    }

    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        let list = self.body.get(name).and_then(Value::as_array);
        list.into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect()
    }

    /// `limit`, between 1 and `most`.
    pub(super) fn limit(&self, most: i64) -> Result<usize, ServiceError> {
        let limit = self.whole("limit")?.unwrap_or(most);
        if limit > most {
            let rule = format!("Member must have value less than or equal to {most}");
            return Err(constraint(&format!("Value '{limit}' at 'limit'"), &rule));
        }
        match usize::try_from(limit) {
            Ok(limit @ 1..) => Ok(limit),
            _ => Err(constraint(
                &format!("Value '{limit}' at 'limit'"),
                "Member must have value greater than or equal to 1",
            )),
        }
    }

    /// The group by `logGroupName` or by `logGroupIdentifier`, which may be an ARN.
    pub(super) fn group(&self) -> Result<String, ServiceError> {
        match (self.text("logGroupName"), self.text("logGroupIdentifier")) {
            (Some(_), Some(_)) => Err(ServiceError::new(
                400,
                "ValidationException",
                "LogGroup name and LogGroup ARN are mutually exclusive parameters.",
            )),
            (Some(name), None) => checked_group(name),
            (None, Some(identifier)) if identifier.contains('*') => Err(constraint(
                "Value at 'logGroupIdentifier'",
                "Member must satisfy regular expression pattern: [\\w#+=/:,.@-]*",
            )),
            (None, Some(identifier)) => checked_group(group_name(identifier)),
            (None, None) => Err(constraint(
                "Value null at 'logGroupName'",
                "Member must not be null",
            )),
        }
    }

    /// Refuses what the caller's role does not allow on the group or stream.
    pub(super) fn allowed(&self, group: &str, stream: &str) -> Result<(), ServiceError> {
        let resource = format!("{}:log-stream:{stream}", self.arn(group));
        let action = format!("logs:{}", self.operation);
        self.logs
            .iam
            .authorize(self.caller, &action, &resource, &[])
    }

    /// The same for what is asked of the group's ARN without `:*`: the tagging operations, and the right to
    /// tag that a group made with tags needs (CloudWatch Logs guide, "Overview of managing access").
    pub(super) fn allowed_on_group(
        &self,
        operation: &str,
        group: &str,
    ) -> Result<(), ServiceError> {
        let action = format!("logs:{operation}");
        let resource = self.arn(group);
        self.logs
            .iam
            .authorize(self.caller, &action, &resource, &[])
    }

    /// The group's ARN, without `:*`.
    pub(super) fn arn(&self, group: &str) -> String {
        arn(&self.logs.shared, group)
    }

    pub(super) fn now_ms(&self) -> i64 {
        self.logs.shared.clock.now_ms()
    }
}

/// A log group's ARN, without `:*`.
pub(super) fn arn(shared: &Shared, group: &str) -> String {
    format!(
        "arn:aws:logs:{}:{}:log-group:{group}",
        shared.region, shared.account_id
    )
}

/// A group's name from its name or ARN, with or without `:*`.
pub(super) fn group_name(identifier: &str) -> &str {
    let name = identifier
        .split_once(":log-group:")
        .map_or(identifier, |(_, name)| name);
    name.strip_suffix(":*").unwrap_or(name)
}

/// A group's name in the service's alphabet.
pub(super) fn checked_group(name: &str) -> Result<String, ServiceError> {
    let fine = |c: char| c.is_ascii_alphanumeric() || "_-/.#".contains(c);
    let what = format!("Value '{name}' at 'logGroupName'");
    if name.is_empty() {
        return Err(constraint(
            &what,
            "Member must have length greater than or equal to 1",
        ));
    }
    if name.len() > 512 {
        return Err(invalid(
            "Invalid LogGroup or LogStream, both must have length less than or equal to 512.",
        ));
    }
    if !name.chars().all(fine) {
        let rule = "Member must satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+";
        return Err(constraint(&what, rule));
    }
    Ok(name.to_owned())
}

/// AWS's words for a member that breaks the service's model.
pub(super) fn constraint(what: &str, rule: &str) -> ServiceError {
    invalid(format!(
        "1 validation error detected: {what} failed to satisfy constraint: {rule}"
    ))
}

/// A page of `rows` with `key` as its name, continued by `nextToken`.
pub(super) fn page(
    call: &LogsCall<'_>,
    key: &str,
    most: i64,
    rows: Vec<(String, Value)>,
) -> LogsResult {
    let limit = call.limit(most)?;
    let start = match call.text("nextToken") {
        None => 0,
        Some(token) => token
            .strip_prefix("after:")
            .and_then(|token| rows.iter().position(|(name, _)| encode(name) == token))
            .map(|position| position + 1)
            .ok_or_else(|| invalid("The specified nextToken is invalid."))?,
    };
    let end = rows.len().min(start + limit);
    let page: Vec<_> = rows[start..end].iter().map(|(_, row)| row).collect();
    let mut body = json!({ key: page });
    if end < rows.len() {
        body["nextToken"] = format!("after:{}", encode(&rows[end - 1].0)).into();
    }
    Ok(body)
}
