//! The two currencies of KHQR.

use core::fmt;
use core::str::FromStr;

use crate::error::{Error, ErrorKind};

/// A currency of KHQR.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Currency {
    /// Cambodian riel, ISO 4217 number 116, paid in whole riel.
    Khr,
    /// United States dollar, ISO 4217 number 840, paid in cents.
    Usd,
}

impl Currency {
    /// The ISO 4217 number, as in tag 53.
    #[must_use]
    pub const fn numeric_code(self) -> &'static str {
        match self {
            Self::Khr => "116",
            Self::Usd => "840",
        }
    }

    /// The ISO 4217 letters, as in the Open API.
    #[must_use]
    pub const fn alphabetic_code(self) -> &'static str {
        match self {
            Self::Khr => "KHR",
            Self::Usd => "USD",
        }
    }

    /// The number of decimals of an amount: 0 for KHR, 2 for USD.
    #[must_use]
    pub const fn decimals(self) -> u32 {
        match self {
            Self::Khr => 0,
            Self::Usd => 2,
        }
    }

    pub(crate) const fn units_per_whole(self) -> u64 {
        10u64.pow(self.decimals())
    }
}

impl FromStr for Currency {
    type Err = Error;

    /// Parses `KHR` or `USD` in either case, `116`, or `840`.
    fn from_str(text: &str) -> Result<Self, Error> {
        [Self::Khr, Self::Usd]
            .into_iter()
            .find(|currency| {
                text == currency.numeric_code()
                    || text.eq_ignore_ascii_case(currency.alphabetic_code())
            })
            .ok_or(Error::new(ErrorKind::UnsupportedCurrency))
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.alphabetic_code())
    }
}
