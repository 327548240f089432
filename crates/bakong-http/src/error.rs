//! Errors of [`HyperTransportBuilder`](crate::HyperTransportBuilder).

use std::fmt;

/// A setting that cannot be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum SetupError {
    /// The PEM text contains no certificate.
    NoCertificate,
    /// A certificate in the PEM text cannot be parsed, or does not belong to a certificate authority.
    BrokenCertificate,
    /// The transport would trust no certificate authority.
    NoRoots,
    /// The certificate store of the operating system was not found, or is empty.
    NoPlatformRoots,
    /// The `User-Agent` is blank or contains characters that are not visible ASCII.
    UserAgent,
    /// The proxy address is not the URL of an HTTP proxy.
    ProxyAddress,
    /// `max_in_flight` is zero.
    NothingInFlight,
    /// The TLS library supports no protocol version.
    Tls,
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoCertificate => "the text contains no PEM certificate",
            Self::BrokenCertificate => {
                "a certificate cannot be parsed, or does not belong to a certificate authority"
            }
            Self::NoRoots => {
                "no certificate authority is trusted; add one with trust_pem, or choose other roots"
            }
            Self::NoPlatformRoots => {
                "the system's certificate authorities were not found; install them, or set SSL_CERT_FILE"
            }
            Self::UserAgent => "the User-Agent must be one line of visible ASCII characters",
            Self::ProxyAddress => {
                "the proxy address must be http://host:port or https://host:port, with \
                 user:password@ before the host if the proxy requires them; SOCKS is not supported"
            }
            Self::NothingInFlight => "max_in_flight must be at least 1",
            Self::Tls => "the TLS library supports no protocol version",
        })
    }
}

impl std::error::Error for SetupError {}
