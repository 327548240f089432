//! Runs the crate khqr-api 0.4.1 against the sandbox. The arguments are the sandbox's base URL and a token.
//!
//! khqr-api sends no `User-Agent`, so the sandbox, like the live service, answers 403 with an HTML page. For the
//! other tests, a relay adds a `User-Agent` to each request.

#![forbid(unsafe_code)]

mod relay;

use std::error::Error;

use khqr_api::{ApiError, BakongClient, SourceInfo, TxStatus};
use serde_json::{Value, json};

type Failure = Box<dyn Error>;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let base = arguments.next().ok_or("missing argument: the base URL")?;
    let token = arguments.next().ok_or("missing argument: the token")?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let address = base
        .strip_prefix("http://")
        .ok_or("the base URL must start with http://")?;
    let relay = relay::start(address)?;
    let provider = rustls::crypto::ring::default_provider();
    provider
        .install_default()
        .map_err(|_| "a crypto provider is installed already")?;
    runtime.block_on(run(&base, &format!("http://{relay}"), address, &token))
}

macro_rules! expect {
    ($name:literal, $answer:expr, $pattern:pat $(if $guard:expr)?) => {
        match $answer {
            $pattern $(if $guard)? => {}
            other => return Err(format!("{}: {other:?}", $name).into()),
        }
    };
}

async fn run(base: &str, relayed: &str, address: &str, token: &str) -> Result<(), Failure> {
    let passed = |name: &str| println!("ok: khqr-api: {name}");
    let control = |path: &str, body: &Value| relay::post(address, path, body);
    let nothing = "d60f3db96913029a2af979a1662c1e72";

    let bare = BakongClient::with_base_url(base, token);
    expect!(
        "a check without a User-Agent",
        bare.check_transaction_by_md5(nothing).await,
        Err(ApiError::Http { status: 403 })
    );
    passed("a request without a User-Agent gets 403");

    let client = BakongClient::with_base_url(relayed, token).with_renewal_email("shop@example.com");
    expect!(
        "a check of an unpaid code",
        client.check_transaction_by_md5(nothing).await,
        Ok(TxStatus::NotFound)
    );
    let qr = std::env::var("FOREIGN_QR")?;
    let paid = control("/sandbox/pay", &json!({ "qr": qr }))?;
    let payment = &paid["payments"][0];
    let text = |name: &str| payment[name].as_str().unwrap_or_default().to_owned();
    let (md5, hash) = (text("md5"), text("hash"));
    let is_it = |status: &TxStatus| status.transaction().is_some_and(|it| it.hash == hash);
    expect!("a check by MD5", client.check_transaction_by_md5(&md5).await, Ok(it) if is_it(&it));
    expect!("a check by hash", client.check_transaction_by_hash(&hash).await, Ok(it) if is_it(&it));
    let short = text("shortHash");
    let short = client
        .check_transaction_by_short_hash(&short, 1.5, "USD")
        .await;
    expect!("a check by short hash", short, Ok(it) if is_it(&it));
    let external = client
        .check_transaction_by_external_ref(&text("externalRef"))
        .await;
    expect!("a check by external reference", external, Ok(it) if is_it(&it));
    passed("checks by MD5, hash, short hash and reference find a payment");

    let both = [md5.clone(), nothing.to_owned()];
    let list = client.check_transaction_by_md5_list(&both).await?;
    expect!("a check of a list", &list[..], [Ok(it), Ok(TxStatus::NotFound)] if is_it(it));
    passed("a list check returns one result per item");

    let source = SourceInfo::new("Shop", "https://shop.example/icon.svg", "shop://paid");
    let link = client.generate_deeplink(&qr, &source).await?;
    expect!("the link to a code", &link, link if link.contains("/l/"));
    expect!(
        "an existing account",
        client.check_bakong_account("sokha@devb").await,
        Ok(true)
    );
    expect!(
        "a missing account",
        client.check_bakong_account("nobody@devb").await,
        Ok(false)
    );
    passed("links and account checks are read correctly");

    let fault = |rule: Value| control("/sandbox/faults", &rule);
    fault(json!({ "answer": "tokens_expire", "on": "check_transaction_by_md5" }))?;
    expect!("a check with an expired token", client.check_transaction_by_md5(&md5).await, Ok(it) if is_it(&it));
    passed("an expired token is renewed");

    fault(json!({ "answer": "quota_exhausted" }))?;
    expect!(
        "a check after the quota is exhausted",
        client.check_transaction_by_md5(&md5).await,
        Err(ApiError::Bakong { code: Some(17), .. })
    );
    fault(json!({ "answer": { "status": 503, "html": "<h1>" } }))?;
    expect!(
        "a check during an outage",
        client.check_transaction_by_md5(&md5).await,
        Err(ApiError::Http { status: 503 })
    );
    passed("an exhausted quota and an HTML error page are reported as errors");

    // The responses that khqr-api misreads.
    fault(json!({ "answer": { "status": 500, "error": { "code": 1, "message": "" } } }))?;
    expect!(
        "a check during an outage with a JSON body",
        client.check_transaction_by_md5(&md5).await,
        Ok(TxStatus::NotFound)
    );
    let empty =
        json!({ "responseCode": 0, "responseMessage": "Success", "errorCode": null, "data": null });
    fault(json!({ "answer": { "status": 200, "json": empty } }))?;
    expect!(
        "a success without a transaction",
        client.check_transaction_by_md5(&md5).await,
        Ok(TxStatus::NotFound)
    );
    passed(
        "an outage with a JSON body and a success without a transaction are reported as not found",
    );

    for edit in ["floatTimes", "textAmounts"] {
        fault(json!({ edit: true }))?;
        expect!(
            "an unusual number format",
            client.check_transaction_by_md5(&md5).await,
            Err(ApiError::Transport(_))
        );
    }
    passed("times with fractions and amounts as strings are reported as transport errors");

    fault(json!({ "reversedList": true }))?;
    expect!(
        "a list in reverse order",
        client.check_transaction_by_md5_list(&both).await,
        Err(ApiError::BatchOutOfOrder { position: 0 })
    );
    fault(json!({ "withoutItems": [1] }))?;
    expect!(
        "a list with a missing item",
        client.check_transaction_by_md5_list(&both).await,
        Err(ApiError::BatchMismatch {
            requested: 2,
            returned: 1
        })
    );
    passed("a list in another order, or with a missing item, is rejected as a whole");

    fault(json!({ "answer": "quota_exhausted" }))?;
    expect!(
        "an account check after the quota is exhausted",
        client.check_bakong_account("sokha@devb").await,
        Ok(false)
    );
    passed("an exhausted quota is reported as a missing account");
    Ok(())
}
