//! The builder rejects invalid settings.

use std::time::Duration;

use bakong_http::{HyperTransport, Roots, SetupError};

use crate::ca::TestCa;
use crate::send_check;
use crate::server::{answering, ok};

#[test]
fn a_user_agent_is_one_line_of_visible_ascii() {
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
fn an_invalid_certificate_is_rejected() {
    let rejection = |pem: &[u8]| HyperTransport::builder().trust_pem(pem).unwrap_err();
    assert_eq!(rejection(b""), SetupError::NoCertificate);
    assert_eq!(rejection(b"no PEM at all"), SetupError::NoCertificate);
    let key = b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    assert_eq!(rejection(key), SetupError::NoCertificate);
    let whole = TestCa::new().pem();
    let cut = &whole[..whole.len() / 2];
    assert_eq!(rejection(cut.as_bytes()), SetupError::BrokenCertificate);
    let other = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert_eq!(rejection(other), SetupError::BrokenCertificate);
    let both = [whole.as_bytes(), other].concat();
    assert_eq!(rejection(&both), SetupError::BrokenCertificate);
}

#[test]
fn at_least_one_certificate_authority_is_required() {
    let empty = || HyperTransport::builder().roots(Roots::OnlyGiven);
    assert_eq!(empty().build().unwrap_err(), SetupError::NoRoots);
    let pem = TestCa::new().pem();
    empty().trust_pem(pem.as_bytes()).unwrap().build().unwrap();
}

#[cfg(feature = "native-roots")]
#[test]
fn a_missing_platform_store_is_an_error() {
    match HyperTransport::builder().roots(Roots::Platform).build() {
        Ok(_) => {}
        Err(error) => assert_eq!(error, SetupError::NoPlatformRoots),
    }
}

#[test]
fn max_in_flight_is_at_least_one() {
    let none = HyperTransport::builder().max_in_flight(0).build();
    assert_eq!(none.unwrap_err(), SetupError::NothingInFlight);
    HyperTransport::builder()
        .max_in_flight(usize::MAX)
        .build()
        .unwrap();
}

#[cfg(feature = "proxy")]
#[test]
fn an_invalid_proxy_address_is_rejected_and_not_shown() {
    for address in [
        "",
        "socks5://u:hidden@proxy.example",
        "http://u:hid@den@proxy.example",
        "http://u:hid/den@proxy.example",
    ] {
        let error = HyperTransport::builder().proxy(address).unwrap_err();
        assert_eq!(error, SetupError::ProxyAddress);
        assert!(!format!("{error} {error:?}").contains("hid"));
    }
    let builder = HyperTransport::builder()
        .proxy("http://u:hidden@proxy.example")
        .unwrap();
    let shown = format!("{builder:?} {:?}", builder.clone().build().unwrap());
    assert!(
        shown.contains("proxy.example") && !shown.contains("hidden"),
        "{shown}"
    );
    builder.no_proxy().build().unwrap();
}

#[test]
fn building_a_transport_needs_no_runtime() {
    HyperTransport::new().unwrap();
}

#[tokio::test]
async fn the_longest_timeouts_do_not_overflow() {
    let (server, _) = answering(ok("{}")).await;
    let transport = HyperTransport::builder()
        .connect_timeout(Duration::MAX)
        .request_timeout(Duration::MAX)
        .attempt_timeout(Duration::MAX)
        .idle_timeout(Duration::MAX)
        .reuse_http1_connections(true)
        .body_limit(usize::MAX)
        .build()
        .unwrap();
    for _ in 0..2 {
        send_check(&transport, &server.url()).await.unwrap();
    }
}
