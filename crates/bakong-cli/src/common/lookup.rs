//! What identifies a payment later: the command that looks it up, and the bill number of its code.

use khqr_core::{Khqr, Md5Handle};

use bakong_flow::Expected;

use crate::common::advice::Advisor;
use crate::common::{money, shell};

/// Bakong answers a lookup by MD5 with "static QR", even for a paid code.
pub(crate) const STATIC_CODE: &str = "This code is static: its payments cannot be looked up by MD5. Look one up by the short hash on the receipt: \
     bakong tx check --short-hash HASH --amount AMOUNT --currency KHR|USD";

/// Returns the complete command that looks the payment up and compares it with the order, if the order is known.
pub(crate) fn command(md5: Md5Handle, expected: Option<&Expected>, advisor: &Advisor) -> String {
    let comparison = expected.map(|expected| {
        let amount = expected.amount;
        let account = shell::option("--account", expected.recipient.as_str());
        let currency = amount.currency();
        let amount = money::decimal(amount);
        format!("{account} --amount {amount} --currency {currency}")
    });
    format!(
        "bakong tx check --md5 {md5}{}{}",
        comparison.unwrap_or_default(),
        advisor.target_options(),
    )
}

/// Returns the bill number of a code.
pub(crate) fn bill_number(code: &str) -> Option<String> {
    let khqr = Khqr::parse(code).ok()?;
    khqr.bill_number().map(str::to_owned)
}
