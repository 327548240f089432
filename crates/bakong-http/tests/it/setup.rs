//! Settings that cannot be used are refused when they are made, and all others can.

use std::time::Duration;

use bakong_http::{HyperTransport, Roots, SetupError};

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
fn somebody_has_to_be_trusted() {
    let nobody = || HyperTransport::builder().roots(Roots::OnlyGiven);
    assert_eq!(nobody().build().unwrap_err(), SetupError::NoRoots);
    let pem = Authority::new().pem();
    nobody().trust_pem(pem.as_bytes()).unwrap().build().unwrap();
}

#[cfg(feature = "native-roots")]
#[test]
fn the_machine_s_authorities_are_found_or_missed() {
    match HyperTransport::builder().roots(Roots::Platform).build() {
        Ok(_) => {}
        Err(error) => assert_eq!(error, SetupError::NoPlatformRoots),
    }
}

#[test]
fn one_request_at_least_is_under_way() {
    let none = HyperTransport::builder().max_in_flight(0).build();
    assert_eq!(none.unwrap_err(), SetupError::NothingInFlight);
    HyperTransport::builder()
        .max_in_flight(usize::MAX)
        .build()
        .unwrap();
}

#[cfg(feature = "proxy")]
#[test]
fn a_proxy_s_address_is_looked_at_when_it_is_given_and_not_repeated() {
    for address in [
        "",
        "socks5://u:hidden@proxy.example",
        "http://u:hid@den@proxy.example",
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
fn a_transport_is_made_outside_a_runtime() {
    HyperTransport::new().unwrap();
}

#[tokio::test]
async fn the_longest_deadlines_are_deadlines() {
    let (server, _) = answering(ok("{}")).await;
    let transport = HyperTransport::builder()
        .connect_timeout(Duration::MAX)
        .request_timeout(Duration::MAX)
        .attempt_timeout(Duration::MAX)
        .idle_timeout(Duration::MAX)
        .body_limit(usize::MAX)
        .build()
        .unwrap();
    for _ in 0..2 {
        ask(&transport, &server.url()).await.unwrap();
    }
}
