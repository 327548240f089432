//! Errors, classified by what can be done about them.
//!
//! The class alone decides whether a request may be repeated. Nothing else in the workspace decides that.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use http::StatusCode;
use khqr_core::{Printable, Timestamp};

use crate::redact;
use crate::transport::{TransportError, TransportErrorKind};

/// A request that got no answer to its question. The error says nothing about whether a payment was made.
#[derive(Clone, Debug)]
pub struct ApiError {
    class: ErrorClass,
    status: Option<StatusCode>,
    code: Option<ErrorCode>,
    message: Box<str>,
    transport: Option<TransportError>,
    of_renewal: bool,
}

/// The error message for an answer about a transaction that was not requested.
pub(crate) const OTHER_TRANSACTION: &str = "the answer describes another transaction";

/// The error message for an answer whose members hold different transactions.
pub(crate) const CONTRADICTION: &str =
    "the answer contains different transactions, so none of them is used";

/// The kind of a failure.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum ErrorClass {
    /// The token is missing, wrong or expired: HTTP 401, or code 6.
    Unauthorized,
    /// The token's daily quota is exhausted: code 17. Refused requests count too.
    QuotaExhausted,
    /// HTTP 403: the client is outside Cambodia or sent no User-Agent, or the path is closed to the token.
    Blocked,
    /// HTTP 429.
    RateLimited {
        /// When the server accepts requests again, if it sent `Retry-After`.
        retry_after: Option<RetryAfter>,
    },
    /// HTTP 5xx or 408, or a code that reports an outage inside Bakong (4, 7, 9).
    Unavailable {
        /// When the server accepts requests again, if it sent `Retry-After`.
        retry_after: Option<RetryAfter>,
    },
    /// The token store cannot be read, or grants no renewal because it cannot be written. No request was sent. See
    /// [`TokenStoreError`](crate::token::TokenStoreError).
    Store,
    /// Bakong understood the request and refused it. The code gives the reason.
    Refused,
    /// The answer cannot be read, or contradicts itself.
    Malformed,
    /// The transport received no answer.
    Transport(TransportErrorKind),
}

/// What must happen before the same request can succeed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Remedy {
    /// Ask again after a while.
    AskAgain,
    /// Wait for the next day, when a new quota begins.
    NextDay,
    /// Get another token.
    NewToken,
    /// A person must change the request, an address or the network.
    Attention,
}

impl ErrorClass {
    /// Returns what must happen before the same request can succeed.
    #[must_use]
    pub const fn remedy(self) -> Remedy {
        use TransportErrorKind as Kind;
        match self {
            Self::RateLimited { .. } | Self::Unavailable { .. } | Self::Malformed => {
                Remedy::AskAgain
            }
            Self::QuotaExhausted => Remedy::NextDay,
            Self::Unauthorized => Remedy::NewToken,
            Self::Blocked | Self::Store | Self::Refused => Remedy::Attention,
            Self::Transport(Kind::Tls | Kind::Proxy | Kind::NotAllowed | Kind::InvalidRequest) => {
                Remedy::Attention
            }
            Self::Transport(_) => Remedy::AskAgain,
        }
    }

    /// Returns when the server accepts requests again, if it sent `Retry-After`.
    #[must_use]
    pub const fn retry_after(self) -> Option<RetryAfter> {
        match self {
            Self::RateLimited { retry_after } | Self::Unavailable { retry_after } => retry_after,
            _ => None,
        }
    }

    /// Returns the name in machine-readable output: `unauthorized`, `quota_exhausted`, `blocked`,
    /// `rate_limited`, `unavailable`, `store`, `refused`, `malformed` or `transport`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::QuotaExhausted => "quota_exhausted",
            Self::Blocked => "blocked",
            Self::RateLimited { .. } => "rate_limited",
            Self::Unavailable { .. } => "unavailable",
            Self::Store => "store",
            Self::Refused => "refused",
            Self::Malformed => "malformed",
            Self::Transport(_) => "transport",
        }
    }
}

/// When the server accepts requests again (`Retry-After`, RFC 9110 10.2.3).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RetryAfter {
    /// This long after the answer.
    Delay(Duration),
    /// At this time on the server's clock.
    At(Timestamp),
}

/// Defines [`ErrorCode`] from one table of number, name, class and meaning.
macro_rules! error_codes {
    ($($number:literal $name:ident, $class:expr, $meaning:literal;)+) => {
        /// Bakong's `errorCode`.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[non_exhaustive]
        pub enum ErrorCode {
            $(
                #[doc = concat!("Code ", $number, ": ", $meaning, ".")]
                $name,
            )+
            /// Any other code.
            Other(i64),
        }

        impl ErrorCode {
            /// Returns the variant with this number.
            #[must_use]
            pub const fn from_number(number: i64) -> Self {
                match number {
                    $($number => Self::$name,)+
                    other => Self::Other(other),
                }
            }

            /// Returns the number that Bakong sends.
            #[must_use]
            pub const fn number(self) -> i64 {
                match self {
                    $(Self::$name => $number,)+
                    Self::Other(other) => other,
                }
            }

            /// Returns the class of an answer with this code and HTTP 200. The class does not apply if the code
            /// itself answers the question, as code 1 does for a check.
            #[must_use]
            pub const fn class(self) -> ErrorClass {
                match self {
                    $(Self::$name => $class,)+
                    Self::Other(_) => ErrorClass::Refused,
                }
            }

            /// Returns the meaning of the code in NBC's reference; `None` for a code that is not in it.
            #[must_use]
            pub const fn meaning(self) -> Option<&'static str> {
                match self {
                    $(Self::$name => Some($meaning),)+
                    Self::Other(_) => None,
                }
            }
        }
    };
}

/// The class of all codes that report an outage inside Bakong.
const OUTAGE: ErrorClass = ErrorClass::Unavailable { retry_after: None };

error_codes! {
    1 TransactionNotFound, ErrorClass::Refused, "no transaction has this identifier";
    2 StaticQr, ErrorClass::Refused, "a static code cannot be looked up by MD5";
    3 TransactionFailed, ErrorClass::Refused, "the transaction failed";
    4 DeeplinkProvider, OUTAGE, "the deeplink provider did not answer";
    5 MissingFields, ErrorClass::Refused, "a required field is missing";
    6 Unauthorized, ErrorClass::Unauthorized, "the token is missing, wrong or expired";
    7 EmailServerDown, OUTAGE, "the e-mail server is down";
    8 EmailRegistered, ErrorClass::Refused, "the e-mail address is already registered";
    9 CannotConnect, OUTAGE, "Bakong cannot reach one of its own servers";
    10 NotRegistered, ErrorClass::Refused, "the e-mail address is not registered";
    11 AccountNotFound, ErrorClass::Refused, "the account does not exist";
    12 AccountInvalid, ErrorClass::Refused, "the account id is invalid";
    17 DailyLimit, ErrorClass::QuotaExhausted, "the token's daily quota is exhausted";
}

impl ApiError {
    pub(crate) fn new(class: ErrorClass, message: impl Into<Box<str>>) -> Self {
        Self {
            class,
            status: None,
            code: None,
            message: message.into(),
            transport: None,
            of_renewal: false,
        }
    }

    /// Creates an error with the server's message, without any tokens that the message repeats.
    pub(crate) fn with_server_message(class: ErrorClass, message: Cow<'_, str>) -> Self {
        Self::new(class, redact::without_tokens(message))
    }

    /// Removes this secret, which the request carried, from the message.
    pub(crate) fn hiding(mut self, secret: &str) -> Self {
        if let Some(message) = redact::without(&self.message, secret) {
            self.message = message.into();
        }
        self
    }

    /// Adds the status and the code of the answer.
    pub(crate) fn in_answer(self, status: StatusCode, code: Option<ErrorCode>) -> Self {
        Self {
            status: Some(status),
            code,
            ..self
        }
    }

    /// Marks the error as one of a token renewal.
    pub(crate) fn of_renewal(self) -> Self {
        Self {
            of_renewal: true,
            ..self
        }
    }

    /// Whether the renewal of the token failed. In this case, the request itself was not sent, or was refused
    /// because of its token.
    #[must_use]
    pub const fn is_of_renewal(&self) -> bool {
        self.of_renewal
    }

    /// Whether the answer describes a transaction other than the requested one.
    #[must_use]
    pub fn is_of_another_transaction(&self) -> bool {
        self.class == ErrorClass::Malformed && *self.message == *OTHER_TRANSACTION
    }

    /// Returns the kind of the failure.
    #[must_use]
    pub const fn class(&self) -> ErrorClass {
        self.class
    }

    /// Returns the HTTP status, if there was an answer.
    #[must_use]
    pub const fn status(&self) -> Option<StatusCode> {
        self.status
    }

    /// Returns Bakong's code, if it sent one.
    #[must_use]
    pub const fn code(&self) -> Option<ErrorCode> {
        self.code
    }

    /// Returns Bakong's message with the request's secrets removed, or this crate's description of what is
    /// wrong with the answer. May be empty.
    ///
    /// The text is untrusted: print it through [`Printable`], as this error's `Display` does.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the transport's error, if the class is [`ErrorClass::Transport`].
    #[must_use]
    pub const fn transport(&self) -> Option<&TransportError> {
        self.transport.as_ref()
    }
}

impl From<TransportError> for ApiError {
    fn from(error: TransportError) -> Self {
        Self {
            transport: Some(error.clone()),
            ..Self::new(ErrorClass::Transport(error.kind()), "")
        }
    }
}

impl From<http::Error> for ApiError {
    fn from(error: http::Error) -> Self {
        TransportError::new(TransportErrorKind::InvalidRequest, error).into()
    }
}

/// How many characters of a server's message are printed.
const PRINTED_MESSAGE: usize = 200;

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.of_renewal {
            f.write_str("the token could not be renewed: ")?;
        }
        if let Some(error) = &self.transport {
            return error.fmt(f);
        }
        // No request was sent.
        if self.status.is_none()
            && matches!(self.class, ErrorClass::Unauthorized | ErrorClass::Store)
        {
            return write!(f, "no request was sent: {}", Printable(&self.message));
        }
        f.write_str(match self.class {
            ErrorClass::Unauthorized => {
                "Bakong does not accept the token; renew it, or check that it was copied completely"
            }
            ErrorClass::QuotaExhausted => {
                "the token's quota for today is exhausted; Bakong accepts requests again when the next day begins"
            }
            ErrorClass::Blocked => {
                "Bakong blocks this client: it is outside Cambodia or sends no User-Agent, or the path is closed to \
                 the token"
            }
            ErrorClass::RateLimited { .. } => "too many requests to Bakong; send fewer requests",
            ErrorClass::Unavailable { .. } => "Bakong is unavailable; ask again later",
            ErrorClass::Store => "the token store does not work",
            ErrorClass::Refused => "Bakong refused the request",
            ErrorClass::Malformed => "Bakong's answer cannot be read",
            ErrorClass::Transport(_) => "no answer from Bakong",
        })?;
        let mut details = Vec::new();
        if let Some(status) = self.status {
            details.push(format!("HTTP {}", status.as_u16()));
        }
        if let Some(code) = self.code {
            details.push(format!("code {}", code.number()));
        }
        if let Some(RetryAfter::Delay(delay)) = self.class.retry_after() {
            details.push(format!("retry after {} s", delay.as_secs()));
        }
        let meaning = self.code.and_then(ErrorCode::meaning);
        if !self.message.is_empty() {
            let message: String = self.message.chars().take(PRINTED_MESSAGE).collect();
            details.push(Printable(&message).to_string());
        } else if let Some(meaning) = meaning {
            details.push(meaning.to_owned());
        }
        if details.is_empty() {
            return Ok(());
        }
        write!(f, " ({})", details.join(", "))
    }
}

impl std::error::Error for ApiError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.transport.as_ref().and_then(std::error::Error::source)
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::*;

    #[test]
    fn every_class_has_a_name_and_only_a_refused_rate_tells_when_to_come_back() {
        let retry_after = Some(RetryAfter::Delay(Duration::from_secs(7)));
        for (class, name, expected) in [
            (ErrorClass::Unauthorized, "unauthorized", None),
            (ErrorClass::QuotaExhausted, "quota_exhausted", None),
            (ErrorClass::Blocked, "blocked", None),
            (
                ErrorClass::RateLimited { retry_after },
                "rate_limited",
                retry_after,
            ),
            (
                ErrorClass::Unavailable { retry_after },
                "unavailable",
                retry_after,
            ),
            (ErrorClass::Store, "store", None),
            (ErrorClass::Refused, "refused", None),
            (ErrorClass::Malformed, "malformed", None),
            (
                ErrorClass::Transport(TransportErrorKind::Busy),
                "transport",
                None,
            ),
        ] {
            assert_eq!((class.name(), class.retry_after()), (name, expected));
        }
        let error = ApiError::new(ErrorClass::RateLimited { retry_after }, "");
        assert!(error.to_string().contains("retry after 7 s"), "{error}");
    }

    #[test]
    fn a_transaction_that_was_not_requested_is_told_from_other_unreadable_answers() {
        let error = |class, message: &str| ApiError::new(class, message);
        assert!(error(ErrorClass::Malformed, OTHER_TRANSACTION).is_of_another_transaction());
        for error in [
            error(ErrorClass::Malformed, "the body is empty"),
            // A server can repeat the text.
            error(ErrorClass::Refused, OTHER_TRANSACTION),
        ] {
            assert!(!error.is_of_another_transaction(), "{error:?}");
        }
    }

    #[test]
    fn only_a_request_that_was_not_sent_is_reported_as_not_sent() {
        for class in [ErrorClass::Unauthorized, ErrorClass::Store] {
            let error = ApiError::new(class, "reason");
            assert_eq!(error.to_string(), "no request was sent: reason");
            let error = error.in_answer(StatusCode::UNAUTHORIZED, None);
            assert!(!error.to_string().contains("no request"), "{error}");
        }
        let error = ApiError::new(ErrorClass::Refused, "reason");
        assert!(!error.to_string().contains("no request"), "{error}");
    }

    #[test]
    fn the_cause_of_a_transport_error_is_kept() {
        let error = TransportError::new(TransportErrorKind::Connect, "refused by the host");
        let error = ApiError::from(error);
        let source = error.source().map(ToString::to_string);
        assert_eq!(source.as_deref(), Some("refused by the host"));
        let kind = error.transport().map(TransportError::kind);
        assert_eq!(kind, Some(TransportErrorKind::Connect));
        let error = ApiError::new(ErrorClass::Refused, "");
        assert!(error.source().is_none() && error.transport().is_none());
    }
}
