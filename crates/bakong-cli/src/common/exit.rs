//! The exit codes and the failures that lead to them. Scripts rely on both.

use std::borrow::Cow;
use std::fmt;
use std::process::ExitCode;

use bakong_api::ErrorClass;
use khqr_core::TagPath;
use serde::Serialize;
use serde_json::json;

use crate::common::{origin, output};

/// How the command ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Exit {
    /// 0: the command did what was asked.
    Success,
    /// 1: Bakong gave no usable answer, or standard input or output failed. The state of the payment is unknown.
    NoAnswer,
    /// 1: a code cannot be read or must not be paid.
    NotValid,
    /// 2: the command line or the environment is wrong.
    Usage,
    /// 3: Bakong has no such payment or account.
    NotFound,
    /// 4: the payment failed, cannot be looked up, or needs a person; or the account ID is invalid.
    NeedsAttention,
    /// 5: the code expired unpaid.
    Expired,
    /// 130: stopped by a signal (128 plus SIGINT's number, as shells report it).
    Interrupted,
}

impl Exit {
    /// The number that the shell sees.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::NoAnswer | Self::NotValid => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::NeedsAttention => 4,
            Self::Expired => 5,
            Self::Interrupted => 130,
        }
    }

    /// The class of a failure with this exit code that has no other class.
    const fn class(self) -> &'static str {
        match self {
            Self::Usage => USAGE,
            Self::NotValid => INVALID_INPUT,
            Self::NotFound => "not_found",
            Self::NeedsAttention => CONFLICT,
            Self::Interrupted => "stopped",
            Self::Success | Self::NoAnswer | Self::Expired => LOCAL,
        }
    }
}

impl From<Exit> for ExitCode {
    /// Output that could not be written must not look like success.
    fn from(exit: Exit) -> Self {
        let is_output_lost = exit == Exit::Success && output::is_output_lost();
        let exit = if is_output_lost { Exit::NoAnswer } else { exit };
        exit.code().into()
    }
}

/// The class of an error in the command line or the environment.
pub(crate) const USAGE: &str = "usage";
/// The class of an error in a code, in a line of the input, or in a field of a code to generate.
pub(crate) const INVALID_INPUT: &str = "invalid_input";
/// The class of an error of this machine, for example of standard input, a port or a file.
pub(crate) const LOCAL: &str = "local";
/// The class of an error that contradicts what is known, such as a second payment for a code.
pub(crate) const CONFLICT: &str = "conflict";

/// The JSON error object. Every command prints this object, and all keys are always present. Its texts are safe to print.
///
/// The type of the message is a parameter, so that `--jsonl` need not allocate it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Reason<M = String> {
    /// The name of the [`ErrorClass`] for an error of a request, or another name in README.
    pub(crate) class: &'static str,
    /// Bakong's error code, or the code of NBC's SDK if the class is [`INVALID_INPUT`].
    pub(crate) code: Option<i64>,
    /// What happened.
    pub(crate) message: M,
    /// What to do next, unless the message says it.
    pub(crate) advice: Option<Cow<'static, str>>,
    /// The HTTP status.
    pub(crate) status: Option<u16>,
    /// When a retry may succeed, in milliseconds since 1970.
    pub(crate) retry_at: Option<u64>,
    /// The kind of an error with the class [`INVALID_INPUT`].
    pub(crate) kind: Option<&'static str>,
    /// The message of NBC's SDK for `code`.
    pub(crate) sdk_message: Option<&'static str>,
    /// The tag of the invalid field.
    pub(crate) tag: Option<TagPath>,
    /// The byte at which the text or the line is invalid.
    pub(crate) offset: Option<usize>,
}

impl<M> Reason<M> {
    /// Returns an error object with only a class and a message.
    pub(crate) const fn new(class: &'static str, message: M) -> Self {
        Self {
            class,
            code: None,
            message,
            advice: None,
            status: None,
            retry_at: None,
            kind: None,
            sdk_message: None,
            tag: None,
            offset: None,
        }
    }
}

impl Reason {
    /// For a token that cannot be sent. The object has the class of a rejected token, because the remedy is the same.
    pub(crate) fn no_token(message: impl Into<String>) -> Self {
        Self::new(ErrorClass::Unauthorized.name(), message.into())
    }
}

/// Why the command stops: an exit code and a message. The message is safe to print.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Failure {
    exit: Exit,
    message: String,
    /// The JSON error object, if it has more than the message.
    reason: Option<Box<Reason>>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            reason: None,
        }
    }

    /// Exit code 2. If the message names an option whose value is from a variable or a profile, that is added.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        let message = message.into();
        let message = match origin::of_message(&message) {
            Some(origin) => sentences(&message, &origin),
            None => message,
        };
        Self::new(Exit::Usage, message)
    }

    /// Adds the JSON error object.
    pub(crate) fn because(self, reason: Reason) -> Self {
        Self {
            reason: Some(Box::new(reason)),
            ..self
        }
    }

    /// Appends a sentence to the message. A full stop at its start is dropped if the message already ends a sentence.
    pub(crate) fn and(mut self, more: &str) -> Self {
        let more = match more.strip_prefix('.') {
            Some(rest) if ends_sentence(&self.message) => rest,
            _ => more,
        };
        self.message.push_str(more);
        self
    }

    pub(crate) const fn exit(&self) -> Exit {
        self.exit
    }

    /// The JSON error object. It always has the same keys.
    pub(crate) fn reason(&self) -> Reason {
        let plain = || Reason::new(self.exit.class(), self.message.clone());
        self.reason.as_deref().cloned().unwrap_or_else(plain)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Prints a failure as `{"error":…}` on standard output if `json` is set, and keeps its exit code.
pub(crate) fn print_json_error(result: Result<Exit, Failure>, json: bool) -> Result<Exit, Failure> {
    match result {
        Err(failure) if json => {
            output::print_json(&json!({ "error": failure.reason() }));
            Ok(failure.exit())
        }
        result => result,
    }
}

/// Joins two sentences. Adds the full stop of the first one if it is missing.
pub(crate) fn sentences(first: &str, second: &str) -> String {
    let stop = if ends_sentence(first) { "" } else { "." };
    format!("{first}{stop} {second}")
}

fn ends_sentence(text: &str) -> bool {
    text.ends_with(['.', '?', '!'])
}
