//! Parses and formats times and durations.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use bakong_flow::{Clock, SystemClock};
use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp as Moment};
use khqr_core::Timestamp;

/// Parses `90s`, `10m`, `1h 30m`.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    text.parse::<SignedDuration>()
        .ok()
        .and_then(|duration| Duration::try_from(duration).ok())
        .ok_or_else(|| "expected a duration such as 90s or 10m".to_owned())
}

/// The longest lifetime that NBC recommends for a code at a counter.
pub(crate) const RECOMMENDED_LIFETIME: Duration = Duration::from_secs(600);

/// The longest lifetime that this command accepts. A longer one probably has the wrong unit.
const MAX_LIFETIME: Duration = Duration::from_secs(366 * 86_400);

/// Parses the lifetime of a code: a duration above zero and at most [`MAX_LIFETIME`].
pub(crate) fn parse_lifetime(text: &str) -> Result<Duration, String> {
    match parse_duration(text)? {
        Duration::ZERO => {
            Err("the code would expire immediately; expected a duration such as 10m".to_owned())
        }
        life if life > MAX_LIFETIME => Err("the longest lifetime of a code is 366 days".to_owned()),
        life => Ok(life),
    }
}

/// Parses milliseconds since 1970.
pub(crate) fn parse_moment(text: &str) -> Result<Timestamp, String> {
    text.parse()
        .map(Timestamp::from_millis)
        .map_err(|_| "expected milliseconds since 1970, such as 1795000000000".to_owned())
}

/// The given moment, or the current time.
pub(crate) fn moment_or_now(moment: Option<Timestamp>) -> Timestamp {
    moment.unwrap_or_else(|| SystemClock.now())
}

/// When the sandbox's customer pays the code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum PayAfter {
    Delay(Duration),
    Never,
}

impl FromStr for PayAfter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "never" {
            return Ok(Self::Never);
        }
        parse_duration(text)
            .map(Self::Delay)
            .map_err(|_| "expected a duration such as 5s, or never".to_owned())
    }
}

/// The date and time in Phnom Penh.
pub(crate) fn in_phnom_penh(moment: Timestamp) -> String {
    format(moment, "%Y-%m-%d %H:%M:%S")
}

/// The time of day in Phnom Penh.
pub(crate) fn time_of_day(moment: Timestamp) -> String {
    format(moment, "%H:%M:%S")
}

/// The date and time in Phnom Penh as RFC 3339, for machines.
pub(crate) fn rfc_3339(moment: Timestamp) -> String {
    format(moment, "%Y-%m-%dT%H:%M:%S+07:00")
}

/// The day in Phnom Penh.
pub(crate) fn date_in_phnom_penh(moment: Timestamp) -> Date {
    let millis = i64::try_from(moment.as_millis()).unwrap_or(i64::MAX);
    let moment = Moment::from_millisecond(millis).unwrap_or(Moment::MAX);
    moment.to_zoned(phnom_penh()).date()
}

/// The start of a day in Phnom Penh. A day before 1970 starts in 1970.
pub(crate) fn midnight_in_phnom_penh(day: Date) -> Timestamp {
    let midnight = day.to_zoned(phnom_penh());
    let millis = midnight.map_or(0, |midnight| midnight.timestamp().as_millisecond());
    Timestamp::from_millis(u64::try_from(millis).unwrap_or(0))
}

/// Cambodia has UTC+7 all year.
const fn phnom_penh() -> TimeZone {
    TimeZone::fixed(Offset::constant(7))
}

fn format(moment: Timestamp, form: &str) -> String {
    let zone = phnom_penh();
    i64::try_from(moment.as_millis())
        .ok()
        .and_then(|millis| Moment::from_millisecond(millis).ok())
        .map_or_else(
            || moment.to_string(),
            |moment| moment.to_zoned(zone).strftime(form).to_string(),
        )
}

/// Formats the remaining time as `9:58`.
pub(crate) fn countdown(left: Duration) -> String {
    let seconds = left.as_secs();
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

/// Formats a duration as `89 days 3 h`, `5 h 53 min`, `2 min` or `40 s`, rounded up.
pub(crate) fn left(duration: Duration) -> String {
    let parts = |large: u64, name: &str, small: u64, small_name: &str| match small {
        0 => format!("{large} {name}"),
        _ => format!("{large} {name} {small} {small_name}"),
    };
    let seconds = duration
        .as_secs()
        .saturating_add(u64::from(duration.subsec_nanos() > 0));
    let minutes = seconds.div_ceil(60);
    let hours = minutes / 60;
    match (seconds, hours) {
        (0..60, _) => format!("{seconds} s"),
        (_, 0) => format!("{minutes} min"),
        (_, 1..48) => parts(hours, "h", minutes % 60, "min"),
        _ => parts(hours / 24, "days", hours % 24, "h"),
    }
}

/// When Bakong resets the daily quota. NBC does not document this, so there are two candidates: the next midnight in
/// Phnom Penh and the next midnight in UTC.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct QuotaReset {
    now: Timestamp,
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
}

impl QuotaReset {
    pub(crate) fn after(now: Timestamp) -> Self {
        const DAY: u64 = 86_400_000;
        const OFFSET: u64 = 7 * 3_600_000;
        let midnight = |offset| {
            let until = DAY - now.as_millis().saturating_add(offset) % DAY;
            now.saturating_add(Duration::from_millis(until))
        };
        let (local, utc) = (midnight(OFFSET), midnight(0));
        Self {
            now,
            first: local.min(utc),
            last: local.max(utc),
        }
    }
}

impl fmt::Display for QuotaReset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, last) = (in_phnom_penh(self.first), in_phnom_penh(self.last));
        let left = left(self.first.saturating_since(self.now));
        write!(
            f,
            "The quota is reset at midnight, either in Phnom Penh or in UTC: NBC does not document which. Try again \
             at {first} in Phnom Penh, in {left}. If that fails, try again at {last} in Phnom Penh"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_moments_are_parsed() {
        assert_eq!(parse_duration("10m"), Ok(Duration::from_secs(600)));
        assert_eq!(parse_duration("1h 30m"), Ok(Duration::from_secs(5_400)));
        assert_eq!(parse_duration("90s"), Ok(Duration::from_secs(90)));
        for text in ["", "10", "-5s", "soon", "10m!", "9999999999999999999h"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
        assert!(parse_lifetime("0s").is_err() && parse_lifetime("9999999h").is_err());
        assert!(parse_moment("abc").is_err());
        assert_eq!("never".parse(), Ok(PayAfter::Never));
        assert_eq!("0s".parse(), Ok(PayAfter::Delay(Duration::ZERO)));
    }

    #[test]
    fn times_are_shown_in_phnom_penh() {
        let moment = Timestamp::from_millis(1_795_000_000_000);
        assert_eq!(in_phnom_penh(moment), "2026-11-18 18:06:40");
        assert_eq!(time_of_day(moment), "18:06:40");
        assert_eq!(
            in_phnom_penh(Timestamp::from_millis(u64::MAX)),
            u64::MAX.to_string()
        );
        assert_eq!(countdown(Duration::from_millis(598_900)), "9:58");
    }

    #[test]
    fn a_duration_is_shown_in_at_most_two_units() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (61, "2 min"),
            (3_600, "1 h"),
            (21_200, "5 h 54 min"),
            (2 * 86_400 - 60, "47 h 59 min"),
            (90 * 86_400, "90 days"),
            (89 * 86_400 + 3 * 3_600, "89 days 3 h"),
        ] {
            assert_eq!(left(Duration::from_secs(seconds)), text);
        }
        assert_eq!(left(Duration::from_millis(1)), "1 s");
        left(Duration::MAX);
    }

    #[test]
    fn the_quota_resets_at_midnight_in_phnom_penh_or_utc() {
        // 18:06:40 in Phnom Penh.
        let reset = QuotaReset::after(Timestamp::from_millis(1_795_000_000_000));
        assert_eq!(in_phnom_penh(reset.first), "2026-11-19 00:00:00");
        assert_eq!(in_phnom_penh(reset.last), "2026-11-19 07:00:00");
        let text = reset.to_string();
        let times = "in 5 h 54 min. If that fails, try again at 2026-11-19 07:00:00";
        assert!(text.contains(times), "{text}");
        // 03:00 in Phnom Penh: its midnight has passed, UTC's has not.
        let night = reset.first.saturating_add(Duration::from_secs(3 * 3_600));
        let reset = QuotaReset::after(night);
        assert_eq!(in_phnom_penh(reset.first), "2026-11-19 07:00:00");
        assert_eq!(in_phnom_penh(reset.last), "2026-11-20 00:00:00");
        // At midnight, the next midnight counts.
        let midnight = QuotaReset::after(reset.last);
        assert!(reset.last < midnight.first);
        let _ = QuotaReset::after(Timestamp::from_millis(u64::MAX)).to_string();
    }
}
