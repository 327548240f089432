//! The command that looks a payment up later, for people to paste.

use khqr_core::Md5Handle;

use bakong_flow::Expected;

use crate::common::advice::Advisor;
use crate::common::{money, shell};

/// Returns the complete command that looks the payment up and compares it with the order.
pub(crate) fn command(md5: Md5Handle, expected: &Expected, advisor: &Advisor) -> String {
    let amount = expected.amount;
    let account = shell::option("--account", expected.recipient.as_str());
    format!(
        "bakong tx check --md5 {md5}{account} --amount {} --currency {}{}",
        money::decimal(amount),
        amount.currency(),
        advisor.target_options(),
    )
}
