//! Which step failed, told from what hyper, rustls and the system report.

use std::error::Error;
use std::io;

use bakong_api::{Environment, TransportError, TransportErrorKind};
use http_body_util::LengthLimitError;
use hyper_util::client::legacy;

use crate::resolver::LookupFailed;

/// A request failed before its answer began.
pub(crate) fn sending(host: &str, error: legacy::Error) -> TransportError {
    let kind = if find::<LookupFailed>(&error).is_some() {
        TransportErrorKind::Resolve
    } else if find::<rustls::Error>(&error).is_some_and(is_about_trust) {
        TransportErrorKind::Tls
    } else if error.is_connect() {
        TransportErrorKind::Connect
    } else {
        TransportErrorKind::Interrupted
    };
    let detail = detail(kind, host, &error);
    TransportError::new(kind, error).with_detail(detail)
}

/// An answer's body could not be read to its end.
pub(crate) fn reading(
    host: &str,
    limit: usize,
    error: Box<dyn Error + Send + Sync>,
) -> TransportError {
    if find::<LengthLimitError>(&*error).is_some() {
        let detail = format!("{host} sent more than {limit} bytes");
        TransportError::new(TransportErrorKind::AnswerTooLarge, error).with_detail(detail)
    } else {
        let kind = TransportErrorKind::Interrupted;
        let detail = detail(kind, host, &*error);
        TransportError::new(kind, error).with_detail(detail)
    }
}

fn detail(kind: TransportErrorKind, host: &str, error: Cause<'_>) -> String {
    let cause = root(error);
    match (kind, Environment::of_host(host)) {
        (TransportErrorKind::Resolve, Some(environment)) => {
            let other = environment.other_domain();
            format!(
                "{host}: {cause}; the same Bakong is also at {}",
                other.host()
            )
        }
        _ => format!("{host}: {cause}"),
    }
}

/// Whether the other side spoke TLS and is not to be trusted, rather than that the connection broke.
const fn is_about_trust(error: &rustls::Error) -> bool {
    matches!(
        error,
        rustls::Error::InvalidCertificate(_)
            | rustls::Error::NoCertificatesPresented
            | rustls::Error::UnsupportedNameType
            | rustls::Error::InvalidCertRevocationList(_)
            | rustls::Error::PeerIncompatible(_)
            | rustls::Error::AlertReceived(_)
            | rustls::Error::InvalidMessage(_)
    )
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
