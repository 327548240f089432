//! Where a request goes: whether it may, and how a person is told of it.

use std::fmt;

use bakong_api::Environment;
use bakong_api::base_url::is_loopback_host;
use bakong_api::transport::{TransportError, TransportErrorKind};
use http::Uri;
use http::uri::{Authority, Scheme};

/// A host and perhaps a port, without a user name.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Destination(Authority);

impl Destination {
    /// The destination of a request to this URI, if one may be sent there.
    pub(crate) fn of(uri: &Uri, allow_plain_http: bool) -> Result<Self, TransportError> {
        let Some(authority) = uri.authority() else {
            return Err(refused(
                TransportErrorKind::InvalidRequest,
                "its URI names no host",
                None,
            ));
        };
        let destination = Self(authority.clone());
        if authority.as_str().contains('@') {
            let reason =
                "its URI holds a user name or a password, which would be logged on the way";
            let kind = TransportErrorKind::InvalidRequest;
            return Err(refused(kind, reason, Some(&destination)));
        }
        let scheme = uri.scheme();
        if scheme == Some(&Scheme::HTTPS) {
            return Ok(destination);
        }
        if scheme != Some(&Scheme::HTTP) {
            let reason = "its URI must start with https:// or http://";
            let kind = TransportErrorKind::InvalidRequest;
            return Err(refused(kind, reason, Some(&destination)));
        }
        if !allow_plain_http && !is_loopback_host(authority.host()) {
            let reason = "http without TLS would show the token to the network; use https, or \
                          allow_plain_http if the network is trusted";
            let kind = TransportErrorKind::NotAllowed;
            return Err(refused(kind, reason, Some(&destination)));
        }
        Ok(destination)
    }

    /// Which of NBC's hosts it is.
    pub(crate) fn environment(&self) -> Option<Environment> {
        Environment::of_host(self.0.host())
    }
}

fn refused(
    kind: TransportErrorKind,
    reason: &'static str,
    destination: Option<&Destination>,
) -> TransportError {
    let error = TransportError::new(kind, reason);
    match destination {
        Some(destination) => error.with_detail(format!("{destination}: {reason}")),
        None => error.with_detail(reason),
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.host())?;
        match self.0.port() {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_prints_the_host_and_the_port_alone() {
        for (uri, printed) in [
            ("https://host.example/v1?token=secret", "host.example"),
            ("https://host.example:8443/secret", "host.example:8443"),
            ("http://[::1]:80/", "[::1]:80"),
        ] {
            let destination = Destination::of(&Uri::from_static(uri), false).unwrap();
            assert_eq!(destination.to_string(), printed);
        }
        for uri in ["http://user:secret@host/", "https://user:secret@host/"] {
            let refused = Destination::of(&Uri::from_static(uri), true).unwrap_err();
            assert_eq!(refused.kind(), TransportErrorKind::InvalidRequest);
            assert!(!format!("{refused} {refused:?}").contains("secret"));
        }
    }
}
