//! Log levels: which lines a function with JSON logs keeps.
//!
//! Lambda filters in JSON mode alone. Its own records have levels by AWS's table; a line of the function
//! has the level in its `level` member, if it is a JSON object with an RFC 3339 `timestamp` too, and counts as
//! INFO if it is not.

use serde_json::Value;

const LEVELS: [&str; 6] = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];

/// Whether something of that level is kept where `least` is set; nothing set is INFO.
pub(super) fn keeps(least: Option<&str>, level: &str) -> bool {
    rank(level) >= rank(least.unwrap_or("INFO"))
}

/// The level of a line that the function wrote.
pub(super) fn of_line(line: &str) -> String {
    let named = || {
        let value: Value = serde_json::from_str(line).ok()?;
        let level = value["level"].as_str()?.to_ascii_uppercase();
        value["timestamp"]
            .as_str()?
            .parse::<jiff::Timestamp>()
            .ok()?;
        LEVELS.contains(&level.as_str()).then_some(level)
    };
    named().unwrap_or_else(|| "INFO".to_owned())
}

fn rank(level: &str) -> Option<usize> {
    LEVELS.iter().position(|known| *known == level)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_the_level_that_it_names() {
        let time = "2026-01-01T00:00:00Z";
        assert_eq!(
            of_line(&format!(r#"{{"level":"debug","timestamp":"{time}"}}"#)),
            "DEBUG"
        );
        assert_eq!(
            of_line(r#"{"level":"ERROR"}"#),
            "INFO",
            "without a time it counts as INFO"
        );
        assert_eq!(of_line("plain words"), "INFO");
    }

    #[test]
    fn what_is_below_the_level_is_dropped() {
        assert!(keeps(None, "INFO") && !keeps(None, "DEBUG"));
        assert!(keeps(Some("TRACE"), "DEBUG") && !keeps(Some("WARN"), "INFO"));
        assert!(keeps(Some("WARN"), "FATAL"));
    }
}
