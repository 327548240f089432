//! Why a request has no answer, sorted by what can be done about it.
//!
//! The class alone decides what may be asked again; nothing else in the workspace does.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use http::StatusCode;
use khqr_core::{Printable, Timestamp};

use crate::redact;
use crate::transport::{TransportError, TransportErrorKind};

/// A request that has no answer. It says nothing of whether a payment was made.
#[derive(Clone, Debug)]
pub struct ApiError {
    class: ErrorClass,
    status: Option<StatusCode>,
    code: Option<ErrorCode>,
    message: Box<str>,
    transport: Option<TransportError>,
    of_renewal: bool,
}

/// What is wrong with an answer about something else than what was asked about.
pub(crate) const OF_ANOTHER: &str = "it tells of another transaction";

/// What kind of failure it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum ErrorClass {
    /// The token is missing, wrong or expired: HTTP 401, or code 6.
    Unauthorized,
    /// The token's requests for the day are used up: code 17. Refused requests count too.
    QuotaExhausted,
    /// HTTP 403: a client outside Cambodia, one without a User-Agent, or a closed path.
    Blocked,
    /// HTTP 429.
    RateLimited {
        /// When the server wants to be asked again, if it said so.
        retry_after: Option<RetryAfter>,
    },
    /// HTTP 5xx or 408, or a code by which Bakong says that a part of it is down (4, 7, 9).
    Unavailable {
        /// When the server wants to be asked again, if it said so.
        retry_after: Option<RetryAfter>,
    },
    /// Bakong understood the request and said no; the code says why.
    Refused,
    /// The answer cannot be read, or contradicts itself.
    Malformed,
    /// The transport brought no answer.
    Transport(TransportErrorKind),
}

/// What may get the same request answered.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Remedy {
    /// Asking again after a while.
    AskAgain,
    /// Waiting until the next day begins.
    NextDay,
    /// Another token.
    NewToken,
    /// Someone has to change something: the request, an address, the network.
    Attention,
}

impl ErrorClass {
    /// What may get the same request answered.
    #[must_use]
    pub const fn remedy(self) -> Remedy {
        use TransportErrorKind as Kind;
        match self {
            Self::RateLimited { .. } | Self::Unavailable { .. } | Self::Malformed => {
                Remedy::AskAgain
            }
            Self::QuotaExhausted => Remedy::NextDay,
            Self::Unauthorized => Remedy::NewToken,
            Self::Blocked | Self::Refused => Remedy::Attention,
            Self::Transport(Kind::Tls | Kind::Proxy | Kind::NotAllowed | Kind::InvalidRequest) => {
                Remedy::Attention
            }
            Self::Transport(_) => Remedy::AskAgain,
        }
    }

    /// When the server wants to be asked again, if it said so.
    #[must_use]
    pub const fn retry_after(self) -> Option<RetryAfter> {
        match self {
            Self::RateLimited { retry_after } | Self::Unavailable { retry_after } => retry_after,
            _ => None,
        }
    }

    /// The name in machine-readable output: `unauthorized`, `quota_exhausted`, `blocked`,
    /// `rate_limited`, `unavailable`, `refused`, `malformed` or `transport`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::QuotaExhausted => "quota_exhausted",
            Self::Blocked => "blocked",
            Self::RateLimited { .. } => "rate_limited",
            Self::Unavailable { .. } => "unavailable",
            Self::Refused => "refused",
            Self::Malformed => "malformed",
            Self::Transport(_) => "transport",
        }
    }
}

/// When the server wants to be asked again (`Retry-After`, RFC 9110 10.2.3).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RetryAfter {
    /// This long after the answer.
    Delay(Duration),
    /// At this moment of the server's clock.
    At(Timestamp),
}

/// Bakong's `errorCode`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum ErrorCode {
    /// 1: no transaction is known under this handle.
    TransactionNotFound,
    /// 2: a static code cannot be looked up by MD5.
    StaticQr,
    /// 3: the transaction failed.
    TransactionFailed,
    /// 4: the deeplink's provider did not answer.
    DeeplinkProvider,
    /// 5: a required field is missing.
    MissingFields,
    /// 6: the token is missing, wrong or expired.
    Unauthorized,
    /// 7: the e-mail server is down.
    EmailServerDown,
    /// 8: the e-mail address is registered already.
    EmailRegistered,
    /// 9: Bakong cannot reach a server of its own.
    CannotConnect,
    /// 10: the e-mail address is not registered yet.
    NotRegistered,
    /// 11: the account does not exist.
    AccountNotFound,
    /// 12: the account id is no account id.
    AccountInvalid,
    /// 17: the day's requests of the token are used up.
    DailyLimit,
    /// Any other.
    Other(i64),
}

impl ErrorCode {
    /// The variant of this number.
    #[must_use]
    pub const fn from_number(number: i64) -> Self {
        match number {
            1 => Self::TransactionNotFound,
            2 => Self::StaticQr,
            3 => Self::TransactionFailed,
            4 => Self::DeeplinkProvider,
            5 => Self::MissingFields,
            6 => Self::Unauthorized,
            7 => Self::EmailServerDown,
            8 => Self::EmailRegistered,
            9 => Self::CannotConnect,
            10 => Self::NotRegistered,
            11 => Self::AccountNotFound,
            12 => Self::AccountInvalid,
            17 => Self::DailyLimit,
            other => Self::Other(other),
        }
    }

    /// The number that Bakong sends.
    #[must_use]
    pub const fn number(self) -> i64 {
        match self {
            Self::TransactionNotFound => 1,
            Self::StaticQr => 2,
            Self::TransactionFailed => 3,
            Self::DeeplinkProvider => 4,
            Self::MissingFields => 5,
            Self::Unauthorized => 6,
            Self::EmailServerDown => 7,
            Self::EmailRegistered => 8,
            Self::CannotConnect => 9,
            Self::NotRegistered => 10,
            Self::AccountNotFound => 11,
            Self::AccountInvalid => 12,
            Self::DailyLimit => 17,
            Self::Other(other) => other,
        }
    }
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

    /// An error with a message from outside, which may repeat the token that it was asked with.
    pub(crate) fn told(class: ErrorClass, message: Cow<'_, str>) -> Self {
        Self::new(class, redact::without_tokens(message))
    }

    /// The same without this secret, which the request carried.
    pub(crate) fn hiding(mut self, secret: &str) -> Self {
        if let Some(message) = redact::without(&self.message, secret) {
            self.message = message.into();
        }
        self
    }

    /// What the answer was, where there was one.
    pub(crate) fn in_answer(self, status: StatusCode, code: Option<ErrorCode>) -> Self {
        Self {
            status: Some(status),
            code,
            ..self
        }
    }

    /// The same, of the renewal that was needed before the question could be asked.
    pub(crate) fn of_renewal(self) -> Self {
        Self {
            of_renewal: true,
            ..self
        }
    }

    /// Whether it was the renewal of the token that failed, so that the question itself was not asked or
    /// was refused because of its token.
    #[must_use]
    pub const fn is_of_renewal(&self) -> bool {
        self.of_renewal
    }

    /// Whether the answer tells of another transaction than the one that was asked about.
    #[must_use]
    pub fn is_of_another_transaction(&self) -> bool {
        self.class == ErrorClass::Malformed && *self.message == *OF_ANOTHER
    }

    /// What kind of failure it is.
    #[must_use]
    pub const fn class(&self) -> ErrorClass {
        self.class
    }

    /// The HTTP status, if there was an answer.
    #[must_use]
    pub const fn status(&self) -> Option<StatusCode> {
        self.status
    }

    /// Bakong's code, if it sent one.
    #[must_use]
    pub const fn code(&self) -> Option<ErrorCode> {
        self.code
    }

    /// Bakong's message as it came, without what may be a secret of the request, or what is wrong with the
    /// answer in our words; perhaps empty.
    /// Text from outside: print it through [`Printable`], as this error's own `Display` does.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The transport's error, if the class is [`ErrorClass::Transport`].
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

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.of_renewal {
            f.write_str("the token could not be renewed: ")?;
        }
        if let Some(error) = &self.transport {
            return error.fmt(f);
        }
        // Bakong said nothing yet.
        if self.status.is_none() && self.class == ErrorClass::Unauthorized {
            return write!(f, "nothing was asked: {}", Printable(&self.message));
        }
        f.write_str(match self.class {
            ErrorClass::Unauthorized => {
                "Bakong does not accept the token; renew it, or check that it was copied whole"
            }
            ErrorClass::QuotaExhausted => {
                "the token's requests for today are used up; Bakong answers again when the day turns"
            }
            ErrorClass::Blocked => {
                "Bakong blocks this client; it does so outside Cambodia, without a User-Agent, and on \
                 paths closed to the token"
            }
            ErrorClass::RateLimited { .. } => "Bakong is asked too fast; slow down",
            ErrorClass::Unavailable { .. } => "Bakong is out of order; ask again later",
            ErrorClass::Refused => "Bakong refused the request",
            ErrorClass::Malformed => "Bakong's answer cannot be read",
            ErrorClass::Transport(_) => "no answer came from Bakong",
        })?;
        let mut parts = Parts { f, first: true };
        if let Some(status) = self.status {
            parts.put(format_args!("HTTP {}", status.as_u16()))?;
        }
        if let Some(code) = self.code {
            parts.put(format_args!("code {}", code.number()))?;
        }
        if let Some(RetryAfter::Delay(delay)) = self.class.retry_after() {
            parts.put(format_args!("retry after {} s", delay.as_secs()))?;
        }
        if !self.message.is_empty() {
            let short: String = self.message.chars().take(MESSAGE_SHOWN).collect();
            parts.put(format_args!("{}", Printable(&short)))?;
        }
        if parts.first {
            Ok(())
        } else {
            f.write_str(")")
        }
    }
}

/// How much of a message from outside is printed.
const MESSAGE_SHOWN: usize = 200;

/// A list in parentheses.
struct Parts<'p, 'f> {
    f: &'p mut fmt::Formatter<'f>,
    first: bool,
}

impl Parts<'_, '_> {
    fn put(&mut self, part: fmt::Arguments<'_>) -> fmt::Result {
        self.f.write_str(if self.first { " (" } else { ", " })?;
        self.first = false;
        self.f.write_fmt(part)
    }
}

impl std::error::Error for ApiError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.transport.as_ref().and_then(std::error::Error::source)
    }
}
