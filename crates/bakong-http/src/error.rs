//! Errors of [`HyperTransportBuilder`](crate::HyperTransportBuilder).

use std::{fmt, io};

/// A setting that cannot be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum SetupError {
    /// The PEM text contains no certificate.
    NoCertificate,
    /// A certificate in the PEM text cannot be parsed, or does not belong to a certificate authority.
    BrokenCertificate,
    /// The certificate file cannot be read, is not a regular file, or is larger than 4 MiB.
    CertificateFile,
    /// The environment variable `SSL_CERT_FILE` does not name a PEM file with valid certificates.
    SslCertFile(UnusableFile),
    /// The environment variable `SSL_CERT_DIR` does not name a folder of PEM files with valid certificates.
    SslCertDir,
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

/// Why a file of certificates cannot be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum UnusableFile {
    /// The file cannot be opened or read.
    Unreadable(io::ErrorKind),
    /// The path leads to a folder, a pipe or a device, which could block for ever.
    NotRegular,
    /// The file is larger than 4 MiB.
    TooLarge,
    /// The file contains no certificate in PEM that can be parsed.
    NoCertificate,
}

impl fmt::Display for UnusableFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(kind) => write!(f, "the file cannot be read: {kind}"),
            Self::NotRegular => f.write_str("not a regular file"),
            Self::TooLarge => f.write_str("the file is larger than 4 MiB"),
            Self::NoCertificate => f.write_str("the file contains no valid certificate in PEM"),
        }
    }
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::SslCertFile(why) = self {
            return write!(
                f,
                "the environment variable SSL_CERT_FILE names no usable file: {why}; set it to a file with valid \
                 certificates in PEM, or unset it"
            );
        }
        f.write_str(match self {
            Self::NoCertificate => "the text contains no PEM certificate",
            Self::BrokenCertificate => {
                "a certificate cannot be parsed, or does not belong to a certificate authority"
            }
            Self::CertificateFile => {
                "the certificate file cannot be read; name a regular file in PEM of at most 4 MiB"
            }
            Self::SslCertFile(_) => "the environment variable SSL_CERT_FILE names no usable file",
            Self::SslCertDir => {
                "the environment variable SSL_CERT_DIR names no usable folder; set it to a folder with valid \
                 certificates in PEM, or unset it"
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
                 user:password@ before the host if the proxy requires them; write special characters as %40 for @, \
                 %2F for / and %3F for ?; SOCKS is not supported"
            }
            Self::NothingInFlight => "max_in_flight must be at least 1",
            Self::Tls => "the TLS library supports no protocol version",
        })
    }
}

impl std::error::Error for SetupError {}
