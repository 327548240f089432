//! The endpoints of the Open API.

mod account;
mod admission;
mod body;
mod call;
mod checks;
mod deeplink;
mod handle;
mod minor_units;
#[cfg(test)]
mod properties;
mod refused;
#[cfg(test)]
mod tests;
mod tokens;

pub(crate) use self::admission::check_content_type;
pub(crate) use self::handle::{MAX_BODY, handle};
pub(crate) use self::tokens::EMAIL;
