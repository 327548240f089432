//! Looking a payment up by hand.

use std::time::Duration;

use bakong_sandbox::{Sandbox, TransferOptions};
use khqr_core::{AccountId, Amount, Currency, KhqrBuilder, Md5Handle};

use crate::support::{Finished, bakong, dara, token};

async fn check(sandbox: &Sandbox, code: &str, more: &[&str]) -> Finished {
    let (md5, base_url) = (Md5Handle::of(code).to_string(), sandbox.base_url());
    let arguments = ["tx", "check", "--md5", &md5, "--base-url", &base_url];
    let output = bakong(&[&arguments, more].concat())
        .env("BAKONG_TOKEN", token(sandbox))
        .output()
        .await;
    Finished::of(output.unwrap())
}

#[tokio::test]
async fn each_answer_has_its_exit_code() {
    let sandbox = Sandbox::start().await.unwrap();
    let now = sandbox.now();
    let account = AccountId::new("sokha@devb").unwrap();
    let amount = Amount::from_minor_units(150, Currency::Usd);
    let code = |bill| {
        KhqrBuilder::individual(account, "Sokha")
            .bill_number(bill)
            .dynamic_code(amount, now, now.saturating_add(Duration::from_secs(600)))
            .unwrap()
            .to_text()
    };
    let customer = dara(&sandbox);

    let unpaid = check(&sandbox, &code("1"), &["--json"]).await;
    assert_eq!(
        (unpaid.exit, &unpaid.json()["status"]),
        (3, &"not_found".into())
    );

    let paid = code("2");
    customer.pay(&paid).unwrap();
    let finished = check(&sandbox, &paid, &["--json"]).await;
    assert_eq!(
        (finished.exit, &finished.json()["status"]),
        (0, &"paid".into())
    );
    assert_eq!(finished.json()["transaction"]["amount"], "1.50");
    let finished = check(&sandbox, &paid, &[]).await;
    assert_eq!((finished.exit, finished.row("paid")), (0, "1.50 USD"));
    assert!(finished.out.contains("not compared with any order"));

    // Compared with what the order asked for.
    let order = [
        "--account",
        "sokha@devb",
        "--amount",
        "1.50",
        "--currency",
        "USD",
    ];
    let finished = check(&sandbox, &paid, &order).await;
    assert_eq!(finished.exit, 0, "{finished:?}");
    assert!(
        finished
            .out
            .contains("PAID: amount, currency and recipient match")
    );
    let order = [
        "--account",
        "other@devb",
        "--amount",
        "2",
        "--currency",
        "USD",
        "--json",
    ];
    let finished = check(&sandbox, &paid, &order).await;
    let json = finished.json();
    assert_eq!(
        (finished.exit, &json["status"]),
        (4, &"needs_review".into())
    );
    assert_eq!(json["transaction"]["amount"], "1.50");
    assert_eq!(json["mismatches"][0]["kind"], "short");
    assert_eq!(json["mismatches"][1]["paid"], "sokha@devb");

    let failed = code("3");
    customer
        .pay_with(&failed, &TransferOptions::new().failing())
        .unwrap();
    assert_eq!(check(&sandbox, &failed, &[]).await.exit, 4);

    let fixed = KhqrBuilder::individual(account, "Sokha").static_code(Currency::Usd);
    let fixed = fixed.unwrap().to_text();
    customer
        .pay_with(&fixed, &TransferOptions::new().amount(amount))
        .unwrap();
    let finished = check(&sandbox, &fixed, &["--json"]).await;
    assert_eq!(
        (finished.exit, &finished.json()["status"]),
        (4, &"static_qr".into())
    );

    sandbox.fault(bakong_sandbox::Fault::html(
        http::StatusCode::FORBIDDEN,
        "<html>",
    ));
    let finished = check(&sandbox, &paid, &["--json"]).await;
    assert_eq!(
        (finished.exit, &finished.json()["error"]["class"]),
        (1, &"blocked".into())
    );
}

#[tokio::test]
async fn a_payment_is_found_by_whatever_is_known_of_it() {
    let sandbox = Sandbox::start().await.unwrap();
    let amount = Amount::from_minor_units(150, Currency::Usd);
    let code = KhqrBuilder::individual(AccountId::new("sokha@devb").unwrap(), "Sokha");
    let now = sandbox.now();
    let code = code
        .dynamic_code(amount, now, now.saturating_add(Duration::from_secs(600)))
        .unwrap()
        .to_text();
    let options = TransferOptions::new().instruction_ref("FT26325001");
    let payment = dara(&sandbox).pay_with(&code, &options).unwrap();
    let (token, url) = (token(&sandbox), sandbox.base_url());
    let ask = async |question: &[&str]| {
        let arguments = [&["tx", "check", "--json", "--base-url", &url], question].concat();
        let output = bakong(&arguments)
            .env("BAKONG_TOKEN", &token)
            .output()
            .await;
        let finished = Finished::of(output.unwrap());
        (finished.exit, finished.json())
    };

    let short = &payment.hash()[..8];
    let dollars = ["--amount", "1.50", "--currency", "USD"];
    for question in [
        &["--hash", payment.hash()][..],
        &[&["--short-hash", short][..], &dollars].concat(),
        &["--instruction-ref", "FT26325001"],
        &["--external-ref", payment.external_ref()],
    ] {
        let (exit, json) = ask(question).await;
        assert_eq!((exit, &json["status"]), (0, &"paid".into()), "{question:?}");
        assert_eq!(json["transaction"]["hash"], payment.hash());
        assert_eq!(json["compared"], false, "{question:?}");
    }

    // What a short hash is asked with is compared, too, once the account is known.
    let question = [
        &["--short-hash", short, "--account", "sokha@devb"],
        &dollars[..],
    ];
    let (exit, json) = ask(&question.concat()).await;
    assert_eq!((exit, &json["compared"]), (0, &true.into()));
    let question = ["--short-hash", short, "--account", "other@devb"];
    let (exit, json) = ask(&[&question[..], &dollars].concat()).await;
    assert_eq!((exit, &json["compared"]), (4, &true.into()));
    assert_eq!(json["mismatches"][0]["kind"], "other_recipient");

    // Whatever Bakong finds, what was said of it counts.
    for (currency, amount, kind) in [
        ("USD", "1", "short"),
        ("USD", "2", "over"),
        ("KHR", "1", "other_currency"),
    ] {
        let paid = format!(
            r#"{{"responseCode":0,"data":{{"hash":"{}","amount":{amount},"currency":"{currency}"}}}}"#,
            payment.hash()
        );
        sandbox.fault(bakong_sandbox::Fault::json(http::StatusCode::OK, paid));
        let (exit, json) = ask(&[&["--short-hash", short][..], &dollars].concat()).await;
        assert_eq!(
            (exit, &json["status"]),
            (4, &"needs_review".into()),
            "{json}"
        );
        assert_eq!(json["mismatches"][0]["kind"], kind, "{json}");
        assert_eq!(json["transaction"]["hash"], payment.hash());
    }

    // Riel are other money than dollars.
    let question = ["--short-hash", short, "--amount", "2", "--currency", "KHR"];
    let (exit, json) = ask(&question).await;
    assert_eq!((exit, &json["status"]), (3, &"not_found".into()));
    let (exit, json) = ask(&["--hash", &"0".repeat(64)]).await;
    assert_eq!((exit, &json["transaction"]), (3, &serde_json::Value::Null));
}
