//! Moments as KHQR and the Open API write them: whole milliseconds since 1970.

use core::fmt;
use core::str::FromStr;
use core::time::Duration;

use crate::digits::{decimal, read_eight};
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

    /// Reads ASCII digits; `None` for anything else, and for what does not fit 64 bits.
    pub(crate) fn from_digits(text: &[u8]) -> Option<Self> {
        // The thirteen digits of every code that may be paid: the first eight, and the last eight, whose
        // first three are among those.
        if let (13, Some(first), Some(last)) = (text.len(), text.first_chunk(), text.last_chunk()) {
            let (first, last) = (read_eight(*first)?, read_eight(*last)?);
            return Some(Self(first * 100_000 + last % 100_000));
        }
        let mut millis = 0u64;
        for byte in text {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                return None;
            }
            millis = millis.checked_mul(10)?.checked_add(u64::from(digit))?;
        }
        (!text.is_empty()).then_some(Self(millis))
    }
}

impl FromStr for Timestamp {
    type Err = Error;

    /// Reads a number of milliseconds in ASCII digits.
    fn from_str(text: &str) -> Result<Self, Error> {
        Self::from_digits(text.as_bytes()).ok_or(Error::new(ErrorKind::TimestampSyntax))
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
    }

    impl From<SystemTime> for Timestamp {
        /// Whole milliseconds; 1970 for what was before.
        fn from(time: SystemTime) -> Self {
            let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
            Self::from_millis(0).saturating_add(since)
        }
    }

    impl TryFrom<Timestamp> for SystemTime {
        type Error = super::Error;

        /// Fails for what the system cannot say.
        fn try_from(moment: Timestamp) -> Result<Self, Self::Error> {
            UNIX_EPOCH
                .checked_add(Duration::from_millis(moment.as_millis()))
                .ok_or(super::Error::new(super::ErrorKind::TimestampSyntax))
        }
    }
}
