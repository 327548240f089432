//! Links that open a bank's app.

use bakong_sandbox::{ApiEndpoint, Fault, Sandbox};
use http::StatusCode;
use khqr_core::{AccountId, Currency, KhqrBuilder};

use crate::support::{run, run_with_input};

fn code() -> String {
    let account = AccountId::new("sokha@devb").unwrap();
    KhqrBuilder::individual(account, "Sokha")
        .static_code(Currency::Khr)
        .unwrap()
        .to_text()
}

#[tokio::test]
async fn a_code_becomes_a_link() {
    let sandbox = Sandbox::start().await.unwrap();
    let (url, code) = (sandbox.base_url(), code());
    let finished = run(&["deeplink", &code, "--base-url", &url]).await;
    assert_eq!(finished.exit, 0, "{finished:?}");
    let link = format!("{url}/l/");
    assert!(finished.out.starts_with(&link) && finished.out.lines().count() == 1);
    assert_eq!(finished.err, "");

    let arguments = ["deeplink", "-", "--json", "--base-url", &url];
    let app = [
        "--icon",
        "https://shop.example/icon.svg",
        "--app",
        "Sokha Coffee",
        "--callback",
        "sokha://paid",
    ];
    let finished = run_with_input(&[&arguments[..], &app].concat(), &format!("{code}\n")).await;
    assert_eq!(finished.exit, 0, "{finished:?}");
    let json = finished.json();
    assert!(json["shortLink"].as_str().unwrap().starts_with(&link));

    // A link to it is of no use any more, and whoever asks for one is told.
    let account = AccountId::new("sokha@devb").unwrap();
    let moment = khqr_core::Timestamp::from_millis;
    let old = KhqrBuilder::individual(account, "Sokha")
        .dynamic_code(
            khqr_core::Amount::from_minor_units(100, Currency::Khr),
            moment(1_600_000_000_000),
            moment(1_600_000_600_000),
        )
        .unwrap()
        .to_text();
    let finished = run(&["deeplink", &old, "--base-url", &url]).await;
    assert_eq!(finished.exit, 0, "{finished:?}");
    assert!(finished.err.contains("expired"), "{finished:?}");
}

#[tokio::test]
async fn what_is_no_khqr_is_not_sent() {
    let sandbox = Sandbox::start().await.unwrap();
    let url = sandbox.base_url();
    let finished = run(&["deeplink", "no\u{1b}code", "--json", "--base-url", &url]).await;
    assert_eq!(finished.exit, 1, "{finished:?}");
    let error = &finished.json()["error"];
    assert!(error["message"].as_str().unwrap().contains("not a KHQR"));
    assert_eq!(sandbox.requests().len(), 0);

    sandbox.fault(
        Fault::error(StatusCode::OK, 4, "\u{1b}[2Jprovider").on(ApiEndpoint::GenerateDeeplinkByQr),
    );
    let finished = run(&["deeplink", &code(), "--base-url", &url]).await;
    assert_eq!(finished.exit, 1, "{finished:?}");
    assert!(finished.err.contains("provider"), "{finished:?}");
    finished.hides("\u{1b}");
}
