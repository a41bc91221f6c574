//! `--since` and `--until`: an age such as `10m`, or a time.

use crate::error::{Error, Result};
use jiff::tz::TimeZone;

/// Parses a time into epoch milliseconds: an age (`90s`, `10m`, `2h 30m`, `1d`), a time in RFC 3339
/// (`2026-03-01T12:00:00Z`), a local time without a zone (`2026-03-01 12:00`), or `now`.
///
/// # Errors
/// A usage error that names the flag and shows what is possible.
pub fn parse(flag: &str, text: &str, now: i64) -> Result<i64> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("now") {
        return Ok(now);
    }
    if let Ok(moment) = text.parse::<jiff::Timestamp>() {
        return Ok(moment.as_millisecond());
    }
    if let Ok(local) = text.parse::<jiff::civil::DateTime>() {
        let zoned = local
            .to_zoned(TimeZone::system())
            .map_err(|error| refuse(flag, text).because(error))?;
        return Ok(zoned.timestamp().as_millisecond());
    }
    let age = text.strip_suffix("ago").unwrap_or(text).trim();
    match humantime::parse_duration(age) {
        Ok(age) => Ok(now.saturating_sub(super::millis(age))),
        Err(_) => Err(refuse(flag, text)),
    }
}

fn refuse(flag: &str, text: &str) -> Error {
    Error::usage(format!("{flag} {text} is neither an age nor a time"))
        .hint("an age is 90s, 10m, 2h or 1d; a time is 2026-03-01T12:00:00Z or 2026-03-01 12:00")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000_000;

    #[test]
    fn ages_count_back_from_now() {
        for (text, back) in [
            ("10m", 600_000),
            ("2h", 7_200_000),
            ("1h 30m", 5_400_000),
            ("90s ago", 90_000),
            ("1d", 86_400_000),
            ("now", 0),
        ] {
            assert_eq!(parse("--since", text, NOW).unwrap(), NOW - back, "{text}");
        }
    }

    #[test]
    fn moments_are_read_with_their_zone() {
        let parse = |text| parse("--since", text, NOW).unwrap();
        assert_eq!(parse("2026-03-01T12:00:00Z"), 1_772_366_400_000);
        assert_eq!(parse("2026-03-01T14:00:00.5+02:00"), 1_772_366_400_500);
        assert_eq!(parse("2026-03-01T12:00"), parse("2026-03-01 12:00:00"));
    }

    #[test]
    fn anything_else_is_a_usage_error_with_examples() {
        for text in ["", "yesterday", "10", "2026-13-01T00:00:00Z", "-5m"] {
            let error = parse("--since", text, NOW).unwrap_err();
            assert_eq!(error.kind().exit_code(), 64, "{text}");
            assert!(error.hints()[0].contains("10m"));
        }
    }
}
