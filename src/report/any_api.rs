//! How an API that anybody may have made looks: its stages, routes, functions and logs, a table for each.

use super::{Reporter, Style, escape, list};
use crate::any_api::status::{ApiStatus, FunctionView, GroupView, RouteView, StageView};

/// What the API is made of.
pub fn status(status: &ApiStatus) -> String {
    let (id, name) = (escape(&status.api_id), escape(&status.name));
    let who = match &status.chat {
        Some(chat) => format!("made by chatctl for {}", escape(chat)),
        None => "not made by chatctl".to_owned(),
    };
    let selection = escape(&status.route_selection_expression);
    let mut parts = vec![format!(
        "{name} ({id}) is a WebSocket API in {}, account {}; {who}\nmessages are routed by {selection}",
        status.region, status.account
    )];
    parts.push(table(
        "Stages",
        "no stage: no client can connect",
        status.stages.iter().map(stage),
    ));
    parts.push(table("Routes", "no route", status.routes.iter().map(route)));
    parts.push(table(
        "Functions",
        "none is called",
        status.functions.iter().map(function),
    ));
    parts.push(table("Logs", "none", status.log_groups.iter().map(group)));
    parts.push(logging(status));
    parts.join("\n")
}

fn table<const N: usize>(
    head: &str,
    nothing: &str,
    rows: impl Iterator<Item = [String; N]>,
) -> String {
    let rows: Vec<Vec<String>> = rows.map(Vec::from).collect();
    let head = Style::Strong.paint(&format!("{head}:"));
    if rows.is_empty() {
        return format!("{head} {nothing}");
    }
    let lines = list::aligned(&rows);
    let lines = lines.iter().map(|line| format!("\n  {line}"));
    lines.fold(head, |text, line| text + &line)
}

fn stage(stage: &StageView) -> [String; 4] {
    let deployment = match (&stage.deployment_id, stage.auto_deploy) {
        (None, _) => "no deployment: clients get 403".to_owned(),
        (Some(id), false) => format!("deployment {id}"),
        (Some(id), true) => format!("deployment {id}, automatic"),
    };
    let access = match &stage.access_log {
        Some(_) => "access log on",
        None => "access log off",
    };
    let level = escape(&stage.log_level);
    [
        escape(&stage.name).into_owned(),
        escape(&stage.url).into_owned(),
        escape(&deployment).into_owned(),
        format!("execution log {level}, {access}"),
    ]
}

fn route(route: &RouteView) -> [String; 3] {
    let leads = match (&route.integration_id, &route.integration_type) {
        (None, _) => "no integration".to_owned(),
        (Some(id), None) => format!("integration {id}, which is gone"),
        (Some(_), Some(kind)) if route.functions.is_empty() => {
            let uri = route.integration_uri.as_deref().unwrap_or_default();
            format!("{kind} {uri}").trim_end().to_owned()
        }
        (Some(_), Some(_)) => {
            let functions: Vec<_> = route.functions.iter().map(|arn| short(arn)).collect();
            functions.join(", ")
        }
    };
    let authorization = match route.authorization.as_str() {
        "NONE" => String::new(),
        other => format!("authorization {other}"),
    };
    [
        escape(&route.key).into_owned(),
        format!("→ {}", escape(&leads)),
        escape(&authorization).into_owned(),
    ]
}

/// A function's name, with its version or alias.
fn short(arn: &str) -> &str {
    arn.split_once(":function:").map_or(arn, |(_, name)| name)
}

fn function(function: &FunctionView) -> [String; 4] {
    let state = match (&function.state, function.missing) {
        (Some(state), _) => state.as_str(),
        (None, true) => "does not exist",
        (None, false) => "could not be read",
    };
    [
        escape(&function.name).into_owned(),
        escape(state).into_owned(),
        escape(function.runtime.as_deref().unwrap_or("-")).into_owned(),
        escape(&function.log_group).into_owned(),
    ]
}

fn group(group: &GroupView) -> [String; 4] {
    let state = match (group.exists, group.retention_days) {
        (Some(true), Some(days)) => format!("kept {days} days"),
        (Some(true), None) => "kept for ever".to_owned(),
        (Some(false), _) => "does not exist".to_owned(),
        (None, _) => "could not be read".to_owned(),
    };
    [
        group.source.name().to_owned(),
        escape(&group.of).into_owned(),
        escape(&group.name).into_owned(),
        state,
    ]
}

fn logging(status: &ApiStatus) -> String {
    let what = escape(&status.logging.what);
    let what = match status.logging.works {
        Some(true) => Style::Good.paint(&what),
        Some(false) => Style::Error.paint(&what),
        None => Style::Warning.paint(&what),
    };
    format!("{} {what}", Style::Strong.paint("Logging:"))
}

/// What of it could not be read.
pub fn unread(reporter: &Reporter, status: &ApiStatus) {
    for what in &status.unread {
        reporter.warning(&format!("could not be read: {}", escape(what)));
    }
}
