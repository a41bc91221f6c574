//! `[table]`, `[routes]`, `[connect]` and `[prove]`: what DynamoDB and API Gateway would refuse, and what
//! does not fit together.

use super::{Checked, ensure};
use crate::config::parts::ALWAYS;
use crate::config::{
    Authorization, Exchange, Key, RouteSettings, Settings, StackValue, TableSettings,
};

/// Checks every value.
pub(super) fn check(s: &Settings) -> Checked {
    if let Some(table) = &s.table {
        table_name(table.name.as_deref())?;
        keys(table)?;
    }
    table_of_the_chat(s)?;
    s.routes.iter().try_for_each(route)?;
    connect(s)?;
    prove(s)
}

fn table_name(name: Option<&str>) -> Checked {
    let name = name.unwrap_or("usual");
    let fine = (3..=255).contains(&name.len())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c));
    ensure(
        fine,
        "table.name",
        "",
        || format!("{name:?} is not a table name that DynamoDB takes"),
        "3 to 255 of a-z, A-Z, 0-9, _ . and -",
    )
}

/// Names of key attributes have 1 to 255 characters (DynamoDB API, KeySchemaElement).
fn keys(table: &TableSettings) -> Checked {
    let fine = |key: &Key| (1..=255).contains(&key.name.chars().count());
    let hint = "1 to 255 characters";
    let partition = &table.partition_key;
    let no_name = || "an empty name is no attribute".to_owned();
    ensure(fine(partition), "table.partition-key", "", no_name, hint)?;
    let Some(sort) = &table.sort_key else {
        return Ok(());
    };
    ensure(fine(sort), "table.sort-key", "", no_name, hint)?;
    ensure(
        sort.name != partition.name,
        "table.sort-key",
        "",
        || format!("{:?} is the partition key already", sort.name),
        "a sort key is an attribute of its own",
    )
}

fn table_of_the_chat(s: &Settings) -> Checked {
    let fits = s.table.as_ref().is_some_and(TableSettings::is_of_the_chat);
    ensure(
        fits || !s.function.code.is_bundled(),
        "table",
        "",
        || "the bundled chat keeps its members in its own table".into(),
        "leave it out, or name the folder of a function of your own with function.source",
    )?;
    let mut variables = s.function.environment.values();
    ensure(
        s.table.is_some() || !variables.any(|value| value.uses(StackValue::Table)),
        "function.environment",
        "",
        || "${stack.table} names a table, and `table = false` says that there is none".into(),
        "take one of the two out",
    )
}

fn route(route: &RouteSettings) -> Checked {
    let key = &route.key;
    let known = ALWAYS.contains(&key.as_str());
    let fine = (1..=128).contains(&key.len())
        && !key.contains(|c: char| c.is_whitespace() || c.is_control());
    ensure(
        known || (fine && !key.starts_with('$')),
        "routes",
        "",
        || format!("{key:?} is not a route key"),
        "1 to 128 characters without spaces; only $connect, $disconnect and $default begin with $",
    )
    .map_err(|problem| problem.of_entry(key))?;
    ensure(
        !route.response || !["$connect", "$disconnect"].contains(&key.as_str()),
        "routes",
        "",
        || format!("{key} has nobody to answer: no message comes in by it"),
        "a route response belongs to $default, or to a route of your own",
    )
    .map_err(|problem| problem.of_entry(key))
}

fn connect(s: &Settings) -> Checked {
    let asks_function = s.connect.authorization == Authorization::Function;
    ensure(
        !(asks_function && s.function.code.is_bundled()),
        "connect.authorization",
        "",
        || "the bundled chat does not know how to authorize anybody".into(),
        "\"none\" or \"iam\"; or name the folder of a function of your own with function.source",
    )?;
    ensure(
        asks_function || s.connect.identity.is_empty(),
        "connect.identity",
        "",
        || "only a function that authorizes looks at it".into(),
        "authorization = \"function\" under [connect], or leave it out",
    )?;
    let source = |text: &String| {
        [
            "route.request.header.",
            "route.request.querystring.",
            "context.",
            "stageVariables.",
        ]
        .iter()
        .any(|start| {
            text.strip_prefix(start)
                .is_some_and(|rest| !rest.is_empty())
        })
    };
    let wrong = s.connect.identity.iter().find(|one| !source(one));
    ensure(
        wrong.is_none(),
        "connect.identity",
        "",
        || {
            format!(
                "{:?} is nothing that a client sends",
                wrong.map_or("", String::as_str)
            )
        },
        "such as \"route.request.querystring.token\" or \"route.request.header.Authorization\"",
    )
}

fn prove(s: &Settings) -> Checked {
    let Exchange::Message { send, expect } = &s.prove.exchange else {
        return Ok(());
    };
    let empty = |text: &Option<String>| text.as_ref().is_some_and(String::is_empty);
    for (key, value) in [("prove.send", send), ("prove.expect", expect)] {
        ensure(
            !empty(value),
            key,
            "",
            || "an empty message says nothing".into(),
            "leave it out to prove only that a client can connect and stays",
        )?;
    }
    Ok(())
}
