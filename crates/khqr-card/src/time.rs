//! Writes a time as people in Cambodia read it.

use khqr_core::Timestamp;

const MINUTE: u64 = 60_000;
/// Phnom Penh is seven hours ahead of UTC, without daylight saving time.
const OFFSET: u64 = 7 * 60;

/// Writes the minute of a time in Phnom Penh, rounded down: `18 Nov 2026, 14:30`.
pub(crate) fn in_phnom_penh(time: Timestamp) -> String {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let minutes = time.as_millis() / MINUTE + OFFSET;
    let (day, month, year) = date(minutes / (24 * 60));
    let month = usize::try_from(month).ok().and_then(|at| MONTHS.get(at));
    let (hour, minute) = (minutes / 60 % 24, minutes % 60);
    format!(
        "{day} {} {year}, {hour:02}:{minute:02}",
        month.unwrap_or(&"")
    )
}

/// The day of the month, the month from 0, and the year of a day since 1970. Counts in years that start in March, so that
/// the leap day is the last one (Howard Hinnant, "chrono-compatible low-level date algorithms").
const fn date(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = (march_month + 2) % 12;
    let year = year_of_era + era * 400;
    (day, month, if month < 2 { year + 1 } else { year })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        for (millis, text) in [
            (0, "1 Jan 1970, 07:00"),
            (951_782_400_000, "29 Feb 2000, 07:00"),
            (1_795_000_600_000, "18 Nov 2026, 18:16"),
            (1_709_225_999_999, "29 Feb 2024, 23:59"),
            (1_709_226_000_000, "1 Mar 2024, 00:00"),
            (9_999_999_999_999, "21 Nov 2286, 00:46"),
        ] {
            assert_eq!(in_phnom_penh(Timestamp::from_millis(millis)), text);
        }
    }
}
