//! Moments as KHQR and the Open API write them: whole milliseconds since 1970.

use core::fmt;
use core::time::Duration;

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

    /// Reads ASCII digits; `None` for anything else, and for what does not fit 64 bits.
    pub(crate) fn from_digits(text: &str) -> Option<Self> {
        let mut millis = 0u64;
        for byte in text.bytes() {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                return None;
            }
            millis = millis.checked_mul(10)?.checked_add(u64::from(digit))?;
        }
        (!text.is_empty()).then_some(Self(millis))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
