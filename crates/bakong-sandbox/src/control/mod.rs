//! The control API under `/sandbox/…`: everything that the typed handle does, for clients in any language.
//!
//! It is separate from the Open API. Faults, the quota and tokens do not apply to it, its errors have a
//! different form, and a browser may use it only from the sandbox's own page.

mod call;
mod clock;
mod faults;
mod guard;
mod handlers;
mod page;
mod pay;
mod picture;
mod query;
mod quota;
mod refusal;
mod route;
mod serve;
#[cfg(test)]
mod tests;

pub(crate) use self::call::Reply;
pub(crate) use self::guard::Guard;
pub(crate) use self::serve::{is_control, is_picture, max_body, reject_website, serve};
