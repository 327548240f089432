//! The codes of errors.

use http::StatusCode;

macro_rules! codes {
    ($($(#[doc = $meaning:literal])+ $variant:ident = $name:literal, $status:ident;)+) => {
        /// A name of an error for programs. Each has one HTTP status.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub(crate) enum Code {
            $($(#[doc = $meaning])+ $variant,)+
        }

        impl Code {
            /// All codes, by status.
            pub(crate) const ALL: &[Self] = &[$(Self::$variant),+];

            /// Returns the name in the body of an error.
            pub(crate) const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// Returns the status of an answer with this code.
            pub(crate) const fn status(self) -> StatusCode {
                match self {
                    $(Self::$variant => StatusCode::$status,)+
                }
            }

            /// Returns what the code means, for people.
            pub(crate) const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$variant => concat!($($meaning),+).trim_ascii(),)+
                }
            }
        }
    };
}

codes! {
    /// The body is not the JSON that the call expects.
    InvalidBody = "invalid_body", BAD_REQUEST;
    /// A parameter of the query is unknown or has the wrong type.
    InvalidQuery = "invalid_query", BAD_REQUEST;
    /// A value cannot be used. `param` names it.
    InvalidParameter = "invalid_parameter", BAD_REQUEST;
    /// The request has no API key. Send it in the header `Authorization: Bearer sk_…`.
    MissingKey = "missing_key", UNAUTHORIZED;
    /// The API key is unknown or was revoked.
    WrongKey = "wrong_key", UNAUTHORIZED;
    /// The signature of a webhook to the demo shop is missing or wrong.
    WrongSignature = "wrong_signature", UNAUTHORIZED;
    /// The API key lacks the scope of the call.
    MissingScope = "missing_scope", FORBIDDEN;
    /// The server does not serve the shop of the key: it has only live keys or only test keys, or the token of another registration.
    WrongMode = "wrong_mode", FORBIDDEN;
    /// A form of the dashboard came from another page, or its session has ended.
    ForgedForm = "forged_form", FORBIDDEN;
    /// The server has no such path.
    NoSuchPath = "no_such_path", NOT_FOUND;
    /// The shop of the API key has no object with this id.
    NotFound = "not_found", NOT_FOUND;
    /// The path does not support the method.
    WrongMethod = "wrong_method", METHOD_NOT_ALLOWED;
    /// The request took longer than 30 seconds. Send it again with the same `Idempotency-Key`.
    Timeout = "timeout", REQUEST_TIMEOUT;
    /// The order is paid.
    OrderPaid = "order_paid", CONFLICT;
    /// Money for the order needs a decision first: `POST /v1/payments/{id}/resolve`.
    OrderNeedsReview = "order_needs_review", CONFLICT;
    /// The order has an open payment, which `payment` names. Use it, or cancel it first.
    OrderOpen = "order_open", CONFLICT;
    /// The code of the payment can still be paid, so it gets no second one.
    PaymentOpen = "payment_open", CONFLICT;
    /// Only an open payment can be cancelled.
    PaymentNotOpen = "payment_not_open", CONFLICT;
    /// The shop has closed the payment, so its customer gets no new code.
    PaymentClosed = "payment_closed", CONFLICT;
    /// The payment changed during the request. Read it again.
    PaymentChanged = "payment_changed", CONFLICT;
    /// The payment had ten codes. The shop must create another payment.
    TooManyCodes = "too_many_codes", CONFLICT;
    /// The code of the payment was used before. Send the request again.
    KhqrUsed = "code_used", CONFLICT;
    /// The payment needs no decision, or has one.
    NoReview = "no_review", CONFLICT;
    /// The transaction paid another order, so the payment can only be rejected.
    TransactionUsed = "transaction_used", CONFLICT;
    /// The shop has the maximum number of webhook endpoints. Delete one first.
    TooManyEndpoints = "too_many_endpoints", CONFLICT;
    /// A request with the same `Idempotency-Key` is in progress. Wait for `Retry-After` seconds.
    IdempotencyInProgress = "idempotency_in_progress", CONFLICT;
    /// The body is larger than 64 KiB, or ended early.
    BodyTooLarge = "body_too_large", PAYLOAD_TOO_LARGE;
    /// The body is not a form.
    NotAForm = "not_a_form", UNSUPPORTED_MEDIA_TYPE;
    /// The `Idempotency-Key` was used for another request. Use a new key for a request with another body.
    IdempotencyMismatch = "idempotency_mismatch", UNPROCESSABLE_ENTITY;
    /// No request to Bakong can be reserved today, so a payment could not be seen. Do not show a code.
    NoQuota = "no_quota", TOO_MANY_REQUESTS;
    /// Too many wrong passwords. Wait for `Retry-After` seconds.
    TooManyAttempts = "too_many_attempts", TOO_MANY_REQUESTS;
    /// The server failed. Its log has the reason with the `request_id`.
    InternalError = "internal_error", INTERNAL_SERVER_ERROR;
    /// The payment is being opened by another request. Send the request again.
    PaymentOpening = "payment_opening", SERVICE_UNAVAILABLE;
    /// The store of the payments cannot be used. Send the request again.
    StoreUnavailable = "store_unavailable", SERVICE_UNAVAILABLE;
    /// Bakong rejects the token of the server. Its owner must set a new one.
    BakongTokenRejected = "bakong_token_rejected", SERVICE_UNAVAILABLE;
    /// The server is shutting down. Send the request again.
    ShuttingDown = "shutting_down", SERVICE_UNAVAILABLE;
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_code_has_its_own_name_and_the_status_of_an_error() {
        let names: HashSet<_> = Code::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        for code in Code::ALL {
            let status = code.status();
            assert!(status.is_client_error() || status.is_server_error());
            assert!(code.meaning().ends_with('.'), "{code:?}");
        }
        let statuses: Vec<_> = Code::ALL.iter().map(|code| code.status()).collect();
        assert!(statuses.is_sorted(), "the table is sorted by status");
    }
}
