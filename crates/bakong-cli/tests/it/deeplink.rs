//! `bakong deeplink`.

use bakong_sandbox::{ApiEndpoint, Fault, Sandbox};
use http::StatusCode;
use khqr_core::{Amount, Timestamp};

use crate::support::{dynamic_code, run, run_with_input, static_code, words};

#[tokio::test]
async fn a_code_becomes_a_link() {
    let sandbox = Sandbox::start().await.unwrap();
    let (url, code) = (sandbox.base_url(), static_code("Sokha"));
    let finished = run(&["deeplink", &code, "--base-url", &url]).await.exits(0);
    let link = format!("{url}/l/");
    assert!(finished.out.starts_with(&link) && finished.out.lines().count() == 1);
    assert_eq!(finished.err, "");

    let line = format!(
        "deeplink - --json --base-url {url} --icon https://shop.example/icon.svg --app 'Sokha Coffee' \
         --callback sokha://paid"
    );
    let finished = run_with_input(&words(&line), &format!("{code}\n"))
        .await
        .exits(0);
    let json = finished.json();
    assert!(json["shortLink"].as_str().unwrap().starts_with(&link));

    // A link to an expired code is useless, so the command warns.
    let past = Timestamp::from_millis(1_600_000_000_000);
    let expired = dynamic_code(past, "1", Amount::us_cents(100));
    let finished = run(&["deeplink", &expired, "--base-url", &url]).await;
    assert!(finished.exits(0).err.contains("expired"));
}

#[tokio::test]
async fn a_text_that_is_not_a_khqr_is_not_sent() {
    let sandbox = Sandbox::start().await.unwrap();
    let url = sandbox.base_url();
    let finished = run(&["deeplink", "no\u{1b}code", "--json", "--base-url", &url]).await;
    let error = &finished.exits(1).json()["error"];
    assert!(error["message"].as_str().unwrap().contains("not a KHQR"));
    assert_eq!(sandbox.requests().len(), 0);

    sandbox.fault(
        Fault::error(StatusCode::OK, 4, "\u{1b}[2Jprovider").on(ApiEndpoint::GenerateDeeplinkByQr),
    );
    let finished = run(&["deeplink", &static_code("Sokha"), "--base-url", &url])
        .await
        .exits(1);
    finished.shows("provider");
    finished.hides("\u{1b}");
}
