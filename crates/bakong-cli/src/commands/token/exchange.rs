//! Exchanges the code from the e-mail for a token.

use bakong_api::{ApiError, ErrorClass};

use crate::common::advice;
use crate::common::exit::Failure;
use crate::common::remote::Remote;

/// What to do if the code may have been used.
pub(super) const CODE_MAY_BE_USED: &str = "Bakong may have accepted the code, which works once; in that case, get the token with bakong token renew";

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
