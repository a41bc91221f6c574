//! Time as the function needs it: milliseconds since 1970, and the two ways AWS writes them.
//!
//! A date library would be larger than the forty lines here. The core never reads the clock: `now`
//! is handed to it, so that a test can say what time it is.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Millis(pub u64);

impl Millis {
    /// The time now. A clock set before 1970 counts as 1970.
    pub fn now() -> Self {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    /// Whole seconds, the unit of DynamoDB's time to live.
    pub fn secs(self) -> u64 {
        self.0 / 1000
    }

    /// `2026-01-31T08:09:10.123Z`, as Lambda wants the time stamp of a JSON log line.
    pub fn rfc3339(self) -> String {
        let (y, mo, d, h, mi, s) = self.civil();
        format!(
            "{y:04}-{mo:02}-{d:02}T{h:02}:{mi:02}:{s:02}.{:03}Z",
            self.0 % 1000
        )
    }

    /// `20260131T080910Z`, as a signature wants it. The first eight characters are the day.
    pub fn amz_date(self) -> String {
        let (y, mo, d, h, mi, s) = self.civil();
        format!("{y:04}{mo:02}{d:02}T{h:02}{mi:02}{s:02}Z")
    }

    /// Year, month, day, hour, minute, second.
    fn civil(self) -> (u64, u64, u64, u64, u64, u64) {
        let secs = self.secs();
        let (days, rest) = (secs / 86_400, secs % 86_400);
        let (y, mo, d) = civil_day(days);
        (y, mo, d, rest / 3600, rest / 60 % 60, rest % 60)
    }
}

/// The Gregorian date of a day counted from 1970-01-01. Years run from March here, so that the leap
/// day is the last of its year and every month length follows one formula.
fn civil_day(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let (month, carry) = if month_from_march < 10 {
        (month_from_march + 3, 0)
    } else {
        (month_from_march - 9, 1)
    };
    (era * 400 + year_of_era + carry, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_aws_writes_them() {
        let cases = [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_708_326_702_007, "2024-02-19T07:11:42.007Z"),
            (4_107_542_399_999, "2100-02-28T23:59:59.999Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ];
        for (ms, text) in cases {
            assert_eq!(Millis(ms).rfc3339(), text);
        }
        assert_eq!(Millis(1_708_326_702_007).amz_date(), "20240219T071142Z");
    }
}
