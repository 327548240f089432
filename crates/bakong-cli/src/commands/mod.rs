//! The commands, one module for each group.

pub(crate) mod account;
pub(crate) mod checkout;
pub(crate) mod deeplink;
pub(crate) mod doctor;
pub(crate) mod manual;
pub(crate) mod payments;
pub(crate) mod qr;
pub(crate) mod sandbox;
pub(crate) mod serve;
pub(crate) mod store;
pub(crate) mod token;
pub(crate) mod tx;
pub(crate) mod watch;
