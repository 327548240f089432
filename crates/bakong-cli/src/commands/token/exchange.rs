//! Exchanges the code from the e-mail for a token.

use bakong_api::endpoint::Verify;
use bakong_api::{ApiError, BaseUrl, ErrorClass};

use crate::common::exit::Failure;
use crate::common::remote::Remote;
use crate::common::{advice, shell};

/// The message for an empty standard input.
pub(super) const NO_CODE: &str = "standard input contains no code";

/// What to do if the code may have been used.
pub(super) const CODE_MAY_BE_USED: &str = "Bakong may have accepted the code, which works once; in that case, get the token with bakong token renew";

/// The request that sends the code. `source` says where the code is from.
pub(super) fn verify(source: &str, code: &str) -> Result<Verify, Failure> {
    Verify::new(code).map_err(|error| Failure::usage(format!("{source}: {error}")))
}

/// How to read the code if the server is a sandbox. `None` for NBC's servers, which send e-mails.
pub(super) fn mailbox_hint(base_url: &BaseUrl, email: &str) -> Option<String> {
    if base_url.is_of_nbc() {
        return None;
    }
    let email = shell::option("--email", email);
    let url = shell::option("--url", &base_url.to_string());
    Some(format!(
        "A sandbox sends no e-mail, and keeps the code: bakong sandbox mailbox{email}{url}"
    ))
}

/// The failure of the request that sends the code.
pub(super) fn failure(remote: &Remote, error: &ApiError) -> Failure {
    match error.class() {
        _ if advice::is_not_bakong(error) => remote.advisor.failure(error),
        ErrorClass::Refused => remote.advisor.failure_with_advice(
            error,
            "Is it the complete, unused code from the newest e-mail? Get another with bakong \
             token request",
        ),
        ErrorClass::Unavailable { .. } | ErrorClass::Malformed => {
            remote.advisor.failure_with_advice(error, CODE_MAY_BE_USED)
        }
        ErrorClass::Transport(kind) if kind.may_have_arrived() => {
            remote.advisor.failure_with_advice(error, CODE_MAY_BE_USED)
        }
        _ => remote.advisor.failure(error),
    }
}
