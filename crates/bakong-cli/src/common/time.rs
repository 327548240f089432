//! Times and durations as people write and read them.

use std::fmt;
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

/// A longer time that is left, as `89 days 3 h`, `5 h 53 min`, `2 min` or `40 s`: not less than there is.
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

/// When a day's requests may be given out anew. Where the day turns is not known for sure: at midnight in
/// Phnom Penh, or in UTC.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct DayTurn {
    now: Timestamp,
    pub(crate) first: Timestamp,
    last: Timestamp,
    /// Whether the first is Phnom Penh's.
    is_local: bool,
}

impl DayTurn {
    pub(crate) fn after(now: Timestamp) -> Self {
        const DAY: u64 = 86_400_000;
        const AHEAD: u64 = 7 * 3_600_000;
        let millis = now.as_millis();
        let until_utc = DAY - millis % DAY;
        let until_local = DAY - millis.saturating_add(AHEAD) % DAY;
        let turn = |until| now.saturating_add(Duration::from_millis(until));
        Self {
            now,
            first: turn(until_utc.min(until_local)),
            last: turn(until_utc.max(until_local)),
            is_local: until_local < until_utc,
        }
    }
}

impl fmt::Display for DayTurn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, last) = (in_phnom_penh(self.first), in_phnom_penh(self.last));
        let left = left(self.first.saturating_since(self.now));
        if self.is_local {
            write!(
                f,
                "The day turns at midnight in Phnom Penh, as far as is known: ask again at {first} there, in \
                 {left}; at midnight UTC at the latest, {last} in Phnom Penh"
            )
        } else {
            write!(
                f,
                "Midnight in Phnom Penh is past, so the day turns at midnight UTC, as far as is known: ask again \
                 at {first} in Phnom Penh, in {left}; at the next midnight there at the latest, {last}"
            )
        }
    }
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

    #[test]
    fn what_is_left_is_told_in_two_units() {
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
    fn the_day_turns_in_phnom_penh_or_in_utc() {
        // 18:06:40 in Phnom Penh.
        let turn = DayTurn::after(Timestamp::from_millis(1_795_000_000_000));
        assert_eq!(in_phnom_penh(turn.first), "2026-11-19 00:00:00");
        assert_eq!(in_phnom_penh(turn.last), "2026-11-19 07:00:00");
        assert!(turn.to_string().contains("midnight UTC at the latest"));
        // 03:00 there: its midnight is past, and UTC's is not.
        let night = turn.first.saturating_add(Duration::from_secs(3 * 3_600));
        let turn = DayTurn::after(night);
        assert_eq!(in_phnom_penh(turn.first), "2026-11-19 07:00:00");
        assert_eq!(in_phnom_penh(turn.last), "2026-11-20 00:00:00");
        assert!(turn.to_string().contains("in 4 h;"), "{turn}");
        // At a midnight, the next one is meant.
        let midnight = DayTurn::after(turn.last);
        assert!(turn.last < midnight.first);
        let _ = DayTurn::after(Timestamp::from_millis(u64::MAX)).to_string();
    }
}
