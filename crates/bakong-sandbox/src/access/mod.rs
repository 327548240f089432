//! Access to the API: registered addresses, their tokens, and their daily quota.

mod quota;
mod registry;
mod token;

pub use self::quota::QuotaLimit;
pub(crate) use self::quota::{QuotaUsage, Used};
pub use self::registry::Mail;
pub(crate) use self::registry::Registry;
pub(crate) use self::token::{IssuedToken, TokenError, TokenKey};
