//! The host and port of a request, and the check whether the request may be sent there.

use std::fmt;

use bakong_api::Environment;
use bakong_api::base_url::is_loopback_host;
use bakong_api::transport::{TransportError, TransportErrorKind};
use http::Uri;
use http::uri::{Authority, Scheme};

/// A host and an optional port, without user information.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Destination(Authority);

impl Destination {
    /// Returns the destination of a request to this URI.
    ///
    /// # Errors
    /// If the URI is not an `http` or `https` URL, contains user information, or would send plain HTTP to
    /// another machine without permission.
    pub(crate) fn of(uri: &Uri, allow_plain_http: bool) -> Result<Self, TransportError> {
        use TransportErrorKind::{InvalidRequest, NotAllowed};
        let Some(authority) = uri.authority() else {
            let reason = "the URI of the request has no host";
            return Err(TransportError::new(InvalidRequest, reason).with_detail(reason));
        };
        let destination = Self(authority.clone());
        if authority.as_str().contains('@') {
            let reason =
                "the URI contains a user name or a password, which would appear in logs; remove it";
            return Err(destination.reject(InvalidRequest, reason));
        }
        let scheme = uri.scheme();
        if scheme == Some(&Scheme::HTTPS) {
            return Ok(destination);
        }
        if scheme != Some(&Scheme::HTTP) {
            let reason = "the URI must start with https:// or http://";
            return Err(destination.reject(InvalidRequest, reason));
        }
        if !allow_plain_http && !is_loopback_host(authority.host()) {
            let reason = "http without TLS would expose the token to the network; use https, or set \
                          allow_plain_http if the network is trusted";
            return Err(destination.reject(NotAllowed, reason));
        }
        Ok(destination)
    }

    /// The environment, if this is one of NBC's hosts.
    pub(crate) fn environment(&self) -> Option<Environment> {
        Environment::of_host(self.0.host())
    }

    fn reject(&self, kind: TransportErrorKind, reason: &'static str) -> TransportError {
        TransportError::new(kind, reason).with_detail(format!("{self}: {reason}"))
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
    fn prints_the_host_and_the_port_only() {
        for (uri, printed) in [
            ("https://host.example/v1?token=secret", "host.example"),
            ("https://host.example:8443/secret", "host.example:8443"),
            ("http://[::1]:80/", "[::1]:80"),
        ] {
            let destination = Destination::of(&Uri::from_static(uri), false).unwrap();
            assert_eq!(destination.to_string(), printed);
        }
        for uri in ["http://user:secret@host/", "https://user:secret@host/"] {
            let error = Destination::of(&Uri::from_static(uri), true).unwrap_err();
            assert_eq!(error.kind(), TransportErrorKind::InvalidRequest);
            assert!(!format!("{error} {error:?}").contains("secret"));
        }
    }
}
