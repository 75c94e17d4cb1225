//! [`utc`]: a moment as it is written in the names of files.

use std::time::{SystemTime, UNIX_EPOCH};

/// Returns a moment as `2026-11-28T093015Z`; moments before 1970 are its beginning.
pub(crate) fn utc(moment: SystemTime) -> String {
    let seconds = moment.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (days, seconds) = (seconds / 86_400, seconds % 86_400);
    let (mut year, mut day) = (1970, days);
    let is_leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    while day >= 365 + u64::from(is_leap(year)) {
        day -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let february = 28 + u64::from(is_leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if day < length {
            break;
        }
        day -= length;
        month += 1;
    }
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{year}-{month:02}-{:02}T{hour:02}{minute:02}{second:02}Z", day + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn moments_are_those_of_the_calendar() {
        // From `date -u -d @SECONDS`.
        for (seconds, written) in [
            (0, "1970-01-01T000000Z"),
            (951_782_399, "2000-02-28T235959Z"),
            (951_868_800, "2000-03-01T000000Z"),
            (1_735_689_599, "2024-12-31T235959Z"),
            (1_795_858_215, "2026-11-28T093015Z"),
            (4_107_542_400, "2100-03-01T000000Z"),
        ] {
            assert_eq!(utc(UNIX_EPOCH + Duration::from_secs(seconds)), written);
        }
        assert_eq!(utc(UNIX_EPOCH - Duration::from_secs(9)), "1970-01-01T000000Z");
    }
}
