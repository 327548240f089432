//! The text form of times for people and for other APIs: RFC 3339, in UTC.

use core::fmt;

use crate::digits::{MAX_DIGITS, decimal, decimal_len, read_number, two_digits};
use crate::error::{Error, ErrorKind};
use crate::timestamp::Timestamp;

const MILLIS_PER_DAY: u64 = 86_400_000;
/// The days from 0000-03-01 to 1970-01-01. Counting from March puts the leap day at the end of a year.
const DAYS_TO_1970: u64 = 719_468;
const DAYS_PER_400_YEARS: u64 = 146_097;

/// A time that prints as RFC 3339, in UTC and with milliseconds: `2026-11-18T11:06:40.000Z`.
///
/// Created by [`Timestamp::rfc3339`]. Printing allocates nothing. RFC 3339 ends with the year 9999; later years print with
/// a plus sign and more digits, and [`Timestamp::parse_rfc3339`] rejects them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Rfc3339(Timestamp);

impl Timestamp {
    /// Returns the time in the form of RFC 3339.
    ///
    /// ```
    /// use khqr_core::Timestamp;
    ///
    /// let time = Timestamp::from_millis(1_795_000_000_000);
    /// assert_eq!(time.rfc3339().to_string(), "2026-11-18T11:06:40.000Z");
    /// assert_eq!(Timestamp::parse_rfc3339("2026-11-18T18:06:40+07:00")?, time);
    /// # Ok::<(), khqr_core::Error>(())
    /// ```
    #[must_use]
    pub const fn rfc3339(self) -> Rfc3339 {
        Rfc3339(self)
    }

    /// Parses a time in the form of RFC 3339 with any offset, from 1970 to 9999.
    ///
    /// `T` and `Z` may be in lower case, and a space may stand for `T` (RFC 3339 section 5.6). Digits after the millisecond
    /// are ignored. A leap second counts as the second before it.
    ///
    /// # Errors
    /// [`ErrorKind::DateTimeSyntax`] for any other text, for a date that does not exist, and for a time before 1970.
    pub fn parse_rfc3339(text: &str) -> Result<Self, Error> {
        Cursor(text.as_bytes())
            .date_time()
            .ok_or(Error::new(ErrorKind::DateTimeSyntax))
    }
}

impl fmt::Display for Rfc3339 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, millis) = (
            self.0.as_millis() / MILLIS_PER_DAY,
            self.0.as_millis() % MILLIS_PER_DAY,
        );
        let (year, month, day) = date_of(days + DAYS_TO_1970);
        let seconds = millis / 1_000;
        // A plus sign and up to nine digits of the year, and 20 characters for the rest.
        let mut text = [b'+'; 32];
        let digits = decimal(year);
        let year_len = decimal_len(year).max(4);
        text[1..=year_len].copy_from_slice(&digits[MAX_DIGITS - year_len..]);
        let mut end = 1 + year_len;
        let mut put = |bytes: &[u8]| {
            text[end..end + bytes.len()].copy_from_slice(bytes);
            end += bytes.len();
        };
        for (separator, number) in [
            (b'-', month),
            (b'-', day),
            (b'T', seconds / 3_600),
            (b':', seconds / 60 % 60),
            (b':', seconds % 60),
        ] {
            put(&[separator]);
            put(&two_digits(number));
        }
        put(b".");
        put(&decimal(millis % 1_000)[MAX_DIGITS - 3..]);
        put(b"Z");
        let start = usize::from(year <= 9_999);
        f.pad(core::str::from_utf8(&text[start..end]).unwrap_or_default())
    }
}

/// Returns the year, the month and the day that begins this many days after 0000-03-01.
const fn date_of(days: u64) -> (u64, u64, u64) {
    let day_of_era = days % DAYS_PER_400_YEARS;
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // March is month 0. Five months have 153 days.
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let year = days / DAYS_PER_400_YEARS * 400 + year_of_era;
    if month < 10 {
        (year, month + 3, day)
    } else {
        (year + 1, month - 9, day)
    }
}

/// Returns the days from 0000-03-01 to this date; `None` for an earlier date, and for a month or a day that no year has.
fn days_to((year, month, day): (u64, u64, u64)) -> Option<u64> {
    // Months before March belong to the previous year.
    let (year, month) = match month {
        1 | 2 => (year.checked_sub(1)?, month + 9),
        3..=12 => (year, month - 3),
        _ => return None,
    };
    let day_of_year = (153 * month + 2) / 5 + day.checked_sub(1)?;
    Some(365 * year + year / 4 - year / 100 + year / 400 + day_of_year)
}

/// The rest of a text that is parsed.
struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn date_time(mut self) -> Option<Timestamp> {
        let year = self.number(4)?;
        self.one_of(b"-")?;
        let month = self.number(2)?;
        self.one_of(b"-")?;
        let date = (year, month, self.number(2)?);
        let days = days_to(date)?;
        // The day exists if it converts back to itself.
        if date_of(days) != date {
            return None;
        }
        self.one_of(b"Tt ")?;
        let hour = self.at_most(23)?;
        self.one_of(b":")?;
        let minute = self.at_most(59)?;
        self.one_of(b":")?;
        let second = self.at_most(60)?.min(59);
        let millis = self.fraction()?;
        let offset = self.offset_minutes()?;
        if !self.0.is_empty() {
            return None;
        }
        let minutes = (days * 24 + hour) * 60 + minute;
        let minutes = minutes.checked_add_signed(-offset)?;
        let minutes = minutes.checked_sub(DAYS_TO_1970 * 24 * 60)?;
        Some(Timestamp::from_millis(
            (minutes * 60 + second) * 1_000 + millis,
        ))
    }

    fn number(&mut self, digits: usize) -> Option<u64> {
        let (number, rest) = self.0.split_at_checked(digits)?;
        self.0 = rest;
        read_number(number).ok()
    }

    fn at_most(&mut self, max: u64) -> Option<u64> {
        self.number(2).filter(|number| *number <= max)
    }

    fn one_of(&mut self, allowed: &[u8]) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        allowed.contains(first).then_some(*first)
    }

    /// Parses an optional fraction of a second. Returns whole milliseconds.
    fn fraction(&mut self) -> Option<u64> {
        let Some(fraction) = self.0.strip_prefix(b".") else {
            return Some(0);
        };
        let len = fraction.iter().take_while(|byte| byte.is_ascii_digit());
        let (digits, rest) = fraction.split_at_checked(len.count())?;
        self.0 = rest;
        let kept = digits.get(..3).unwrap_or(digits);
        let missing = u32::try_from(3 - kept.len()).ok()?;
        Some(read_number(kept).ok()? * 10u64.pow(missing))
    }

    /// Parses the offset from UTC.
    fn offset_minutes(&mut self) -> Option<i64> {
        let sign = self.one_of(b"Zz+-")?;
        if matches!(sign, b'Z' | b'z') {
            return Some(0);
        }
        let hours = self.at_most(23)?;
        self.one_of(b":")?;
        let minutes = i64::try_from(hours * 60 + self.at_most(59)?).ok()?;
        Some(if sign == b'-' { -minutes } else { minutes })
    }
}
