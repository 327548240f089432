//! Times and durations as people write and read them.

use std::str::FromStr;
use std::time::Duration;

use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp as Moment};
use khqr_core::Timestamp;

/// Reads `90s`, `10m`, `1h 30m`.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    text.parse::<SignedDuration>()
        .ok()
        .and_then(|duration| Duration::try_from(duration).ok())
        .ok_or_else(|| "write a duration like 90s or 10m".to_owned())
}

/// How long a code at a counter should live at most, as NBC advises.
pub(crate) const ADVISED_LIFE: Duration = Duration::from_secs(600);

/// The longest that a code is made for here. Beyond it there is surely a mistake in the unit.
const LONGEST_LIFE: Duration = Duration::from_secs(366 * 86_400);

/// As [`parse_duration`], above zero and at most [`LONGEST_LIFE`].
pub(crate) fn parse_lifetime(text: &str) -> Result<Duration, String> {
    match parse_duration(text)? {
        Duration::ZERO => {
            Err("the code would expire at once; write a duration like 10m".to_owned())
        }
        life if life > LONGEST_LIFE => Err("a code lives at most 366 days".to_owned()),
        life => Ok(life),
    }
}

/// Reads milliseconds since 1970.
pub(crate) fn parse_moment(text: &str) -> Result<Timestamp, String> {
    text.parse()
        .map(Timestamp::from_millis)
        .map_err(|_| "write milliseconds since 1970, like 1795000000000".to_owned())
}

/// When the sandbox's customer pays.
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
            .map_err(|_| "write a duration like 5s, or never".to_owned())
    }
}

/// The date and time in Phnom Penh, where the shop is.
pub(crate) fn in_phnom_penh(moment: Timestamp) -> String {
    format(moment, "%Y-%m-%d %H:%M:%S")
}

/// The time of day in Phnom Penh.
pub(crate) fn time_of_day(moment: Timestamp) -> String {
    format(moment, "%H:%M:%S")
}

fn format(moment: Timestamp, form: &str) -> String {
    // Cambodia is at UTC+7 all year.
    let zone = TimeZone::fixed(Offset::constant(7));
    i64::try_from(moment.as_millis())
        .ok()
        .and_then(|millis| Moment::from_millisecond(millis).ok())
        .map_or_else(
            || moment.to_string(),
            |moment| moment.to_zoned(zone).strftime(form).to_string(),
        )
}

/// What is left, as `9:58`.
pub(crate) fn countdown(left: Duration) -> String {
    let seconds = left.as_secs();
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read() {
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
    fn times_are_phnom_penh_s() {
        let moment = Timestamp::from_millis(1_795_000_000_000);
        assert_eq!(in_phnom_penh(moment), "2026-11-18 18:06:40");
        assert_eq!(time_of_day(moment), "18:06:40");
        assert_eq!(
            in_phnom_penh(Timestamp::from_millis(u64::MAX)),
            u64::MAX.to_string()
        );
        assert_eq!(countdown(Duration::from_millis(598_900)), "9:58");
    }
}
