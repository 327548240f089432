//! Turns the errors of hyper, rustls and the operating system into a [`TransportError`], which says which step
//! failed and what to do about it.

use std::error::Error;
use std::fmt::Write;
use std::io;
use std::time::Duration;

use bakong_api::khqr_core::Printable;
use bakong_api::transport::{TransportError, TransportErrorKind};
use hyper_util::client::legacy;
use rustls::{AlertDescription, CertificateError};
use tokio::time::error::Elapsed;

use crate::connector::{ConnectError, Step};
use crate::destination::Destination;
use crate::resolver::LookupError;
#[cfg(feature = "proxy")]
use crate::tunnel::TunnelRefused;

/// The error if sending failed before the response began. `written` is true if the request may have been written.
pub(crate) fn sending(to: &Destination, error: legacy::Error, written: bool) -> TransportError {
    if written {
        return receiving(to, error);
    }
    let kind = connect_kind(&error);
    let detail = detail(kind, to, &error);
    let at_proxy = kind == TransportErrorKind::Proxy || via(&error).is_some();
    let error = TransportError::new(kind, error).with_detail(detail);
    if at_proxy { error.at_proxy() } else { error }
}

/// The error if reading the response failed.
pub(crate) fn receiving(
    to: &Destination,
    error: impl Into<Box<dyn Error + Send + Sync>>,
) -> TransportError {
    let error = error.into();
    let is_too_large = find(&*error).is_some_and(hyper::Error::is_parse_too_large);
    let kind = match is_too_large {
        true => TransportErrorKind::AnswerTooLarge,
        false => TransportErrorKind::Interrupted,
    };
    let detail = detail(kind, to, &*error);
    TransportError::new(kind, error).with_detail(detail)
}

/// The error if the body of a response is larger than `limit` bytes.
pub(crate) fn too_large(
    to: &Destination,
    limit: usize,
    error: impl Into<Box<dyn Error + Send + Sync>>,
) -> TransportError {
    let kind = TransportErrorKind::AnswerTooLarge;
    let detail =
        format!("{to}: the response has more than {limit} bytes; to accept it, raise body_limit");
    TransportError::new(kind, error).with_detail(detail)
}

/// The error if the response (for kind `Connect`, the connection) was not complete within `limit`.
pub(crate) fn timed_out(
    kind: TransportErrorKind,
    to: &Destination,
    limit: Duration,
    elapsed: Elapsed,
) -> TransportError {
    let detail = format!("{to}: the limit is {} ms", limit.as_millis());
    TransportError::new(kind, elapsed).with_detail(detail)
}

/// The kind of an error that happened before the request was written.
fn connect_kind(error: Cause<'_>) -> TransportErrorKind {
    match find::<ConnectError>(error).map(|error| error.step) {
        Some(Step::Name) => return TransportErrorKind::InvalidRequest,
        #[cfg(feature = "proxy")]
        Some(Step::Environment | Step::ProxyName) => return TransportErrorKind::Proxy,
        #[cfg(feature = "proxy")]
        Some(Step::Tunnel) => {
            let refused = find::<TunnelRefused>(error);
            return match refused.is_some_and(|refused| !refused.is_beyond_the_proxy()) {
                true => TransportErrorKind::Proxy,
                false => TransportErrorKind::Connect,
            };
        }
        _ => {}
    }
    match find(error) {
        Some(LookupError::OtherMachine(_)) => return TransportErrorKind::NotAllowed,
        Some(LookupError::Failed(_)) if via(error).is_none() => return TransportErrorKind::Resolve,
        _ => {}
    }
    if find::<rustls::Error>(error).is_some_and(|error| !is_temporary(error)) {
        TransportErrorKind::Tls
    } else {
        TransportErrorKind::Connect
    }
}

/// Whether a TLS handshake that failed with this error may succeed later: the cause is a fault of the server or of
/// the network, and neither side rejected the other.
const fn is_temporary(error: &rustls::Error) -> bool {
    use AlertDescription as Alert;
    matches!(
        error,
        rustls::Error::DecryptError
            | rustls::Error::AlertReceived(
                Alert::CloseNotify | Alert::UserCanceled | Alert::InternalError
            )
    )
}

/// The proxy in use when connecting failed.
fn via(error: Cause<'_>) -> Option<&str> {
    find::<ConnectError>(error).and_then(|error| error.via.as_deref())
}

fn detail(kind: TransportErrorKind, to: &Destination, error: Cause<'_>) -> String {
    // The cause may list the names in a certificate: there may be thousands, and the server chooses them.
    let cause: String = root(error).to_string().chars().take(CAUSE_LENGTH).collect();
    let mut detail = match via(error) {
        Some(proxy) => format!("{to}: the proxy {proxy}: {}", Printable(&cause)),
        None => format!("{to}: {}", Printable(&cause)),
    };
    if let Some(advice) = advice(kind, to, error) {
        // Writing to a string cannot fail.
        let _ = write!(detail, "; {advice}");
    }
    detail
}

/// How many characters of a cause are printed.
const CAUSE_LENGTH: usize = 300;

/// Advice on what to check first.
fn advice(kind: TransportErrorKind, to: &Destination, error: Cause<'_>) -> Option<String> {
    use CertificateError as Certificate;
    #[cfg(feature = "proxy")]
    if let Some(refused) = find::<TunnelRefused>(error) {
        return Some(refused.advice().to_owned());
    }
    if kind == TransportErrorKind::Resolve {
        let other = to.environment()?.other_domain();
        return Some(format!(
            "the same service is also available at {}",
            other.host()
        ));
    }
    if kind != TransportErrorKind::Tls {
        return None;
    }
    let advice = match find(error)? {
        rustls::Error::InvalidMessage(_) => {
            "the server does not speak TLS on this port; check whether it expects http"
        }
        rustls::Error::InvalidCertificate(
            Certificate::Expired
            | Certificate::ExpiredContext { .. }
            | Certificate::NotValidYet
            | Certificate::NotValidYetContext { .. },
        ) => "check this machine's clock",
        rustls::Error::InvalidCertificate(Certificate::UnknownIssuer) => {
            "the certificate authority of the server is not trusted"
        }
        _ => return None,
    };
    Some(advice.to_owned())
}

/// The first error of type `E` in the chain of causes.
fn find<'e, E: Error + 'static>(error: Cause<'e>) -> Option<&'e E> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

/// The last error in the chain of causes, which is the most specific.
fn root(error: Cause<'_>) -> Cause<'_> {
    causes(error).last().unwrap_or(error)
}

type Cause<'e> = &'e (dyn Error + 'static);

fn causes(error: Cause<'_>) -> impl Iterator<Item = Cause<'_>> {
    std::iter::successors(Some(error), |error: &Cause<'_>| {
        let error: Cause<'_> = *error;
        // `io::Error::source` skips the error that it wraps.
        let wrapped = error.downcast_ref().and_then(io::Error::get_ref);
        wrapped.map_or_else(|| error.source(), |inner| Some(inner))
    })
}

#[cfg(test)]
mod tests {
    use bakong_api::Environment;
    use http::Uri;

    use super::*;

    /// The detail of a failed lookup of this host.
    fn failed_lookup(uri: &str) -> String {
        let uri: Uri = uri.parse().unwrap();
        let to = Destination::of(&uri, true).unwrap();
        let error = io::Error::other(LookupError::Failed(io::Error::other("no such name")));
        assert_eq!(connect_kind(&error), TransportErrorKind::Resolve);
        detail(TransportErrorKind::Resolve, &to, &error)
    }

    // This test opens no socket, since that would contact NBC.
    #[test]
    fn a_failed_lookup_of_an_nbc_host_names_its_other_domain() {
        for environment in Environment::ALL {
            let (host, other) = (environment.host(), environment.other_domain().host());
            assert_eq!(
                failed_lookup(&format!("https://{host}/v1/verify")),
                format!("{host}: no such name; the same service is also available at {other}")
            );
        }
        assert_eq!(
            failed_lookup("http://host.example:81"),
            "host.example:81: no such name"
        );
    }

    #[test]
    fn text_from_a_certificate_is_cut_and_escaped() {
        let to = Destination::of(&Uri::from_static("https://host.example"), false).unwrap();
        let hostile = rustls::Error::General("\u{1b}[2J".repeat(1_000));
        assert_eq!(connect_kind(&hostile), TransportErrorKind::Tls);
        let detail = detail(TransportErrorKind::Tls, &to, &hostile);
        assert!(!detail.contains('\u{1b}'), "{detail}");
        assert!(detail.len() < 3_000, "{} bytes", detail.len());
    }
}
