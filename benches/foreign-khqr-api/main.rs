//! The crate khqr-api 0.4.1 asks the sandbox. The arguments are the sandbox's base URL and a token.
//!
//! It says no `User-Agent`, and so gets the live service's page of HTML with 403 and nothing else. For the
//! rest a relay stands between, which puts one into each request.

#![forbid(unsafe_code)]

mod relay;

use std::error::Error;

use khqr_api::{ApiError, BakongClient, SourceInfo, TxStatus};
use serde_json::{Value, json};

type Failure = Box<dyn Error>;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let base = arguments.next().ok_or("which base URL?")?;
    let token = arguments.next().ok_or("which token?")?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let address = base.strip_prefix("http://").ok_or("no http://")?;
    let relay = relay::start(address)?;
    let provider = rustls::crypto::ring::default_provider();
    provider
        .install_default()
        .map_err(|_| "there is a provider")?;
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
    let told = |name: &str| println!("ok: khqr-api: {name}");
    let control = |path: &str, body: &Value| relay::post(address, path, body);
    let nothing = "d60f3db96913029a2af979a1662c1e72";

    let bare = BakongClient::with_base_url(base, token);
    expect!(
        "without a relay",
        bare.check_transaction_by_md5(nothing).await,
        Err(ApiError::Http { status: 403 })
    );
    told("it names no User-Agent, and every request is answered with 403");

    let client = BakongClient::with_base_url(relayed, token).with_renewal_email("shop@example.com");
    expect!(
        "not paid",
        client.check_transaction_by_md5(nothing).await,
        Ok(TxStatus::NotFound)
    );
    let qr = std::env::var("FOREIGN_QR")?;
    let paid = control("/sandbox/pay", &json!({ "qr": qr }))?;
    let payment = &paid["payments"][0];
    let text = |name: &str| payment[name].as_str().unwrap_or_default().to_owned();
    let (md5, hash) = (text("md5"), text("hash"));
    let is_it = |status: &TxStatus| status.transaction().is_some_and(|it| it.hash == hash);
    expect!("by MD5", client.check_transaction_by_md5(&md5).await, Ok(it) if is_it(&it));
    expect!("by hash", client.check_transaction_by_hash(&hash).await, Ok(it) if is_it(&it));
    let short = text("shortHash");
    let short = client
        .check_transaction_by_short_hash(&short, 1.5, "USD")
        .await;
    expect!("by short hash", short, Ok(it) if is_it(&it));
    let external = client
        .check_transaction_by_external_ref(&text("externalRef"))
        .await;
    expect!("by external reference", external, Ok(it) if is_it(&it));
    told("a payment is seen by MD5, hash, short hash and reference");

    let both = [md5.clone(), nothing.to_owned()];
    let list = client.check_transaction_by_md5_list(&both).await?;
    expect!("a list", &list[..], [Ok(it), Ok(TxStatus::NotFound)] if is_it(it));
    told("a list is read item by item");

    let source = SourceInfo::new("Shop", "https://shop.example/icon.svg", "shop://paid");
    let link = client.generate_deeplink(&qr, &source).await?;
    expect!("a link", &link, link if link.contains("/l/"));
    expect!(
        "an account",
        client.check_bakong_account("sokha@devb").await,
        Ok(true)
    );
    expect!(
        "no account",
        client.check_bakong_account("nobody@devb").await,
        Ok(false)
    );
    told("links and accounts are read");

    let fault = |rule: Value| control("/sandbox/faults", &rule);
    fault(json!({ "answer": "tokens_expire", "on": "check_transaction_by_md5" }))?;
    expect!("renewal", client.check_transaction_by_md5(&md5).await, Ok(it) if is_it(&it));
    told("a token that expired is renewed");

    fault(json!({ "answer": "quota_exhausted" }))?;
    expect!(
        "the quota",
        client.check_transaction_by_md5(&md5).await,
        Err(ApiError::Bakong { code: Some(17), .. })
    );
    fault(json!({ "answer": { "status": 503, "html": "<h1>" } }))?;
    expect!(
        "an outage",
        client.check_transaction_by_md5(&md5).await,
        Err(ApiError::Http { status: 503 })
    );
    told("a spent quota and an outage told in HTML are errors");

    // From here on what it misreads.
    fault(json!({ "answer": { "status": 500, "error": { "code": 1, "message": "" } } }))?;
    expect!(
        "an outage in JSON",
        client.check_transaction_by_md5(&md5).await,
        Ok(TxStatus::NotFound)
    );
    let empty =
        json!({ "responseCode": 0, "responseMessage": "Success", "errorCode": null, "data": null });
    fault(json!({ "answer": { "status": 200, "json": empty } }))?;
    expect!(
        "a success without data",
        client.check_transaction_by_md5(&md5).await,
        Ok(TxStatus::NotFound)
    );
    told("an outage told in JSON, and a success without data, are read as not paid");

    for odd in ["floatTimes", "textAmounts"] {
        fault(json!({ odd: true }))?;
        expect!(
            "an odd answer",
            client.check_transaction_by_md5(&md5).await,
            Err(ApiError::Transport(_))
        );
    }
    told("times with decimals and amounts as texts make a payment unreadable");

    fault(json!({ "reversedList": true }))?;
    expect!(
        "a reversed list",
        client.check_transaction_by_md5_list(&both).await,
        Err(ApiError::BatchOutOfOrder { position: 0 })
    );
    fault(json!({ "withoutItems": [1] }))?;
    expect!(
        "a short list",
        client.check_transaction_by_md5_list(&both).await,
        Err(ApiError::BatchMismatch {
            requested: 2,
            returned: 1
        })
    );
    told("a list in another order, or with one missing, is an error of all");

    fault(json!({ "answer": "quota_exhausted" }))?;
    expect!(
        "an account beyond the quota",
        client.check_bakong_account("sokha@devb").await,
        Ok(false)
    );
    told("a refusal is read as: there is no such account");
    Ok(())
}
