//! The list of chats, as a table.

use super::{Reporter, escape};
use crate::deployer::{Drift, Listed, Listing};

/// A line for each chat, under a head.
pub fn table(listing: &Listing) -> String {
    if listing.chats.is_empty() {
        return format!("no chats in account {}", listing.account);
    }
    let with_drift = listing.chats.iter().any(|chat| chat.drift.is_some());
    let head = ["CHAT", "REGION", "VERSION", "AGE", "DRIFT", "URL"].map(str::to_owned);
    let rows = std::iter::once(head).chain(listing.chats.iter().map(row));
    let rows: Vec<Vec<String>> = rows
        .map(|row| {
            let cells = row.into_iter().enumerate();
            let shown = cells.filter(|(column, _)| with_drift || *column != 4);
            shown.map(|(_, cell)| cell).collect()
        })
        .collect();
    aligned(&rows).join("\n")
}

/// Rows of equally many cells as lines, the columns below each other.
pub(super) fn aligned(rows: &[Vec<String>]) -> Vec<String> {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..rows.first().map_or(0, Vec::len)).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths);
        let cells: Vec<_> = cells
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

fn row(chat: &Listed) -> [String; 6] {
    let drift = match chat.drift {
        None => "",
        Some(Drift::None) => "none",
        Some(Drift::Differs) => "differs",
        Some(Drift::Unknown) => "unknown",
    };
    [
        escape(&format!("{}/{}", chat.name, chat.stage)).into_owned(),
        chat.region.clone(),
        escape(chat.version.as_deref().unwrap_or("-")).into_owned(),
        chat.age_seconds.map_or_else(|| "-".into(), age),
        drift.to_owned(),
        escape(&chat.url).into_owned(),
    ]
}

fn age(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{} s", seconds.max(0)),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        172_800.. => format!("{} days", seconds / 86_400),
    }
}

/// Which regions are not in the table, and which drift is not known.
pub fn notes(reporter: &Reporter, listing: &Listing) {
    if !listing.not_enabled.is_empty() {
        let regions = listing.not_enabled.join(", ");
        reporter.note(&format!("not enabled in this account: {regions}"));
    }
    for one in &listing.unread {
        reporter.warning(&format!("{} could not be read: {}", one.region, one.why));
    }
    let is_unknown = |chat: &Listed| chat.drift == Some(Drift::Unknown);
    if listing.chats.iter().any(is_unknown) {
        reporter.hint("unknown drift: the chat's settings are not in the configuration file here");
    }
}

#[cfg(test)]
mod tests {
    use super::age;

    #[test]
    fn ages_are_short() {
        let ages = [5, 200, 7_200, 500_000].map(age);
        assert_eq!(ages, ["5 s", "3 min", "2 h", "5 days"]);
    }
}
