//! Money: whole minor units of a currency, never a float.

mod payload;

pub use payload::PayloadAmount;

use core::fmt;
use core::str::FromStr;

use crate::digits::{MAX_DIGITS, NoNumber, decimal, decimal_len, read_number, two_digits};
use crate::error::{Error, ErrorKind};
use crate::tag::Tag;

/// The two currencies of KHQR.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Currency {
    /// Cambodian riel, ISO 4217 number 116, paid in whole riel.
    Khr,
    /// United States dollar, ISO 4217 number 840, paid in cents.
    Usd,
}

impl Currency {
    /// The ISO 4217 number as tag 53 holds it.
    #[must_use]
    pub const fn numeric_code(self) -> &'static str {
        match self {
            Self::Khr => "116",
            Self::Usd => "840",
        }
    }

    /// The ISO 4217 letters as the Open API writes them.
    #[must_use]
    pub const fn alphabetic_code(self) -> &'static str {
        match self {
            Self::Khr => "KHR",
            Self::Usd => "USD",
        }
    }

    /// How many decimals an amount may have: KHQR takes KHR whole, USD with two.
    #[must_use]
    pub const fn decimals(self) -> u32 {
        match self {
            Self::Khr => 0,
            Self::Usd => 2,
        }
    }

    const fn units_per_whole(self) -> u64 {
        10u64.pow(self.decimals())
    }
}

impl FromStr for Currency {
    type Err = Error;

    /// Reads `KHR`, `USD` (in either case), `116` or `840`.
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

/// An amount of money: whole minor units (riel, or US cents) and their currency.
///
/// Prints for people, as `10000 KHR` or `1.10 USD`; [`Amount::payload_text`] is the form in a code.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Amount {
    minor_units: u64,
    currency: Currency,
}

impl Amount {
    /// This many riel.
    #[must_use]
    pub const fn riel(riel: u64) -> Self {
        Self::from_minor_units(riel, Currency::Khr)
    }

    /// This many US cents.
    #[must_use]
    pub const fn us_cents(cents: u64) -> Self {
        Self::from_minor_units(cents, Currency::Usd)
    }

    /// This many riel, or US cents.
    ///
    /// Beware of systems that count riel in hundredths, as ISO 4217 has it: nobody pays them, and KHQR has
    /// no way to write them. Here ten thousand riel are 10,000.
    #[must_use]
    pub const fn from_minor_units(minor_units: u64, currency: Currency) -> Self {
        Self {
            minor_units,
            currency,
        }
    }

    /// Reads a plain decimal number: ASCII digits, and if need be a point and more digits.
    ///
    /// Never rounds. USD may have at most two decimals; KHR may have decimals only if all are zero, as
    /// some banks print them.
    ///
    /// # Errors
    /// [`ErrorKind::AmountSyntax`], [`ErrorKind::AmountPrecision`] or [`ErrorKind::AmountTooLarge`] (all
    /// the official SDK's 4).
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
        // What is no number is told as that, before it is too fine or too large.
        if [whole, fraction].contains(&Err(NoNumber::NotDigits)) {
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

    /// The amount in riel, or US cents.
    #[must_use]
    pub const fn minor_units(self) -> u64 {
        self.minor_units
    }

    /// The currency.
    #[must_use]
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// Whether it is nothing at all.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.minor_units == 0
    }

    /// The form in which the official SDK writes a number into tag 54: a whole number bare (`5`),
    /// otherwise exactly two decimals (`1.10`).
    #[must_use]
    pub const fn payload_text(self) -> PayloadAmount {
        PayloadAmount::shortest(self)
    }

    const fn parts(self) -> (u64, u64) {
        let unit = self.currency.units_per_whole();
        (self.minor_units / unit, self.minor_units % unit)
    }
}

impl FromStr for Amount {
    type Err = Error;

    /// Reads what an amount prints: `10000 KHR`, `1.10 USD`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let syntax = Error::new(ErrorKind::AmountSyntax);
        let (number, currency) = text.split_once(' ').ok_or(syntax)?;
        let currency = currency.parse().map_err(|_| syntax)?;
        Self::parse(number, currency)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Twenty digits, a point, a space and three letters.
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
        f.pad(core::str::from_utf8(&text[start..end]).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::string::ToString;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts_are_read_exactly() {
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
            assert_eq!(
                Amount::parse(text, currency),
                Ok(Amount::from_minor_units(units, currency)),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        let kind = |text, currency| Amount::parse(text, currency).unwrap_err().kind();
        for text in [
            "",
            ".",
            "1.",
            ".5",
            "-1",
            "+1",
            " 1",
            "1 ",
            "1,000",
            "1e3",
            "0x10",
            "NaN",
            "abc",
            "១០០",
            "1.2.3",
            "1_0",
        ] {
            assert_eq!(kind(text, Currency::Usd), ErrorKind::AmountSyntax, "{text}");
            assert_eq!(kind(text, Currency::Khr), ErrorKind::AmountSyntax, "{text}");
        }
        assert_eq!(kind("1.234", Currency::Usd), ErrorKind::AmountPrecision);
        assert_eq!(kind("1.100", Currency::Usd), ErrorKind::AmountPrecision);
        assert_eq!(kind("100.5", Currency::Khr), ErrorKind::AmountPrecision);
        assert_eq!(
            kind("18446744073709551616", Currency::Khr),
            ErrorKind::AmountTooLarge
        );
        assert_eq!(
            kind("184467440737095516.16", Currency::Usd),
            ErrorKind::AmountTooLarge
        );
    }

    #[test]
    fn both_forms_are_written() {
        for (units, currency, payload, people) in [
            (500, Currency::Usd, "5", "5.00 USD"),
            (110, Currency::Usd, "1.10", "1.10 USD"),
            (1, Currency::Usd, "0.01", "0.01 USD"),
            (10_000, Currency::Khr, "10000", "10000 KHR"),
        ] {
            let amount = Amount::from_minor_units(units, currency);
            assert_eq!(amount.payload_text().to_string(), payload);
            assert_eq!(amount.to_string(), people);
        }
    }

    proptest! {
        #[test]
        fn reading_what_was_written_gives_the_same(units: u64, usd: bool) {
            let currency = if usd { Currency::Usd } else { Currency::Khr };
            let amount = Amount::from_minor_units(units, currency);
            let text = amount.payload_text().to_string();
            prop_assert_eq!(Amount::parse(&text, currency), Ok(amount));
            prop_assert_eq!(amount.payload_text().len(), text.len());
        }

        #[test]
        fn any_text_is_an_amount_or_an_error(text: std::string::String) {
            let _ = Amount::parse(&text, Currency::Usd);
            let _ = Amount::parse(&text, Currency::Khr);
        }
    }
}
