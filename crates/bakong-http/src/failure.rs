//! Which step failed, told from what hyper, rustls and the system report.

use std::error::Error;
use std::fmt::Write;
use std::io;
use std::time::Duration;

use bakong_api::khqr_core::Printable;
use bakong_api::transport::{TransportError, TransportErrorKind};
use rustls::{AlertDescription, CertificateError};
use tokio::time::error::Elapsed;

use crate::connector::{ConnectError, Step};
use crate::destination::Destination;
use crate::resolver::LookupFailed;
#[cfg(feature = "proxy")]
use crate::tunnel::TunnelRefused;

/// No connection came about, so nothing was sent.
pub(crate) fn not_connected(to: &Destination, error: ConnectError) -> TransportError {
    let kind = connecting(&error);
    let detail = detail(kind, to, &error);
    let at_proxy = kind == TransportErrorKind::Proxy || error.via.is_some();
    let failed = TransportError::new(kind, error).with_detail(detail);
    if at_proxy { failed.at_proxy() } else { failed }
}

/// A request failed on a connection, before its answer began or in the midst of it.
pub(crate) fn exchanging(to: &Destination, error: hyper::Error) -> TransportError {
    let kind = answering(&error);
    let detail = detail(kind, to, &error);
    TransportError::new(kind, error).with_detail(detail)
}

/// An answer's body is, or will be, larger than `limit`.
pub(crate) fn too_large(
    to: &Destination,
    limit: usize,
    error: impl Into<Box<dyn Error + Send + Sync>>,
) -> TransportError {
    let kind = TransportErrorKind::AnswerTooLarge;
    TransportError::new(kind, error).with_detail(format!("{to}: more than {limit} bytes"))
}

/// The whole answer, or for kind `Connect` a connection, was not there in time.
pub(crate) fn late(
    kind: TransportErrorKind,
    to: &Destination,
    limit: Duration,
    elapsed: Elapsed,
) -> TransportError {
    let detail = format!("{to}: the limit is {} ms", limit.as_millis());
    TransportError::new(kind, elapsed).with_detail(detail)
}

/// No connection came about.
fn connecting(error: Cause<'_>) -> TransportErrorKind {
    let attempt = find::<ConnectError>(error);
    match attempt.map(|attempt| attempt.step) {
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
    let is_proxy_s = attempt.is_some_and(|attempt| attempt.via.is_some());
    if find::<LookupFailed>(error).is_some() && !is_proxy_s {
        TransportErrorKind::Resolve
    } else if find::<rustls::Error>(error).is_some_and(|error| !may_pass(error)) {
        TransportErrorKind::Tls
    } else {
        TransportErrorKind::Connect
    }
}

/// A connection failed with the request on it.
fn answering(error: Cause<'_>) -> TransportErrorKind {
    if find(error).is_some_and(hyper::Error::is_parse_too_large) {
        TransportErrorKind::AnswerTooLarge
    } else {
        TransportErrorKind::Interrupted
    }
}

/// Whether a handshake that failed like this may come about the next time: by trouble of the server's own
/// or on the way, and not because either side does not take the other.
const fn may_pass(error: &rustls::Error) -> bool {
    use AlertDescription as Alert;
    matches!(
        error,
        rustls::Error::DecryptError
            | rustls::Error::AlertReceived(
                Alert::CloseNotify | Alert::UserCanceled | Alert::InternalError
            )
    )
}

fn detail(kind: TransportErrorKind, to: &Destination, error: Cause<'_>) -> String {
    // A certificate's names come from outside, and there may be thousands.
    let cause: String = root(error).to_string().chars().take(CAUSE_SHOWN).collect();
    let through = find::<ConnectError>(error).and_then(|error| error.via.as_deref());
    let mut detail = match through {
        Some(proxy) => format!("{to}: the proxy {proxy}: {}", Printable(&cause)),
        None => format!("{to}: {}", Printable(&cause)),
    };
    if let Some(advice) = advice(kind, to, error) {
        // A string takes all that is written to it.
        let _ = write!(detail, "; {advice}");
    }
    detail
}

/// How much of a cause is printed.
const CAUSE_SHOWN: usize = 300;

/// What to look at first.
fn advice(kind: TransportErrorKind, to: &Destination, error: Cause<'_>) -> Option<String> {
    use CertificateError as Certificate;
    #[cfg(feature = "proxy")]
    if let Some(refused) = find::<TunnelRefused>(error) {
        return Some(refused.advice().to_owned());
    }
    if kind == TransportErrorKind::Resolve {
        let other = to.environment()?.other_domain();
        return Some(format!("the same Bakong is also at {}", other.host()));
    }
    if kind != TransportErrorKind::Tls {
        return None;
    }
    let advice = match find(error)? {
        rustls::Error::InvalidMessage(_) => "the server speaks no TLS there; is it plain http?",
        rustls::Error::InvalidCertificate(
            Certificate::Expired
            | Certificate::ExpiredContext { .. }
            | Certificate::NotValidYet
            | Certificate::NotValidYetContext { .. },
        ) => "is this machine's clock right?",
        rustls::Error::InvalidCertificate(Certificate::UnknownIssuer) => {
            "an authority of your own must be added (trust_pem)"
        }
        _ => return None,
    };
    Some(advice.to_owned())
}

/// The first error of type `E` in the chain of causes.
fn find<'e, E: Error + 'static>(error: Cause<'e>) -> Option<&'e E> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

/// The last error in the chain: the one that says what happened.
fn root(error: Cause<'_>) -> Cause<'_> {
    causes(error).last().unwrap_or(error)
}

type Cause<'e> = &'e (dyn Error + 'static);

fn causes(error: Cause<'_>) -> impl Iterator<Item = Cause<'_>> {
    std::iter::successors(Some(error), |error: &Cause<'_>| {
        let error: Cause<'_> = *error;
        // An I/O error hides what it wraps from `source`.
        let wrapped = error.downcast_ref().and_then(io::Error::get_ref);
        wrapped.map_or_else(|| error.source(), |inner| Some(inner))
    })
}

#[cfg(test)]
mod tests {
    use bakong_api::Environment;
    use http::Uri;

    use super::*;

    /// What a look-up of this host that failed is told as.
    fn look_up(uri: &str) -> String {
        let uri: Uri = uri.parse().unwrap();
        let to = Destination::of(&uri, true).unwrap();
        let failed = io::Error::other(LookupFailed(io::Error::other("no such name")));
        assert_eq!(connecting(&failed), TransportErrorKind::Resolve);
        detail(TransportErrorKind::Resolve, &to, &failed)
    }

    // Not over a socket: with a network, it would ask NBC.
    #[test]
    fn a_failed_look_up_of_nbc_s_names_its_other_domain() {
        for environment in Environment::ALL {
            let (host, other) = (environment.host(), environment.other_domain().host());
            assert_eq!(
                look_up(&format!("https://{host}/v1/verify")),
                format!("{host}: no such name; the same Bakong is also at {other}")
            );
        }
        assert_eq!(
            look_up("http://host.example:81"),
            "host.example:81: no such name"
        );
    }

    #[test]
    fn text_from_a_certificate_is_short_and_harmless() {
        let to = Destination::of(&Uri::from_static("https://host.example"), false).unwrap();
        let hostile = rustls::Error::General("\u{1b}[2J".repeat(1_000));
        assert_eq!(connecting(&hostile), TransportErrorKind::Tls);
        let detail = detail(TransportErrorKind::Tls, &to, &hostile);
        assert!(!detail.contains('\u{1b}'), "{detail}");
        assert!(detail.len() < 3_000, "{} bytes", detail.len());
    }
}
