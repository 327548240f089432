//! Decimal amounts as texts.

use khqr_core::{Currency, ErrorKind};

use super::is_digits;

/// Parses a plain decimal number into riel or cents.
///
/// # Errors
/// `AmountSyntax`, `AmountPrecision` or `AmountTooLarge`.
pub fn minor_units(text: &str, currency: Currency) -> Result<u64, ErrorKind> {
    let (whole, fraction) = parts(text)?;
    let decimals = match currency {
        Currency::Khr if fraction.chars().all(|digit| digit == '0') => String::new(),
        Currency::Usd if fraction.len() <= 2 => format!("{fraction:0<2}"),
        _ => return Err(ErrorKind::AmountPrecision),
    };
    let units = format!("{whole}{decimals}").parse();
    units.map_err(|_| ErrorKind::AmountTooLarge)
}

/// Splits a number into the digits before and after the decimal point.
fn parts(text: &str) -> Result<(&str, &str), ErrorKind> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if is_digits(whole) && is_digits(fraction) {
        Ok((whole, if text.contains('.') { fraction } else { "" }))
    } else {
        Err(ErrorKind::AmountSyntax)
    }
}

/// Formats minor units for tag 54: a whole number where possible, else two decimals.
#[must_use]
pub fn written(minor_units: u64, currency: Currency) -> String {
    match currency {
        Currency::Khr => minor_units.to_string(),
        Currency::Usd if minor_units.is_multiple_of(100) => (minor_units / 100).to_string(),
        Currency::Usd => format!("{}.{:02}", minor_units / 100, minor_units % 100),
    }
}

/// Formats an amount that was given as text for tag 54. Dollars without a point stay unchanged, dollars with a point
/// get two decimals, and riel become a whole number.
///
/// # Errors
/// The errors of [`minor_units`], and `TooLong` for more than 13 characters.
pub fn written_from_text(text: &str, currency: Currency) -> Result<String, ErrorKind> {
    let units = minor_units(text, currency)?;
    let form = match currency {
        Currency::Khr => units.to_string(),
        Currency::Usd if !text.contains('.') => text.to_owned(),
        Currency::Usd => format!("{}.{:02}", units / 100, units % 100),
    };
    if form.len() > 13 {
        return Err(ErrorKind::TooLong { max: 13 });
    }
    Ok(form)
}
