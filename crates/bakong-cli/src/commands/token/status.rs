//! `bakong token status`: prints when the token expires.

use std::time::Duration;

use bakong_api::AccessToken;
use bakong_api::token::TokenState;
use bakong_flow::{Clock, SystemClock};
use khqr_core::Timestamp;
use serde_json::{Value, json};

use crate::arguments::StatusArguments;
use crate::common::credentials::{self, TokenSource};
use crate::common::exit::{Exit, Failure};
use crate::common::output::{print, print_json, row};
use crate::common::remote;
use crate::common::time::{in_phnom_penh, left};

pub(super) fn run(arguments: &StatusArguments) -> Result<Exit, Failure> {
    // No request is sent, but an invalid address is an error.
    let base_url = remote::base_url(&arguments.target)?;
    let source = TokenSource::of(arguments.token_file.as_ref());
    let token = match base_url {
        Some(base_url) => source.read_for(&base_url)?,
        None => source.read()?,
    };
    let status = Status::of(token.as_ref(), SystemClock.now());
    if arguments.json {
        print_json(&status.json(&source));
    } else {
        status.lines(&source).iter().for_each(print);
    }
    Ok(match status.state {
        TokenState::Valid | TokenState::DueForRenewal => Exit::Success,
        _ => Exit::NoAnswer,
    })
}

/// The state of a token, by its expiry and this machine's clock alone.
struct Status {
    state: TokenState,
    end: Option<Timestamp>,
    is_jwt: bool,
    now: Timestamp,
}

impl Status {
    fn of(token: Option<&AccessToken>, now: Timestamp) -> Self {
        Self {
            state: credentials::state(token, now),
            end: token.and_then(AccessToken::expires_at),
            is_jwt: token.is_none_or(AccessToken::is_jwt),
            now,
        }
    }

    fn left(&self) -> Option<Duration> {
        Some(self.end?.saturating_since(self.now))
    }

    fn lines(&self, source: &TokenSource) -> Vec<String> {
        let renew = "renew it with bakong token renew";
        let sentence = match (self.state, self.end) {
            (TokenState::Missing, _) => return vec![format!("NONE: {}", source.missing(false))],
            (TokenState::Expired, _) => format!("EXPIRED by this machine's clock: {renew}"),
            (TokenState::DueForRenewal, _) => format!("DUE: it expires within three days; {renew}"),
            (_, None) if !self.is_jwt => {
                "VALID: it is not a JWT, as NBC's tokens are, so its expiry is unknown".to_owned()
            }
            (_, None) => "VALID: it has no expiry date".to_owned(),
            (_, Some(_)) => "VALID".to_owned(),
        };
        let mut lines = vec![sentence, row("from", source)];
        if let Some(end) = self.end {
            let text = format_args!("{} in Phnom Penh", in_phnom_penh(end)).to_string();
            lines.push(row("expires", text));
            lines.push(match end.saturating_since(self.now) {
                Duration::ZERO => row(
                    "expired",
                    format_args!("{} ago", left(self.now.saturating_since(end))),
                ),
                rest => row("left", left(rest)),
            });
        }
        lines
    }

    fn json(&self, source: &TokenSource) -> Value {
        let status = match self.state {
            TokenState::Missing => "none",
            TokenState::Expired => "expired",
            TokenState::DueForRenewal => "due",
            _ => "valid",
        };
        json!({
            "status": status,
            "expiresAt": self.end.map(Timestamp::as_millis),
            "secondsLeft": self.left().map(|left| left.as_secs()),
            "tokenFile": source.file().map(std::path::Path::to_string_lossy),
        })
    }
}
