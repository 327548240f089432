//! The check of the token. Nothing is sent.

use bakong_api::token::TokenState;
use bakong_api::{AccessToken, BaseUrl};
use khqr_core::{Printable, Timestamp};

use super::check::Check;
use crate::arguments::DoctorArguments;
use crate::common::credentials::{self, Email, TokenSource};
use crate::common::time::{in_phnom_penh, left};

const NAME: &str = "token";

/// A token that looks valid may be revoked. Asking Bakong would cost a request of the quota.
const UNCHECKED: &str = "not checked with Bakong";

/// Checks the token, and returns it if it can be sent.
pub(super) fn examine(
    arguments: &DoctorArguments,
    source: &TokenSource,
    base_url: Option<&BaseUrl>,
    now: Timestamp,
) -> (Check, Option<AccessToken>) {
    let read = match base_url {
        Some(base_url) => source.load_for(base_url),
        None => source.load(),
    };
    let token = match read {
        Ok(Some(token)) => token,
        Ok(None) => return (Check::problem(NAME, source.missing(false)), None),
        Err(failure) => return (Check::problem(NAME, failure.to_string()), None),
    };
    // The address is used only together with a file.
    let email = source
        .file()
        .map_or(Ok(None), |_| Email::find(arguments.token.email.as_deref()));
    let email = email.and_then(|email| match email {
        Some(email) => email.renewal().map(|_| Some(email)),
        None => Ok(None),
    });
    let check = match email {
        Ok(email) => life(source, &token, email.as_ref(), now),
        Err(failure) => Check::warning(NAME, failure.to_string())
            .advise("Correct the address: the token in the file is renewed with it".to_owned()),
    };
    (check, Some(token))
}

/// Whether the token is valid, and whether it is renewed.
fn life(source: &TokenSource, token: &AccessToken, email: Option<&Email>, now: Timestamp) -> Check {
    let until = match token.expires_at() {
        Some(end) => format!(
            "valid until {} in Phnom Penh, {} left",
            in_phnom_penh(end),
            left(end.saturating_since(now))
        ),
        None if token.is_jwt() => "it has no expiry date".to_owned(),
        None => "it is not a JWT, as NBC's tokens are, so its expiry is unknown".to_owned(),
    };
    let renewal = email.map_or_else(
        || "not renewed automatically".to_owned(),
        |email| format!("renewed with {}", Printable(&email.text)),
    );
    let renew = || {
        "Renew it with bakong token renew, or add --email and --token-file, which renew it automatically".to_owned()
    };
    match credentials::state(Some(token), now) {
        TokenState::Expired if email.is_some() => Check::warning(
            NAME,
            format!("{source}: expired; the next command renews it"),
        ),
        TokenState::Expired => {
            Check::problem(NAME, format!("{source}: expired, {renewal}")).advise(renew())
        }
        _ if source.is_exposed() => Check::warning(
            NAME,
            format!("{source}: other users of this machine can read the file; {until}, {renewal}"),
        )
        .advise(format!("Run chmod 600 {}", source.shell_word())),
        TokenState::DueForRenewal if email.is_none() => {
            Check::warning(NAME, format!("{source}: {until}, {renewal}")).advise(renew())
        }
        _ if token.expires_at().is_none() => {
            Check::warning(NAME, format!("{source}: {until}; {UNCHECKED}")).advise(
                "Compare it with the token that Bakong sent: it may be incomplete".to_owned(),
            )
        }
        _ => Check::ok(NAME, format!("{source}: {until}, {renewal}; {UNCHECKED}")),
    }
}
