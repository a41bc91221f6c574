//! What keeps things: the table and the log groups.

use super::{deploy, instead};
use crate::doctor::Finding;
use crate::doctor::facts::{Facts, Look};

pub(super) fn table(facts: &Facts) -> Finding {
    const CHECK: &str = "table";
    let Some(expected) = &facts.expected.table else {
        return Finding::skipped(CHECK, "the function uses no table");
    };
    let Some(table) = facts.table.there() else {
        return instead(
            CHECK,
            &format!("the table {}", expected.name),
            &facts.table,
            facts,
        );
    };
    if table.status != "ACTIVE" {
        return Finding::failure(
            CHECK,
            format!("the table {} is {}", expected.name, table.status),
            "it cannot be used until it is ACTIVE",
            deploy(facts),
        );
    }
    if table.keys != expected.keys {
        return Finding::failure(
            CHECK,
            format!(
                "the table {} has the keys {}",
                expected.name,
                table.keys.join(", ")
            ),
            format!("the function writes {}", expected.keys.join(" and ")),
            deploy(facts),
        );
    }
    let Some(ttl) = &expected.ttl else {
        return Finding::good(CHECK, format!("{} is active", expected.name));
    };
    if table.ttl.as_ref() != Some(ttl) {
        return Finding::warning(
            CHECK,
            format!("nothing ends the life of old items in {}", expected.name),
            format!("connections that were lost stay in the table; time to live belongs on {ttl}"),
            deploy(facts),
        );
    }
    Finding::good(
        CHECK,
        format!("{} is active, items end by {ttl}", expected.name),
    )
}

pub(super) fn log_groups(facts: &Facts) -> Finding {
    const CHECK: &str = "log-groups";
    for group in &facts.groups {
        let state = match &group.look {
            Look::There(state) => state,
            Look::Missing => {
                return Finding::failure(
                    CHECK,
                    format!(
                        "the {} log group {} does not exist",
                        group.source.name(),
                        group.name
                    ),
                    "the function may not make it itself, and what AWS makes has no retention",
                    deploy(facts),
                );
            }
            other => return instead(CHECK, &group.name, other, facts),
        };
        if state.retention.is_none() {
            return Finding::warning(
                CHECK,
                format!("the log group {} is kept for ever", group.name),
                "logs are paid for by the month",
                deploy(facts),
            );
        }
    }
    if facts.groups.is_empty() {
        return Finding::skipped(CHECK, "not looked at");
    }
    Finding::good(
        CHECK,
        format!("{} groups, each with retention", facts.groups.len()),
    )
}
