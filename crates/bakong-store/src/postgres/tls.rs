//! TLS to the server, with what `sslmode` verifies.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::failure::Failure;

/// What to verify.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Tls {
    pub(super) verify: Verify,
    /// The file with the trusted certificates; `None` for Mozilla's.
    pub(super) root_file: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verify {
    /// Encrypt only, as libpq does for `prefer` and `require`.
    Nothing,
    /// The chain, for `verify-ca`.
    Chain,
    /// The chain and the host, for `verify-full`.
    Full,
}

impl Tls {
    /// Returns the connector of the driver.
    pub(super) fn connector(&self) -> Result<MakeRustlsConnect, Failure> {
        let provider = Arc::new(ring::default_provider());
        let verifier = Verifier {
            provider: Arc::clone(&provider),
            verify: self.verify,
            chain: match self.verify {
                Verify::Nothing => None,
                Verify::Chain | Verify::Full => Some(self.chain_verifier(&provider)?),
            },
        };
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| Failure::fatal(error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        Ok(MakeRustlsConnect::new(config))
    }

    fn chain_verifier(
        &self,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Arc<WebPkiServerVerifier>, Failure> {
        let mut roots = RootCertStore::empty();
        match &self.root_file {
            None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
            Some(path) => {
                let unreadable = |reason: &dyn std::fmt::Display| {
                    Failure::fatal(format!(
                        "the file of sslrootcert, {path:?}, cannot be used: {reason}. Pass a PEM file with the certificate of the server's authority"
                    ))
                };
                let certificates =
                    CertificateDer::pem_file_iter(path).map_err(|error| match error {
                        rustls::pki_types::pem::Error::Io(error) => unreadable(&error),
                        error => unreadable(&error),
                    })?;
                for certificate in certificates {
                    let certificate = certificate.map_err(|error| unreadable(&error))?;
                    roots.add(certificate).map_err(|error| unreadable(&error))?;
                }
                if roots.is_empty() {
                    return Err(unreadable(&"it has no certificate"));
                }
            }
        }
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
        verifier
            .build()
            .map_err(|error| Failure::fatal(io::Error::other(error).to_string()))
    }
}

/// Verifies as much of the server's certificate as `sslmode` asks for.
#[derive(Debug)]
struct Verifier {
    provider: Arc<CryptoProvider>,
    verify: Verify,
    /// Verifies the chain and the host; `None` to verify nothing.
    chain: Option<Arc<WebPkiServerVerifier>>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(chain) = &self.chain else {
            return Ok(ServerCertVerified::assertion());
        };
        let verified =
            chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verified {
            // The host is verified after the chain.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if self.verify == Verify::Chain => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}
