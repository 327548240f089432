//! The result of one check.

use std::fmt;

use serde::Serialize;

use crate::common::exit::sentences;

/// How serious a finding is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    Ok,
    /// Commands work, but something should be changed.
    Warning,
    /// Commands do not work.
    Problem,
}

/// The finding of one check. Its texts are safe to print.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Check {
    name: &'static str,
    pub(super) state: State,
    message: String,
    /// What to do.
    advice: Option<String>,
}

impl Check {
    pub(super) fn ok(name: &'static str, message: impl Into<String>) -> Self {
        Self {
            name,
            state: State::Ok,
            message: message.into(),
            advice: None,
        }
    }

    pub(super) fn warning(name: &'static str, message: impl Into<String>) -> Self {
        let state = State::Warning;
        Self {
            state,
            ..Self::ok(name, message)
        }
    }

    pub(super) fn problem(name: &'static str, message: impl Into<String>) -> Self {
        let state = State::Problem;
        Self {
            state,
            ..Self::ok(name, message)
        }
    }

    pub(super) fn advise(self, advice: impl Into<Option<String>>) -> Self {
        Self {
            advice: advice.into(),
            ..self
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Ok => "ok",
            State::Warning => "warning",
            State::Problem => "problem",
        };
        let text = match &self.advice {
            Some(advice) => sentences(&self.message, advice),
            None => self.message.clone(),
        };
        write!(f, "{state:<8}{:<8}{text}", self.name)
    }
}
