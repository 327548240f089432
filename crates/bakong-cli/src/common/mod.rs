//! Code that several commands share. It does not depend on any command.

pub(crate) mod advice;
pub(crate) mod blanks;
pub(crate) mod clock;
pub(crate) mod code;
pub(crate) mod credentials;
pub(crate) mod csv_text;
pub(crate) mod exit;
pub(crate) mod files;
pub(crate) mod interrupt;
pub(crate) mod lines;
pub(crate) mod location;
pub(crate) mod lookup;
pub(crate) mod money;
pub(crate) mod options;
pub(crate) mod output;
pub(crate) mod piped;
pub(crate) mod reader;
pub(crate) mod remote;
pub(crate) mod renewal;
pub(crate) mod runtime;
pub(crate) mod shell;
pub(crate) mod shop_store;
pub(crate) mod terminal_qr;
pub(crate) mod time;
pub(crate) mod transaction;
pub(crate) mod transport;
