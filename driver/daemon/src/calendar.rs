//! Dates of the wall clock in UTC, for names and EXIF; no time zones.

use std::time::{SystemTime, UNIX_EPOCH};

const SECONDS_A_DAY: u64 = 86_400;

/// A time of the wall clock in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Utc {
    /// Year of the Gregorian calendar.
    pub year: u64,
    /// `1..=12`.
    pub month: u64,
    /// `1..=31`.
    pub day: u64,
    /// `0..=23`.
    pub hour: u64,
    /// `0..=59`.
    pub minute: u64,
    /// `0..=59`.
    pub second: u64,
    /// `0..=999`.
    pub millisecond: u32,
}

impl From<SystemTime> for Utc {
    /// A time before 1970 counts as its beginning.
    fn from(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        let second = since.as_secs() % SECONDS_A_DAY;
        let (year, month, day) = civil(since.as_secs() / SECONDS_A_DAY);
        Self {
            year,
            month,
            day,
            hour: second / 3600,
            minute: second / 60 % 60,
            second: second % 60,
            millisecond: since.subsec_millis(),
        }
    }
}

/// Year, month and day of a day counted from 1970-01-01 (the Gregorian calendar, years that begin in March).
fn civil(days: u64) -> (u64, u64, u64) {
    // Days from 0000-03-01 to 1970-01-01; days of 400 years.
    const EPOCH: u64 = 719_468;
    const ERA: u64 = 146_097;
    let day = days + EPOCH;
    let (era, of_era) = (day / ERA, day % ERA);
    let of_era_year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / (ERA - 1)) / 365;
    let of_year = of_era - (365 * of_era_year + of_era_year / 4 - of_era_year / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    (era * 400 + of_era_year + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn date(seconds: u64) -> (u64, u64, u64) {
        let utc = Utc::from(UNIX_EPOCH + Duration::from_secs(seconds));
        (utc.year, utc.month, utc.day)
    }

    #[test]
    fn leap_days_and_turns_of_centuries() {
        assert_eq!(date(0), (1970, 1, 1));
        assert_eq!(date(951_782_400), (2000, 2, 29));
        assert_eq!(date(1_709_164_800), (2024, 2, 29));
        assert_eq!(date(4_107_542_400 - 1), (2100, 2, 28));
        assert_eq!(date(4_107_542_400), (2100, 3, 1));
    }

    #[test]
    fn the_time_of_day() {
        let utc = Utc::from(UNIX_EPOCH + Duration::from_millis(1_795_379_693_120));
        assert_eq!((utc.year, utc.month, utc.day), (2026, 11, 22));
        assert_eq!((utc.hour, utc.minute, utc.second), (20, 34, 53));
        assert_eq!(utc.millisecond, 120);
    }
}
