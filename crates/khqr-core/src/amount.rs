//! Money as whole minor units of a currency, never as a float.

use core::cmp::Ordering;
use core::fmt;
use core::str::FromStr;

use crate::currency::Currency;
use crate::digits::{MAX_DIGITS, NumberError, decimal, decimal_len, read_number, two_digits};
use crate::error::{Error, ErrorKind};
use crate::tag::Tag;

/// An amount of money: whole minor units (riel or US cents) and their currency.
///
/// `Display` prints the amount for people: `10000 KHR`, `1.10 USD`. The alternate form `{:#}` omits the currency: `10000`,
/// `1.10`. `FromStr` parses the first form, [`Amount::parse`] the second. [`Amount::payload_text`] returns the form for
/// tag 54.
///
/// # Order
/// Amounts of one currency have an order. Amounts of two currencies have none: `partial_cmp` returns `None`, and `<`, `<=`,
/// `>` and `>=` are all false. So test for what is acceptable, and not for what is not:
///
/// ```
/// use khqr_core::Amount;
///
/// let (price, paid) = (Amount::us_cents(500), Amount::riel(20_000));
/// assert!(!(paid >= price)); // accept only if this is true
/// assert!(!(paid < price)); // never accept because this is false
/// ```
///
/// To sort amounts of two currencies, use `(currency, minor_units)` as the key.
///
/// # Sums
/// The checked functions return `None` for two currencies, and if the result is negative or does not fit into 64 bits:
///
/// ```
/// use khqr_core::{Amount, Currency};
///
/// let coffee = Amount::riel(6_000).checked_mul(2);
/// let items = [coffee, Some(Amount::riel(8_000))].into_iter().flatten();
/// assert_eq!(Amount::checked_sum(items, Currency::Khr), Some(Amount::riel(20_000)));
/// assert_eq!(Amount::riel(1).checked_add(Amount::us_cents(1)), None);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Amount {
    minor_units: u64,
    currency: Currency,
}

impl Amount {
    /// An amount in riel.
    #[must_use]
    pub const fn riel(riel: u64) -> Self {
        Self::from_minor_units(riel, Currency::Khr)
    }

    /// An amount in US cents.
    #[must_use]
    pub const fn us_cents(cents: u64) -> Self {
        Self::from_minor_units(cents, Currency::Usd)
    }

    /// An amount in whole riel or in US cents.
    ///
    /// ISO 4217 defines hundredths of a riel, and some systems count in them. They are not in use, and KHQR cannot
    /// express them. In this type, 10,000 riel are 10,000 minor units.
    #[must_use]
    pub const fn from_minor_units(minor_units: u64, currency: Currency) -> Self {
        Self {
            minor_units,
            currency,
        }
    }

    /// Parses a plain decimal number: ASCII digits, optionally followed by a point and more digits.
    ///
    /// Never rounds. USD may have at most two decimals. Decimals of KHR are accepted only if all of
    /// them are zero, because some banks print `100.00`.
    ///
    /// # Errors
    /// [`ErrorKind::AmountSyntax`], [`ErrorKind::AmountPrecision`] or [`ErrorKind::AmountTooLarge`]. All
    /// have the SDK's code 4.
    pub fn parse(text: &str, currency: Currency) -> Result<Self, Error> {
        Self::of_digits(text.as_bytes(), currency)
            .map_err(|kind| Error::at(kind, Tag::TRANSACTION_AMOUNT))
    }

    pub(crate) fn of_digits(text: &[u8], currency: Currency) -> Result<Self, ErrorKind> {
        let (whole, fraction) = match text.iter().position(|byte| *byte == b'.') {
            None => (text, None),
            Some(point) => (text.get(..point).unwrap_or_default(), text.get(point + 1..)),
        };
        let decimals = fraction.map_or(0, <[u8]>::len);
        let whole = read_number(whole);
        let fraction = fraction.map_or(Ok(0), read_number);
        // A syntax error takes precedence over precision and size.
        if [whole, fraction].contains(&Err(NumberError::NotDigits)) {
            return Err(ErrorKind::AmountSyntax);
        }
        let cents = match (currency, decimals, fraction) {
            (Currency::Khr, _, Ok(0)) => 0,
            (Currency::Usd, 0 | 2, Ok(cents)) => cents,
            (Currency::Usd, 1, Ok(tens)) => tens * 10,
            _ => return Err(ErrorKind::AmountPrecision),
        };
        let units = whole.ok().and_then(|whole| {
            whole
                .checked_mul(currency.units_per_whole())?
                .checked_add(cents)
        });
        units
            .map(|minor_units| Self::from_minor_units(minor_units, currency))
            .ok_or(ErrorKind::AmountTooLarge)
    }

    /// The amount in riel or in US cents.
    #[must_use]
    pub const fn minor_units(self) -> u64 {
        self.minor_units
    }

    /// The currency.
    #[must_use]
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// Returns whether the amount is zero.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.minor_units == 0
    }

    /// Adds `other`; `None` if the currencies differ or the sum does not fit into 64 bits.
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        self.combine(other, self.minor_units.checked_add(other.minor_units))
    }

    /// Subtracts `other`; `None` if the currencies differ or the result is negative.
    #[must_use]
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        self.combine(other, self.minor_units.checked_sub(other.minor_units))
    }

    /// Multiplies by a count, such as a number of items; `None` if the result does not fit into 64 bits.
    #[must_use]
    pub const fn checked_mul(self, count: u64) -> Option<Self> {
        self.combine(self, self.minor_units.checked_mul(count))
    }

    /// Adds all amounts, starting from zero in `currency`; `None` if an amount has another currency or the sum does not
    /// fit into 64 bits.
    #[must_use]
    pub fn checked_sum(
        amounts: impl IntoIterator<Item = Self>,
        currency: Currency,
    ) -> Option<Self> {
        let zero = Self::from_minor_units(0, currency);
        amounts.into_iter().try_fold(zero, Self::checked_add)
    }

    /// Returns the result of an operation with `other`, unless the currencies differ.
    const fn combine(self, other: Self, minor_units: Option<u64>) -> Option<Self> {
        match (minor_units, self.currency, other.currency) {
            (Some(minor_units), Currency::Khr, Currency::Khr)
            | (Some(minor_units), Currency::Usd, Currency::Usd) => {
                Some(Self::from_minor_units(minor_units, self.currency))
            }
            _ => None,
        }
    }

    /// The whole riel or dollars, and the remaining cents (always 0 for riel).
    pub(crate) const fn parts(self) -> (u64, u64) {
        let unit = self.currency.units_per_whole();
        (self.minor_units / unit, self.minor_units % unit)
    }
}

impl PartialOrd for Amount {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self.currency == other.currency).then(|| self.minor_units.cmp(&other.minor_units))
    }
}

impl FromStr for Amount {
    type Err = Error;

    /// Parses the printed form: `10000 KHR`, `1.10 USD`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let syntax = Error::new(ErrorKind::AmountSyntax);
        let (number, currency) = text.split_once(' ').ok_or(syntax)?;
        let currency = currency.parse().map_err(|_| syntax)?;
        Self::parse(number, currency)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The longest output has twenty digits, a point, a space and three letters.
        let mut text = [b' '; 32];
        let (whole, cents) = self.parts();
        let [tens, ones] = two_digits(cents);
        let tail: &[u8] = match self.currency {
            Currency::Khr => b" KHR",
            Currency::Usd => &[b'.', tens, ones, b' ', b'U', b'S', b'D'],
        };
        text[..MAX_DIGITS].copy_from_slice(&decimal(whole));
        let end = MAX_DIGITS + tail.len();
        text[MAX_DIGITS..end].copy_from_slice(tail);
        let start = MAX_DIGITS - decimal_len(whole);
        let end = if f.alternate() { end - 4 } else { end };
        f.pad(core::str::from_utf8(&text[start..end]).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::string::ToString;

    use super::*;

    #[test]
    fn amounts_are_parsed_exactly() {
        for (text, currency, units) in [
            ("5", Currency::Usd, 500),
            ("1.1", Currency::Usd, 110),
            ("1.10", Currency::Usd, 110),
            ("0.01", Currency::Usd, 1),
            ("007", Currency::Usd, 700),
            ("0", Currency::Khr, 0),
            ("10000", Currency::Khr, 10_000),
            ("100.00", Currency::Khr, 100),
            ("18446744073709551615", Currency::Khr, u64::MAX),
        ] {
            let amount = Amount::from_minor_units(units, currency);
            assert_eq!(Amount::parse(text, currency), Ok(amount), "{text}");
        }
    }

    #[test]
    fn other_texts_are_rejected() {
        let kind = |text, currency| Amount::parse(text, currency).unwrap_err().kind();
        let malformed = "|.|1.|.5|-1|+1| 1|1 |1,000|1e3|1e+21|0x10|NaN|abc|១០០|1.2.3|1_0";
        for text in malformed.split('|') {
            assert_eq!(kind(text, Currency::Usd), ErrorKind::AmountSyntax, "{text}");
            assert_eq!(kind(text, Currency::Khr), ErrorKind::AmountSyntax, "{text}");
        }
        for (text, currency, wanted) in [
            ("1.234", Currency::Usd, ErrorKind::AmountPrecision),
            ("1.100", Currency::Usd, ErrorKind::AmountPrecision),
            ("100.5", Currency::Khr, ErrorKind::AmountPrecision),
            (
                "18446744073709551616",
                Currency::Khr,
                ErrorKind::AmountTooLarge,
            ),
            (
                "184467440737095516.16",
                Currency::Usd,
                ErrorKind::AmountTooLarge,
            ),
        ] {
            assert_eq!(kind(text, currency), wanted, "{text}");
        }
    }

    #[test]
    fn amounts_print_for_people() {
        for (amount, text) in [
            (Amount::us_cents(500), "5.00 USD"),
            (Amount::us_cents(1), "0.01 USD"),
            (Amount::riel(10_000), "10000 KHR"),
        ] {
            assert_eq!(amount.to_string(), text);
            let number = std::format!("{amount:#}");
            assert_eq!(Some(number.as_str()), text.split(' ').next());
            assert_eq!(Amount::parse(&number, amount.currency()), Ok(amount));
        }
    }
}
