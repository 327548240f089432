//! The state file, so that a sandbox continues where it was stopped or killed.
//!
//! The file consists of lines of JSON. The first is a header; every other line is a list of
//! [changes](crate::state::Change) that turn a new state into the current one. The changes of a request are appended
//! as one line before its response is sent, so a killed process loses nothing that a client saw.
//!
//! A file that has grown is replaced by a snapshot, which is written beside it and then renamed. A truncated last
//! line is ignored: the process was killed while writing it, or the disk was full. After a failed write,
//! nothing is appended until a new snapshot is in place, and the sandbox continues without the file.

mod file;
mod format;
mod journal;
mod shared;
mod task;
#[cfg(test)]
mod tests;

pub(crate) use self::file::StateFile;
pub(crate) use self::journal::Journal;
pub(crate) use self::shared::Shared;
pub(crate) use self::task::{Loaded, PersistTask, load};
