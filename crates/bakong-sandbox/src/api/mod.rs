//! The endpoints of the Open API.

mod account;
mod body;
mod checks;
mod decimal;
mod deeplink;
mod handle;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
mod tokens;

pub(crate) use self::handle::{MAX_BODY, handle};
pub(crate) use self::tokens::EMAIL;
