//! The line format of inputs: one field per line, tag and value without a length, such as `53840`. A mutation can
//! then change a field and keep it well-formed. A value with vertical bars is a template: `62|01INV-1|07Till 2`.

use khqr_core::Currency;
use khqr_kit::naive;
use khqr_kit::naive::writer::{Input, Money, Payment};

/// Encodes the fields, without a checksum.
pub fn encoded(lines: &str) -> String {
    let template = |parts: &str| -> String {
        let parts = parts.split('|').filter_map(|part| part.split_at_checked(2));
        parts
            .map(|(tag, value)| naive::encoded(tag, value))
            .collect()
    };
    let lines = lines.lines().filter(|line| !line.starts_with(PAYMENT));
    lines
        .filter_map(|line| line.split_at_checked(2))
        .map(|(tag, value)| {
            if value.contains('|') {
                naive::encoded(tag, &template(value))
            } else {
                naive::encoded(tag, value)
            }
        })
        .collect()
}

/// Reads the fields as an input for the builder. `#` marks an amount in minor units: `54#150`.
pub fn input(lines: &str) -> Input {
    let is_merchant = lines.lines().any(|line| line.starts_with("30"));
    let own = |path: &str| value(lines, path).map(str::to_owned);
    let account = |sub: &str| own(&format!("{}{sub}", if is_merchant { "30" } else { "29" }));
    let payment = value(lines, "54").map(|amount| Payment {
        amount: money(amount),
        created: number(value(lines, "9900")),
        expires: number(value(lines, "9901")),
    });
    let has_second = ["6400", "6401", "6402"]
        .iter()
        .any(|path| value(lines, path).is_some());
    let second = || {
        let [language, name] = ["6400", "6401"].map(|path| own(path).unwrap_or_default());
        (language, name, own("6402"))
    };
    Input {
        is_merchant,
        account: account("00").unwrap_or_default(),
        account_detail: account("01"),
        acquiring_bank: account("02"),
        name: own("59").unwrap_or_default(),
        city: own("60"),
        category: own("52"),
        union_pay: own("15"),
        additional: ["6201", "6202", "6203", "6207", "6208"].map(own),
        second_language: has_second.then(second),
        currency: match value(lines, "53") {
            Some("840") => Currency::Usd,
            _ => Currency::Khr,
        },
        payment,
    }
}

/// Returns the value of a field. `path` is a tag of two digits, or the four digits of a tag and a tag inside it.
fn value<'l>(lines: &'l str, path: &str) -> Option<&'l str> {
    let (tag, sub) = path.split_at(2);
    let line = lines.lines().find_map(|line| line.strip_prefix(tag))?;
    if sub.is_empty() {
        Some(line)
    } else {
        line.split('|')
            .skip(1)
            .find_map(|part| part.strip_prefix(sub))
    }
}

/// Starts a line that holds a payment: amount, creation and expiry, as in `=1.50 1795000000000 1795000600000`.
const PAYMENT: char = '=';

/// Reads the payments.
pub fn payments(lines: &str) -> Vec<Payment> {
    let lines = lines.lines().filter_map(|line| line.strip_prefix(PAYMENT));
    lines
        .map(|line| {
            let mut words = line.split(' ');
            Payment {
                amount: money(words.next().unwrap_or_default()),
                created: number(words.next()),
                expires: number(words.next()),
            }
        })
        .collect()
}

fn money(text: &str) -> Money {
    let units = text.strip_prefix('#').and_then(|units| units.parse().ok());
    units.map_or_else(|| Money::Text(text.to_owned()), Money::Units)
}

fn number(digits: Option<&str>) -> u64 {
    digits
        .and_then(|digits| digits.parse().ok())
        .unwrap_or_default()
}
