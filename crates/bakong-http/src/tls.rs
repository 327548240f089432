//! Whom to believe, and who does the cryptography.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::builder::SetupError;

#[cfg(not(any(feature = "ring", feature = "aws-lc-rs")))]
compile_error!("TLS needs cryptography: enable the feature `ring` or `aws-lc-rs` of bakong-http");

/// Whose certificates are believed, beside those given by
/// [`trust_pem`](crate::HyperTransportBuilder::trust_pem).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Roots {
    /// Those of the authorities on Mozilla's list, as it was when the program was built.
    #[cfg(feature = "webpki-roots")]
    WebPki,
    /// Those of the authorities that this machine trusts, as it is when the transport is made. On Unix,
    /// `SSL_CERT_FILE` and `SSL_CERT_DIR` say where else they are.
    #[cfg(feature = "native-roots")]
    Platform,
    /// No others.
    OnlyGiven,
}

impl Default for Roots {
    /// [`WebPki`](Self::WebPki) if the feature `webpki-roots` is on, or else `Platform` if `native-roots` is,
    /// or else [`OnlyGiven`](Self::OnlyGiven).
    #[allow(
        unreachable_code,
        reason = "which line is the last depends on the features"
    )]
    fn default() -> Self {
        #[cfg(feature = "webpki-roots")]
        return Self::WebPki;
        #[cfg(feature = "native-roots")]
        return Self::Platform;
        Self::OnlyGiven
    }
}

/// Adds the authorities in a PEM text.
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

/// A client that believes these authorities.
pub(crate) fn config(roots: Roots, given: &RootCertStore) -> Result<ClientConfig, SetupError> {
    let store = match roots {
        #[cfg(feature = "webpki-roots")]
        Roots::WebPki => {
            let mut store = given.clone();
            store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
            store
        }
        #[cfg(feature = "native-roots")]
        Roots::Platform => {
            let mut store = given.clone();
            let found = rustls_native_certs::load_native_certs();
            // Old authorities that rustls cannot read are on many machines, and are no reason to stop.
            let (added, _) = store.add_parsable_certificates(found.certs);
            if added == 0 {
                return Err(SetupError::NoPlatformRoots);
            }
            store
        }
        Roots::OnlyGiven if given.is_empty() => return Err(SetupError::NoRoots),
        Roots::OnlyGiven => given.clone(),
    };
    // Named, so that it does not matter what else in the program chose a provider.
    let config = ClientConfig::builder_with_provider(Arc::new(provider()))
        .with_safe_default_protocol_versions()
        .map_err(|_| SetupError::Tls)?
        .with_root_certificates(store)
        .with_no_client_auth();
    Ok(config)
}

/// Asked for by name, aws-lc-rs is preferred to the default.
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
