//! Root certificates and the crypto provider.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::error::SetupError;

#[cfg(not(any(feature = "ring", feature = "aws-lc-rs")))]
compile_error!("bakong-http needs a crypto provider: enable the feature `ring` or `aws-lc-rs`");

/// Which certificate authorities are trusted, in addition to those added with
/// [`trust_pem`](crate::HyperTransportBuilder::trust_pem).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Roots {
    /// The certificate authorities of Mozilla's root program, compiled into the binary.
    #[cfg(feature = "webpki-roots")]
    WebPki,
    /// The certificate store of the operating system, read when the transport is built. On Unix, the
    /// environment variables `SSL_CERT_FILE` and `SSL_CERT_DIR` override its location.
    #[cfg(feature = "native-roots")]
    Platform,
    /// No certificate authorities besides the added ones.
    OnlyGiven,
}

impl Default for Roots {
    /// [`WebPki`](Self::WebPki) with the feature `webpki-roots`, else `Platform` with the feature
    /// `native-roots`, else [`OnlyGiven`](Self::OnlyGiven).
    #[allow(
        unreachable_code,
        reason = "the features determine which line is the last"
    )]
    fn default() -> Self {
        #[cfg(feature = "webpki-roots")]
        return Self::WebPki;
        #[cfg(feature = "native-roots")]
        return Self::Platform;
        Self::OnlyGiven
    }
}

/// Adds the certificate authorities in a PEM text.
pub(crate) fn add_pem(roots: &mut RootCertStore, pem: &[u8]) -> Result<(), SetupError> {
    let before = roots.len();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|_| SetupError::BrokenCertificate)?;
        roots
            .add(certificate)
            .map_err(|_| SetupError::BrokenCertificate)?;
    }
    if roots.len() == before {
        return Err(SetupError::NoCertificate);
    }
    Ok(())
}

/// Returns the configuration of a TLS client that trusts `roots` and the authorities in `store`.
pub(crate) fn config(
    roots: Roots,
    #[allow(unused_mut, reason = "mutated only with a feature for roots")] mut store: RootCertStore,
) -> Result<ClientConfig, SetupError> {
    match roots {
        #[cfg(feature = "webpki-roots")]
        Roots::WebPki => store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        #[cfg(feature = "native-roots")]
        Roots::Platform => {
            let found = rustls_native_certs::load_native_certs();
            // Many machines have old certificates that rustls cannot parse. Skip those certificates.
            let (added, _) = store.add_parsable_certificates(found.certs);
            if added == 0 {
                return Err(SetupError::NoPlatformRoots);
            }
        }
        Roots::OnlyGiven if store.is_empty() => return Err(SetupError::NoRoots),
        Roots::OnlyGiven => {}
    }
    // An explicit provider, so that the process-wide default of the program does not matter.
    let config = ClientConfig::builder_with_provider(Arc::new(provider()))
        .with_safe_default_protocol_versions()
        .map_err(|_| SetupError::Tls)?
        .with_root_certificates(store)
        .with_no_client_auth();
    Ok(config)
}

/// aws-lc-rs must be enabled explicitly, so it takes precedence over the default, ring.
#[cfg(feature = "aws-lc-rs")]
fn provider() -> CryptoProvider {
    rustls::crypto::aws_lc_rs::default_provider()
}

#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
fn provider() -> CryptoProvider {
    rustls::crypto::ring::default_provider()
}

#[cfg(not(any(feature = "ring", feature = "aws-lc-rs")))]
fn provider() -> CryptoProvider {
    unreachable!()
}
