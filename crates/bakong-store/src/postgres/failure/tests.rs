//! Errors that a real server seldom reports.

use std::future::{Ready, ready};
use std::io;

use rustls::CertificateError;
use tokio::io::DuplexStream;
use tokio_postgres::tls::{NoTlsStream, TlsConnect};
use tokio_postgres::{Config, NoTls};

use super::*;
use crate::postgres::fake_server::{connect, error, message};

fn config() -> Config {
    "postgres://shop@db.example/pay".parse().unwrap()
}

/// Returns the error of a login that the server answers with `answer`; it closes the connection if there is none.
async fn login_error(config: &Config, answer: Option<Vec<u8>>) -> tokio_postgres::Error {
    let connected = connect(config, NoTls, answer.into_iter().collect()).await;
    connected.map(drop).unwrap_err()
}

/// Returns the kind and the message for the caller of the store.
fn explained(error: tokio_postgres::Error) -> (StoreErrorKind, String) {
    let error = Failure::from(error).store_error(&Place::new(&config()));
    (error.kind(), error.to_string())
}

#[tokio::test]
async fn a_connection_is_broken_if_the_server_is_away_and_not_if_it_reports_an_error() {
    let closed = login_error(&config(), None).await;
    assert!(closed.is_closed());
    for failure in [
        Failure::from(closed),
        Failure::Timeout(Duration::from_secs(1)),
    ] {
        assert!(failure.is_disconnect(), "{failure:?}");
    }
    for failure in [Failure::PoolExhausted, Failure::Fenced] {
        assert!(!failure.is_disconnect(), "{failure:?}");
    }
    for (code, is_disconnect) in [
        ("57P01", true),
        ("57P02", true),
        ("57P03", true),
        ("23505", false),
        ("53300", false),
        ("57014", false),
    ] {
        let failure = Failure::from(login_error(&config(), Some(error(code))).await);
        assert_eq!(failure.is_disconnect(), is_disconnect, "{code}");
        assert_eq!(failure.is_unique_violation(), code == "23505", "{code}");
    }
}

#[tokio::test]
async fn errors_of_the_server_have_a_kind_and_an_advice() {
    for (code, kind, words) in [
        ("28P01", Fatal, "rejects the password of the user \"shop\""),
        ("28000", Fatal, "the user \"shop\" may not connect"),
        ("3D000", Fatal, "the database \"pay\" does not exist"),
        ("42501", Fatal, "the user \"shop\" lacks a permission"),
        ("25006", Transient, "read-only"),
        ("53300", Transient, "too many connections"),
        ("53100", Transient, "the disk of the server is full"),
        ("55P03", Transient, "locked the registration"),
        ("57014", Transient, "took too long"),
        ("42P01", Fatal, "not those of this program"),
        ("42703", Fatal, "not those of this program"),
        ("42883", Fatal, "not those of this program"),
        ("3F000", Fatal, "not those of this program"),
        ("57P01", Transient, "shuts down or starts"),
        ("57P02", Transient, "shuts down or starts"),
        ("57P03", Transient, "shuts down or starts"),
        ("08006", Transient, "(SQLSTATE 08006). The program tries"),
        ("25P03", Transient, "the transaction ended early"),
        ("XX000", Fatal, "(SQLSTATE XX000). Report this error"),
        ("XX001", Fatal, "the database is corrupt"),
        ("XX002", Fatal, "the database is corrupt"),
        ("22012", Fatal, "(SQLSTATE 22012). Report this error"),
    ] {
        let (found, message) = explained(login_error(&config(), Some(error(code))).await);
        assert_eq!(found, kind, "{code}: {message}");
        assert!(message.contains(words), "{code}: {message}");
        let place = "cannot use the database \"pay\" at db.example:5432: ";
        assert!(message.contains(place), "{message}");
    }
}

#[tokio::test]
async fn errors_of_the_driver_have_a_kind_and_an_advice() {
    const CLEARTEXT_PASSWORD: [u8; 4] = [0, 0, 0, 3];
    const GSS: [u8; 4] = [0, 0, 0, 7];
    let asked = login_error(&config(), Some(message(b'R', &CLEARTEXT_PASSWORD))).await;
    let unknown = login_error(&config(), Some(message(b'R', &GSS))).await;
    let closed = login_error(&config(), None).await;
    let no_host = Config::new().user("shop").connect(NoTls).await;
    for (error, kind, words) in [
        (asked, Fatal, "asks for the password of the user \"shop\""),
        (
            no_host.map(drop).unwrap_err(),
            Fatal,
            "the connection string is incomplete: ",
        ),
        (unknown, Fatal, "the user \"shop\" cannot log in: "),
        (
            tokio_postgres::Error::__private_api_timeout(),
            Transient,
            "cannot be reached in time",
        ),
        (closed, Transient, "the connection was lost"),
    ] {
        let (found, message) = explained(error);
        assert_eq!(found, kind, "{message}");
        assert!(message.contains(words), "{message}");
    }
}

/// A handshake that fails with an error of rustls.
struct Rejects(CertificateError);

impl TlsConnect<DuplexStream> for Rejects {
    type Stream = NoTlsStream;
    type Error = io::Error;
    type Future = Ready<io::Result<NoTlsStream>>;

    fn connect(self, _: DuplexStream) -> Self::Future {
        ready(Err(io::Error::other(rustls::Error::InvalidCertificate(
            self.0,
        ))))
    }
}

#[tokio::test]
async fn a_certificate_that_is_rejected_is_explained() {
    let mut config = config();
    config.ssl_mode(tokio_postgres::config::SslMode::Require);
    for (reason, words) in [
        (
            CertificateError::NotValidForName,
            "not for the host of the connection string",
        ),
        (CertificateError::UnknownIssuer, "Set sslrootcert"),
        (CertificateError::Expired, "has expired. Renew it"),
        (CertificateError::NotValidYet, "is not valid yet"),
        (CertificateError::BadEncoding, "TLS failed: "),
    ] {
        let answers = vec![b"S".to_vec()];
        let connected = connect(&config, Rejects(reason), answers).await;
        let (kind, message) = explained(connected.map(drop).unwrap_err());
        assert_eq!(kind, Fatal, "{message}");
        assert!(message.contains(words), "{message}");
    }
}
