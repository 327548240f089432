//! Times in the form of KHQR and the Open API: whole milliseconds since 1970.

use core::fmt;
use core::str::FromStr;
use core::time::Duration;

use crate::digits::{NumberError, decimal, read_eight, read_number};
use crate::error::{Error, ErrorKind};

/// The number of digits of a timestamp in tag 99.
pub(crate) const DIGITS: u8 = 13;

/// A point in time, in milliseconds since 1970-01-01T00:00:00Z. Prints as that number;
/// [`rfc3339`](Self::rfc3339) prints the date and the time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Timestamp(u64);

impl Timestamp {
    /// Creates a timestamp from milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Adds `duration`, saturating at the largest timestamp.
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(millis))
    }

    /// Subtracts `duration`, saturating at 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn saturating_sub(self, duration: Duration) -> Self {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_sub(millis))
    }

    /// The time since `earlier`; zero if `earlier` is not before `self`.
    #[must_use]
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// Returns whether the number has 13 digits, as tag 99 requires (September 2001 to November 2286).
    #[must_use]
    pub const fn has_13_digits(self) -> bool {
        self.0 >= 1_000_000_000_000 && self.0 <= 9_999_999_999_999
    }

    /// The last thirteen digits of the number, with leading zeros.
    #[inline]
    pub(crate) fn thirteen_digits(self) -> [u8; 13] {
        decimal(self.0).last_chunk().copied().unwrap_or([b'0'; 13])
    }

    #[inline]
    pub(crate) fn from_digits(text: &[u8]) -> Result<Self, NumberError> {
        // Fast path for 13 digits: parses the first eight and the last eight, which overlap by three.
        if let (13, Some(first), Some(last)) = (text.len(), text.first_chunk(), text.last_chunk())
            && let (Some(first), Some(last)) = (read_eight(*first), read_eight(*last))
        {
            return Ok(Self(first * 100_000 + last % 100_000));
        }
        read_number(text).map(Self)
    }
}

impl FromStr for Timestamp {
    type Err = Error;

    /// Parses a number of milliseconds in ASCII digits.
    fn from_str(text: &str) -> Result<Self, Error> {
        Self::from_digits(text.as_bytes()).map_err(|_| Error::new(ErrorKind::TimestampSyntax))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Conversions from and to the time of the operating system.
#[cfg(feature = "std")]
mod system_time {
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    use super::Timestamp;

    impl Timestamp {
        /// The current time of the system clock; the start of 1970 if the clock shows an earlier time.
        #[must_use]
        pub fn now() -> Self {
            SystemTime::now().into()
        }

        /// Converts to the type of the system; `None` if that type cannot represent the moment.
        #[must_use]
        pub fn to_system_time(self) -> Option<SystemTime> {
            UNIX_EPOCH.checked_add(Duration::from_millis(self.0))
        }
    }

    impl From<SystemTime> for Timestamp {
        /// Rounds down to whole milliseconds. Earlier times become the start of 1970.
        fn from(time: SystemTime) -> Self {
            let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
            Self::from_millis(0).saturating_add(since)
        }
    }
}

/// Conversions from and to the type of the crate jiff.
#[cfg(feature = "jiff")]
mod jiff_time {
    use super::Timestamp;

    impl Timestamp {
        /// Converts to the type of jiff; `None` after the year 9999, which that type cannot represent.
        #[must_use]
        pub fn to_jiff(self) -> Option<jiff::Timestamp> {
            let millis = i64::try_from(self.0).ok()?;
            jiff::Timestamp::from_millisecond(millis).ok()
        }
    }

    impl From<jiff::Timestamp> for Timestamp {
        /// Rounds down to whole milliseconds. Earlier times become the start of 1970.
        fn from(time: jiff::Timestamp) -> Self {
            Self::from_millis(u64::try_from(time.as_millisecond()).unwrap_or_default())
        }
    }
}
