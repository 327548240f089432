//! The exit codes, which scripts rely on, and the failures that lead to them.

use std::fmt;
use std::process::ExitCode;

use bakong_api::ErrorClass;
use serde_json::{Value, json};

/// How the command ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Exit {
    /// 0: paid; the code is read, valid, or made; every line is answered.
    Success,
    /// 1: Bakong could not be asked, or its answer not understood, or standard input or output failed. Says
    /// nothing of the payment.
    CouldNotAsk,
    /// 1: a code cannot be read, or may not be paid.
    NotValid,
    /// 2: the command line, or the environment, is wrong.
    Usage,
    /// 3: Bakong knows of no payment.
    NotFound,
    /// 4: the payment failed, cannot be looked up, or a person has to look at it.
    NeedsAttention,
    /// 5: the code expired unpaid.
    Expired,
    /// 130: stopped by the user (128 and SIGINT's number, as shells have it).
    Interrupted,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Success => 0,
            Exit::CouldNotAsk | Exit::NotValid => 1,
            Exit::Usage => 2,
            Exit::NotFound => 3,
            Exit::NeedsAttention => 4,
            Exit::Expired => 5,
            Exit::Interrupted => 130,
        })
    }
}

/// A reason for machines: the class of the error, Bakong's code, the HTTP status, and the text.
pub(crate) fn reason_json(
    class: Option<ErrorClass>,
    code: Option<i64>,
    status: Option<u16>,
    message: &str,
) -> Value {
    json!({
        "class": class.map(ErrorClass::name),
        "code": code,
        "status": status,
        "message": message,
    })
}

/// A reason to stop. Its text is safe to print.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Failure {
    exit: Exit,
    message: String,
    /// The reason for machines, where there is more to it than the text.
    details: Option<Value>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            details: None,
        }
    }

    pub(crate) fn with_details(self, details: Value) -> Self {
        Self {
            details: Some(details),
            ..self
        }
    }

    /// The same with more to say.
    pub(crate) fn and(mut self, more: &str) -> Self {
        self.message.push_str(more);
        self
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    pub(crate) const fn exit(&self) -> Exit {
        self.exit
    }

    /// The reason for machines, always with the same keys: class, code, HTTP status, message.
    pub(crate) fn json(&self) -> Value {
        let plain = || reason_json(None, None, None, &self.message);
        self.details.clone().unwrap_or_else(plain)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
