//! Moments as KHQR and the Open API write them: whole milliseconds since 1970.

use core::fmt;
use core::str::FromStr;
use core::time::Duration;

use crate::digits::{NoNumber, decimal, read_eight, read_number};
use crate::error::{Error, ErrorKind};

/// A moment in milliseconds since 1970-01-01T00:00:00Z. Prints as that number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The moment this many milliseconds after 1970 began.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970 began.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// This much later; the end of time instead of an overflow.
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(millis))
    }

    /// How long after `earlier` this is; zero if it is not after it.
    #[must_use]
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// Whether the number has the 13 digits that tag 99 holds (September 2001 to November 2286).
    #[must_use]
    pub const fn has_13_digits(self) -> bool {
        self.0 >= 1_000_000_000_000 && self.0 <= 9_999_999_999_999
    }

    /// The last thirteen digits of the number, with zeros in front.
    #[inline]
    pub(crate) fn thirteen_digits(self) -> [u8; 13] {
        decimal(self.0).last_chunk().copied().unwrap_or([b'0'; 13])
    }

    #[inline]
    pub(crate) fn from_digits(text: &[u8]) -> Result<Self, NoNumber> {
        // The thirteen digits of every code that may be paid: the first eight, and the last eight, whose
        // first three are among those.
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

    /// Reads a number of milliseconds in ASCII digits.
    fn from_str(text: &str) -> Result<Self, Error> {
        Self::from_digits(text.as_bytes()).map_err(|_| Error::new(ErrorKind::TimestampSyntax))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Conversions that need the operating system's notion of time.
#[cfg(feature = "std")]
mod system_time {
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    use super::Timestamp;

    impl Timestamp {
        /// The present by the system's clock; 1970 if that clock stands before it.
        #[must_use]
        pub fn now() -> Self {
            SystemTime::now().into()
        }

        /// The moment as the system has it; `None` if that cannot say it.
        #[must_use]
        pub fn to_system_time(self) -> Option<SystemTime> {
            UNIX_EPOCH.checked_add(Duration::from_millis(self.0))
        }
    }

    impl From<SystemTime> for Timestamp {
        /// Whole milliseconds; 1970 for what was before.
        fn from(time: SystemTime) -> Self {
            let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
            Self::from_millis(0).saturating_add(since)
        }
    }
}
