//! The endpoints of the Open API.

mod account;
mod body;
mod call;
mod checks;
mod deeplink;
mod handle;
mod minor_units;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
mod tokens;

pub(crate) use self::handle::{MAX_BODY, handle};
pub(crate) use self::tokens::EMAIL;
