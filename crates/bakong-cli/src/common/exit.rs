//! The exit codes, which scripts rely on, and the failures that lead to them.

use std::fmt;
use std::process::ExitCode;

use bakong_api::ErrorClass;
use serde::Serialize;
use serde_json::json;

use crate::common::output;

/// How the command ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Exit {
    /// 0: paid; the code is read, valid, or made; every line is answered; the account, the link or the token is
    /// there.
    Success,
    /// 1: Bakong could not be asked, or its answer not understood, or standard input or output failed. Says
    /// nothing of the payment.
    CouldNotAsk,
    /// 1: a code cannot be read, or may not be paid.
    NotValid,
    /// 2: the command line, or the environment, is wrong.
    Usage,
    /// 3: Bakong knows of no payment, or of no such account.
    NotFound,
    /// 4: the payment failed, cannot be looked up, or a person has to look at it; the account id is none.
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

/// A reason for machines. Its texts are safe to print.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Reason {
    /// The class of the error, if Bakong could not be asked.
    pub(crate) class: Option<&'static str>,
    /// Bakong's code.
    pub(crate) code: Option<i64>,
    /// The HTTP status.
    pub(crate) status: Option<u16>,
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) advice: Option<String>,
    /// From when on asking again may help, in milliseconds since 1970.
    pub(crate) retry_at: Option<u64>,
}

impl Reason {
    /// Nothing more than a text.
    pub(crate) fn text(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            ..Self::default()
        }
    }

    /// A token that cannot be sent: to whoever runs the shop it is the same trouble as a refused one.
    pub(crate) fn no_token(message: impl Into<String>) -> Self {
        Self {
            class: Some(ErrorClass::Unauthorized.name()),
            ..Self::text(message)
        }
    }
}

/// A reason to stop. Its text is safe to print.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Failure {
    exit: Exit,
    message: String,
    /// The reason for machines, where there is more to it than the text.
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

    pub(crate) fn because(self, reason: Reason) -> Self {
        Self {
            reason: Some(Box::new(reason)),
            ..self
        }
    }

    /// The same with more to say.
    pub(crate) fn and(mut self, more: &str) -> Self {
        let more = match more.strip_prefix('.') {
            Some(rest) if self.message.ends_with(['.', '?', '!']) => rest,
            _ => more,
        };
        self.message.push_str(more);
        self
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    pub(crate) const fn exit(&self) -> Exit {
        self.exit
    }

    /// The reason for machines, always with the same keys.
    pub(crate) fn reason(&self) -> Reason {
        let plain = || Reason::text(self.message.as_str());
        self.reason.as_deref().cloned().unwrap_or_else(plain)
    }
}

/// Tells a failure on standard output, as JSON, where that was asked for.
pub(crate) fn told(result: Result<Exit, Failure>, json: bool) -> Result<Exit, Failure> {
    match result {
        Err(failure) if json => {
            output::say_json(&json!({ "error": failure.reason() }));
            Ok(failure.exit())
        }
        result => result,
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Two sentences, of which the first may want its full stop.
pub(crate) fn sentences(first: &str, second: &str) -> String {
    let stop = if first.ends_with(['.', '?', '!']) {
        ""
    } else {
        "."
    };
    format!("{first}{stop} {second}")
}
