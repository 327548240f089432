use bakong_api::Endpoint;
use bakong_api::endpoint::{CheckTransactionByHash, CheckTransactionByMd5};
use http::Response;

use super::*;

/// 2026-11-18 18:06:40 in Phnom Penh.
const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

fn advisor(environment: Environment) -> Advisor {
    Advisor {
        base_url: environment.into(),
        token: TokenSource::Environment,
        transport: TransportOptions::default(),
        server_time: SharedServerTime::default(),
    }
}

fn transport_error(kind: TransportErrorKind) -> ApiError {
    TransportError::new(kind, "it did not work").into()
}

/// The error for a response.
fn response_error(status: u16, retry_after: Option<&str>, body: &'static str) -> ApiError {
    let mut response = Response::builder().status(status);
    if let Some(text) = retry_after {
        response = response.header("retry-after", text);
    }
    let md5 = "d60f3db96913029a2af979a1662c1e72".parse().unwrap();
    let response = response.body(body.into()).unwrap();
    CheckTransactionByMd5::new(md5).read(&response).unwrap_err()
}

fn advice(error: &ApiError) -> String {
    let advice = advisor(Environment::Sit).advice(error, NOW);
    advice.unwrap_or_else(|| panic!("no advice for {error}"))
}

#[test]
fn an_unknown_host_suggests_the_other_hosts() {
    for environment in Environment::ALL {
        let error = transport_error(TransportErrorKind::Resolve);
        let advice = advisor(environment).advice(&error, NOW).unwrap();
        let other = environment.other_domain();
        assert_eq!(advice, format!("Try --env {}", other.name()));
        // A connection error does not name the other host.
        let error = transport_error(TransportErrorKind::Connect);
        let advice = advisor(environment).advice(&error, NOW).unwrap();
        assert!(advice.contains(&format!("--env {}", other.name())));
        assert!(advice.contains(other.host()), "{advice}");
    }
    let other = Advisor {
        base_url: BaseUrl::new("https://bakong.example").unwrap(),
        token: TokenSource::None,
        transport: TransportOptions::default(),
        server_time: SharedServerTime::default(),
    };
    let error = transport_error(TransportErrorKind::Resolve);
    let advice = other.advice(&error, NOW).unwrap();
    for environment in Environment::ALL {
        assert!(advice.contains(environment.host()), "{advice}");
    }
}

#[test]
fn transport_errors_have_advice() {
    use TransportErrorKind as Kind;
    for kind in [
        Kind::Connect,
        Kind::Tls,
        Kind::Proxy,
        Kind::Busy,
        Kind::CircuitOpen,
        Kind::Timeout,
        Kind::Interrupted,
        Kind::AnswerTooLarge,
    ] {
        let advice = advice(&transport_error(kind));
        assert!(!advice.ends_with('.'), "{advice}");
    }
}

#[test]
fn a_403_lists_all_three_causes() {
    let error = response_error(403, None, "<html>");
    let text = advisor(Environment::Sit).describe(&error);
    for cause in [
        "outside Cambodia",
        "sends no User-Agent",
        "closed to the token",
    ] {
        assert!(text.contains(cause), "{text}");
    }
    for remedy in ["HTTPS_PROXY", "no proxy removes it", "ask NBC to open it"] {
        assert!(text.contains(remedy), "{text}");
    }
}

#[test]
fn retry_after_becomes_advice() {
    let error = response_error(429, Some("90"), "");
    assert_eq!(
        advice(&error),
        "Try again at 2026-11-18 18:08:10 in Phnom Penh, in 2 min"
    );
    let error = response_error(503, Some("Wed, 18 Nov 2026 12:06:40 GMT"), "");
    assert!(advice(&error).contains("19:06:40 in Phnom Penh, in 1 h"));
    assert_eq!(
        retry_at(error.class(), NOW),
        Some(NOW.saturating_add(Duration::from_secs(3_600)))
    );
    let error = response_error(503, Some("Wed, 18 Nov 2020 12:06:40 GMT"), "");
    assert_eq!(advice(&error), "Try again");
    // Moments far in the future are ignored.
    for absurd in [
        "99999999999999",
        "18446744073709551615",
        "Fri, 31 Dec 9999 23:59:59 GMT",
    ] {
        let error = response_error(503, Some(absurd), "");
        assert_eq!(retry_at(error.class(), NOW), None);
        assert_eq!(advice(&error), "Try again in a few minutes");
    }
    assert!(advice(&response_error(429, None, "")).contains("less often"));
}

#[test]
fn a_rejected_token_names_its_source_and_how_to_renew() {
    let error = response_error(401, None, "");
    let text = advice(&error);
    assert!(text.contains("BAKONG_TOKEN") && text.contains("bakong token renew"));
    let advisor = Advisor {
        base_url: Environment::Sit.into(),
        token: TokenSource::File("my tokens/a".into()),
        transport: TransportOptions::default(),
        server_time: SharedServerTime::default(),
    };
    let text = advisor.describe(&error);
    assert!(text.contains("--token-file 'my tokens/a'"), "{text}");
}

#[test]
fn a_request_without_a_token_does_not_suggest_a_renewal() {
    let error = response_error(401, None, "");
    let advisor = Advisor {
        token: TokenSource::None,
        ..advisor(Environment::Sit)
    };
    let text = advisor.describe(&error);
    assert!(text.contains("The request has no token"), "{text}");
    assert!(!text.contains("bakong token renew"), "{text}");
}

#[test]
fn an_unreachable_proxy_suggests_checking_the_proxy() {
    for kind in [TransportErrorKind::Connect, TransportErrorKind::Resolve] {
        let error = TransportError::new(kind, "it did not work").at_proxy();
        let text = advice(&error.into());
        assert!(text.contains("HTTPS_PROXY"), "{text}");
        assert!(!text.contains("--env"), "{text}");
    }
}

#[test]
fn a_response_about_another_transaction_is_not_retried() {
    let hash = "0".repeat(64).parse().unwrap();
    let body = r#"{"responseCode":0,"data":{"hash":"1111","amount":1,"currency":"USD"}}"#;
    let response = Response::new(body.into());
    let error = CheckTransactionByHash::new(hash)
        .read(&response)
        .unwrap_err();
    let text = advice(&error);
    assert!(
        text.contains("copied completely") && !text.contains("Try again"),
        "{text}"
    );
}

#[test]
fn sentences_are_joined_by_one_full_stop() {
    for (first, joined) in [
        ("It failed", "It failed. Try again"),
        ("It failed.", "It failed. Try again"),
        ("Is it whole?", "Is it whole? Try again"),
    ] {
        assert_eq!(sentences(first, "Try again"), joined);
    }
    let failure = Failure::usage("Is it whole?").and(". Nothing was paid.");
    assert_eq!(failure.to_string(), "Is it whole? Nothing was paid.");
}
