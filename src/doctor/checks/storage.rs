//! What keeps things: the table and the log groups.

use super::{deploy, instead};
use crate::doctor::Finding;
use crate::doctor::facts::{Facts, Look};
use crate::report::logs::name_of;

pub(super) fn table(facts: &Facts) -> Finding {
    const CHECK: &str = "table";
    let wanted = &facts.wanted;
    let Some(table) = facts.table.there() else {
        return instead(
            CHECK,
            &format!("the table {}", wanted.table),
            &facts.table,
            facts,
        );
    };
    if table.status != "ACTIVE" {
        return Finding::failure(
            CHECK,
            format!("the table {} is {}", wanted.table, table.status),
            "it cannot be used until it is ACTIVE",
            deploy(facts),
        );
    }
    if table.keys != ["pk", "sk"] {
        return Finding::failure(
            CHECK,
            format!(
                "the table {} has the keys {}",
                wanted.table,
                table.keys.join(", ")
            ),
            "the function writes pk and sk",
            deploy(facts),
        );
    }
    if table.ttl.as_ref() != Some(&wanted.ttl) {
        return Finding::warning(
            CHECK,
            format!("nothing ends the life of old items in {}", wanted.table),
            format!(
                "connections that were lost stay in the table; time to live belongs on {}",
                wanted.ttl
            ),
            deploy(facts),
        );
    }
    Finding::good(
        CHECK,
        format!("{} is active, items end by {}", wanted.table, wanted.ttl),
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
                        name_of(group.source),
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
