//! Settings that cannot be used are refused when they are made, and all others can.

use std::time::Duration;

use bakong_http::{HyperTransport, SetupError};

use crate::ask;
use crate::authority::Authority;
use crate::server::{answering, ok};

#[test]
fn a_user_agent_is_one_line_of_something() {
    for text in [
        "",
        " ",
        "\t ",
        "two\nlines",
        "two\r\nX-Lines: x",
        "nul\0",
        "ទំនិញ",
    ] {
        let built = HyperTransport::builder().user_agent(text).build();
        assert_eq!(built.unwrap_err(), SetupError::UserAgent, "{text:?}");
    }
}

#[test]
fn a_certificate_is_looked_at_when_it_is_given() {
    let refused = |pem: &[u8]| HyperTransport::builder().trust_pem(pem).unwrap_err();
    assert_eq!(refused(b""), SetupError::NoCertificate);
    assert_eq!(refused(b"no PEM at all"), SetupError::NoCertificate);
    let key = b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    assert_eq!(refused(key), SetupError::NoCertificate);
    let whole = Authority::new().pem();
    let cut = &whole[..whole.len() / 2];
    assert_eq!(refused(cut.as_bytes()), SetupError::BrokenCertificate);
    let other = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert_eq!(refused(other), SetupError::BrokenCertificate);
    let both = [whole.as_bytes(), other].concat();
    assert_eq!(refused(&both), SetupError::BrokenCertificate);
}

#[test]
fn a_transport_is_made_outside_a_runtime() {
    HyperTransport::new().unwrap();
}

#[tokio::test]
async fn the_longest_deadlines_are_deadlines() {
    let (server, _) = answering(ok("{}")).await;
    let transport = HyperTransport::builder()
        .connect_timeout(Duration::MAX)
        .request_timeout(Duration::MAX)
        .idle_timeout(Duration::MAX)
        .body_limit(usize::MAX)
        .build()
        .unwrap();
    for _ in 0..2 {
        ask(&transport, &server.url()).await.unwrap();
    }
}
