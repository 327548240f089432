//! An amount in the form of tag 54.

use core::fmt;

use crate::amount::Amount;
use crate::currency::Currency;
use crate::digits::{MAX_DIGITS, decimal, decimal_len, two_digits};
use crate::error::{Error, ErrorKind};
use crate::limits;
use crate::tag::Tag;

/// An [`Amount`] in the form of tag 54, as NBC's JavaScript SDK writes it.
///
/// The SDK accepts an amount as a number or as a string, and can write the two differently. The number 5
/// becomes `5`; the strings `5`, `5.00` and `05`, in dollars, become `5`, `5.00` and `05`. One amount thus has
/// three texts and three MD5s. [`Amount::payload_text`] is the form of the number. Use
/// [`PayloadAmount::from_text`] only to reproduce the bytes of a system that passes strings to the SDK.
///
/// ```
/// use khqr_core::{Amount, Currency, PayloadAmount};
///
/// let five = Amount::from_minor_units(500, Currency::Usd);
/// assert_eq!(five.payload_text().to_string(), "5");
/// assert_eq!(PayloadAmount::from_text("5.0", Currency::Usd)?.to_string(), "5.00");
/// # Ok::<(), khqr_core::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct PayloadAmount {
    amount: Amount,
    /// The minimum number of digits before the point.
    whole_digits: u8,
    /// Whether two decimals are written even if both are zero.
    cents: bool,
}

impl Amount {
    /// The form in which the official SDK writes a number into tag 54: whole numbers without decimals
    /// (`5`), others with exactly two (`1.10`).
    #[must_use]
    pub const fn payload_text(self) -> PayloadAmount {
        PayloadAmount {
            amount: self,
            whole_digits: 1,
            cents: false,
        }
    }
}

impl PayloadAmount {
    /// The form in which the SDK writes a string. Dollars without a point stay unchanged, dollars with a
    /// point get two decimals, and riel are written like a number.
    ///
    /// # Errors
    /// The errors of [`Amount::parse`], and [`ErrorKind::TooLong`] above 13 characters.
    pub fn from_text(text: &str, currency: Currency) -> Result<Self, Error> {
        let amount = Amount::parse(text, currency)?;
        let mut form = amount.payload_text();
        // Sets only what differs from the shortest form, so that equal texts give equal values.
        if currency == Currency::Usd {
            let (whole, cents) = amount.parts();
            if text.contains('.') {
                form.cents = cents == 0;
            } else if text.len() > decimal_len(whole) {
                form.whole_digits = u8::try_from(text.len()).unwrap_or(u8::MAX);
            }
        }
        if form.len() > usize::from(limits::AMOUNT) {
            return Err(Error::at(TOO_LONG, Tag::TRANSACTION_AMOUNT));
        }
        Ok(form)
    }

    /// The amount.
    #[must_use]
    pub const fn amount(self) -> Amount {
        self.amount
    }

    /// Checks the amount of a payment: above zero, and not too long for tag 54.
    pub(crate) fn check(self) -> Result<(), Error> {
        let kind = if self.amount.is_zero() {
            ErrorKind::AmountZero
        } else if self.len() > usize::from(limits::AMOUNT) {
            TOO_LONG
        } else {
            return Ok(());
        };
        Err(Error::at(kind, Tag::TRANSACTION_AMOUNT))
    }

    /// The number of characters, all of them ASCII.
    #[must_use]
    #[allow(
        clippy::len_without_is_empty,
        reason = "an amount has at least one digit"
    )]
    pub fn len(self) -> usize {
        let (whole, cents) = self.amount.parts();
        let digits = decimal_len(whole).max(usize::from(self.whole_digits));
        if self.cents || cents != 0 {
            digits + 3
        } else {
            digits
        }
    }

    /// Passes the characters to `write`.
    pub(crate) fn put<R>(self, write: impl FnOnce(&[u8]) -> R) -> R {
        let (whole, cents) = self.amount.parts();
        let mut text = [b'.'; MAX_DIGITS + 3];
        text[..MAX_DIGITS].copy_from_slice(&decimal(whole));
        text[MAX_DIGITS + 1..].copy_from_slice(&two_digits(cents));
        let len = self.len();
        let end = if self.cents || cents != 0 {
            MAX_DIGITS + 3
        } else {
            MAX_DIGITS
        };
        write(text.get(end.saturating_sub(len)..end).unwrap_or_default())
    }
}

const TOO_LONG: ErrorKind = ErrorKind::TooLong {
    max: limits::AMOUNT,
};

impl From<Amount> for PayloadAmount {
    /// Same as [`Amount::payload_text`].
    fn from(amount: Amount) -> Self {
        amount.payload_text()
    }
}

impl fmt::Display for PayloadAmount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.put(|text| f.pad(core::str::from_utf8(text).unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::string::ToString;

    use super::*;

    #[test]
    fn strings_are_written_as_the_sdk_does() {
        for (text, currency, written) in [
            ("5", Currency::Usd, "5"),
            ("50", Currency::Usd, "50"),
            ("5.", Currency::Usd, ""),
            ("5.0", Currency::Usd, "5.00"),
            ("5.00", Currency::Usd, "5.00"),
            ("5.1", Currency::Usd, "5.10"),
            ("05", Currency::Usd, "05"),
            ("05.1", Currency::Usd, "5.10"),
            ("0000000000005", Currency::Usd, "0000000000005"),
            ("00000000000005", Currency::Usd, ""),
            ("00000000000005.5", Currency::Usd, "5.50"),
            ("9999999999.99", Currency::Usd, "9999999999.99"),
            ("10000000000.00", Currency::Usd, ""),
            ("0050", Currency::Khr, "50"),
            ("100.00", Currency::Khr, "100"),
            ("9999999999999", Currency::Khr, "9999999999999"),
            ("10000000000000", Currency::Khr, ""),
        ] {
            let Ok(amount) = PayloadAmount::from_text(text, currency) else {
                assert_eq!(written, "", "{text}");
                continue;
            };
            assert_eq!(amount.to_string(), written, "{text}");
            let shortest = amount.amount().payload_text();
            assert_eq!(amount == shortest, written == shortest.to_string());
            assert_eq!(amount.len(), written.len());
            assert_eq!(amount.amount(), Amount::parse(text, currency).unwrap());
        }
    }
}
