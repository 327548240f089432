//! The error of opening a payment.

use std::fmt;

use bakong_api::khqr_core::Timestamp;

/// Why a payment is not watched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum OpenError {
    /// A payment with this MD5 is open or final. Two orders with the same code cannot be distinguished, so give each
    /// code its own bill number.
    Known,
    /// The order is settled. A customer who pays a new code for it would pay twice.
    OrderSettled,
    /// The quota has no request left for the final check, so the shop would not learn whether the payment was made.
    /// Do not show the code.
    NoQuota {
        /// When the final check of such a payment can be reserved, as far as the tracker knows.
        until: Timestamp,
    },
    /// Bakong rejected the token, and the tracker cannot renew it, so no request would be answered. Set a new token. Do
    /// not show the code.
    TokenRejected,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known => f.write_str(
                "a payment with this code is already known; give each code its own bill number",
            ),
            Self::OrderSettled => f.write_str("the order is already settled"),
            Self::NoQuota { until } => write!(
                f,
                "the quota has no request left to check this payment; do not show the code before {} (milliseconds since 1970)",
                until.as_millis()
            ),
            Self::TokenRejected => f.write_str(
                "Bakong rejected the token, so this payment cannot be checked; set a new token before you show the code",
            ),
        }
    }
}

impl std::error::Error for OpenError {}
