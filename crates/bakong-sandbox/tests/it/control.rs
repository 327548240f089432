//! The control over HTTP, as a client in any language has it.

use bakong_sandbox::{PaymentStatus, Sandbox};
use khqr_core::Currency;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::client::{Answer, Connection, ask, check, post, request};
use crate::{NOW, customer, dynamic_code, md5_of, sandbox, static_code, usd};

/// Asks as a program does.
async fn send(sandbox: &Sandbox, method: &str, path: &str, headers: &str, body: &str) -> Answer {
    let text = request(method, path, headers, body).replace("Host: bakong", "Host: localhost");
    ask(sandbox, &text).await.unwrap()
}

async fn get(sandbox: &Sandbox, path: &str) -> Value {
    let answer = send(sandbox, "GET", path, "", "").await;
    serde_json::from_str(answer.json(200)).unwrap()
}

const JSON: &str = "Content-Type: application/json\r\n";

async fn told(sandbox: &Sandbox, path: &str, body: Value) -> Value {
    let answer = send(sandbox, "POST", path, JSON, &body.to_string()).await;
    serde_json::from_str(answer.json(200)).unwrap()
}

/// What is wrong, told with this status.
async fn refused(sandbox: &Sandbox, path: &str, body: Value, status: u16) -> Value {
    let answer = send(sandbox, "POST", path, JSON, &body.to_string()).await;
    let told: Value = serde_json::from_str(answer.json(status)).unwrap();
    for name in ["what", "where", "help"] {
        assert!(told["error"][name].is_string(), "{told}");
    }
    told["error"].clone()
}

#[tokio::test]
async fn a_customer_pays_and_the_shop_sees_it() {
    let sandbox = sandbox().await;
    let code = dynamic_code(usd(150));
    let issued = told(
        &sandbox,
        "/sandbox/tokens",
        json!({"email":"dev@example.com"}),
    )
    .await;
    let token = issued["token"].as_str().unwrap();
    assert_eq!(issued["expiresAt"], 1_768_930_142_000_u64);
    assert!(
        check(&sandbox, token, &code)
            .await
            .body
            .contains(r#""errorCode":1,"#)
    );
    let open = get(&sandbox, "/sandbox/codes").await;
    assert_eq!(open["codes"][0]["md5"], md5_of(&code).to_string());
    assert_eq!(open["codes"][0]["checks"], 1);

    let paid = told(&sandbox, "/sandbox/pay", json!({"qr": code})).await;
    let payment = &paid["payments"][0];
    assert_eq!(payment["status"], "transferred");
    assert_eq!(
        (
            &payment["amount"],
            &payment["currency"],
            &payment["from"],
            &payment["to"]
        ),
        (
            &json!("1.50"),
            &json!("USD"),
            &json!("dara@devb"),
            &json!("shop@devb")
        )
    );
    assert_eq!(payment["shortHash"], payment["hash"].as_str().unwrap()[..8]);
    let hash = payment["hash"].as_str().unwrap();
    assert!(check(&sandbox, token, &code).await.json(200).contains(hash));
    assert_eq!(get(&sandbox, "/sandbox/codes").await["codes"], json!([]));
    assert_eq!(sandbox.payments()[0].hash(), hash);

    let error = refused(&sandbox, "/sandbox/pay", json!({"qr": code}), 422).await;
    assert_eq!(error["reason"]["kind"], "AlreadyPaid");
    let again = json!({"qr": code, "again": true, "times": 2, "from": "sokha@devb"});
    let paid = told(&sandbox, "/sandbox/pay", again).await;
    assert_eq!(paid["payments"].as_array().unwrap().len(), 2);
    let all = get(&sandbox, "/sandbox/payments?limit=2").await;
    assert_eq!(
        (&all["total"], all["payments"].as_array().unwrap().len()),
        (&json!(3), 2)
    );
    assert_eq!(all["payments"][1]["from"], "sokha@devb");
    let none = get(&sandbox, &format!("/sandbox/payments?md5={}", md5_of("x"))).await;
    assert_eq!((&none["payments"], &none["total"]), (&json!([]), &json!(3)));
}

#[tokio::test]
async fn a_customer_departs_from_what_was_asked() {
    let sandbox = sandbox().await;
    let code = dynamic_code(usd(150));
    let short = json!({"qr": code, "amount": "1.49", "delayMs": 5000, "failing": false,
        "to": "other@devb", "description": "coffee", "instructionRef": "FT1"});
    let paid = told(&sandbox, "/sandbox/pay", short).await;
    let payment = &paid["payments"][0];
    assert_eq!(
        (&payment["status"], &payment["amount"]),
        (&json!("scheduled"), &json!("1.49"))
    );
    assert_eq!(payment["createdAt"], NOW.as_millis() + 5_000);
    assert_eq!(
        (
            &payment["to"],
            &payment["description"],
            &payment["instructionRef"]
        ),
        (&json!("other@devb"), &json!("coffee"), &json!("FT1"))
    );
    told(&sandbox, "/sandbox/clock", json!({"advanceMs": 5000})).await;
    assert_eq!(sandbox.payments()[0].status(), PaymentStatus::Transferred);

    // In the other currency, and failing.
    let other = dynamic_code(usd(151));
    let wrong = json!({"qr": other, "amount": 4400, "currency": "KHR", "failing": true});
    let paid = told(&sandbox, "/sandbox/pay", wrong).await;
    let payment = &paid["payments"][0];
    assert_eq!(
        (&payment["status"], &payment["amount"], &payment["currency"]),
        (&json!("failed"), &json!("4400"), &json!("KHR"))
    );

    // Late.
    let late = dynamic_code(usd(152));
    told(&sandbox, "/sandbox/clock", json!({"advanceMs": 600_000})).await;
    let error = refused(&sandbox, "/sandbox/pay", json!({"qr": late}), 422).await;
    assert_eq!(error["reason"]["kind"], "Expired");
    assert_eq!(
        (&error["where"], &error["reason"]["sdkCode"]),
        (&json!("body.qr"), &json!(46))
    );
    told(&sandbox, "/sandbox/pay", json!({"qr": late, "late": true})).await;

    // A static code takes any amount, any number of times.
    let code = static_code(Currency::Usd);
    let error = refused(&sandbox, "/sandbox/pay", json!({"qr": code}), 422).await;
    assert_eq!(error["where"], "body.amount");
    for amount in [json!("0.01"), json!(7), json!("7.5")] {
        told(
            &sandbox,
            "/sandbox/pay",
            json!({"qr": code, "amount": amount}),
        )
        .await;
    }
}

#[tokio::test]
async fn what_cannot_be_paid_is_refused_with_the_reason() {
    let sandbox = sandbox().await;
    let code = dynamic_code(usd(150));
    let misread = code.replace("Shop", "Shoq");
    let error = refused(&sandbox, "/sandbox/pay", json!({"qr": misread}), 422).await;
    assert_eq!(error["reason"]["kind"], "CrcMismatch");
    assert!(error["reason"]["offset"].is_number());
    for (body, place) in [
        (json!({}), "body.qr"),
        (json!({"qr": 7}), "body.qr"),
        (json!({"qr": code, "from": "nobody"}), "body.from"),
        (json!({"qr": code, "amount": "1.505"}), "body.amount"),
        (json!({"qr": code, "amount": -1}), "body.amount"),
        (json!({"qr": code, "currency": "KHR"}), "body.currency"),
        (
            json!({"qr": code, "currency": "THB", "amount": 1}),
            "body.currency",
        ),
        (json!({"qr": code, "times": 0}), "body.times"),
        (json!({"qr": code, "times": 101}), "body.times"),
        (json!({"qr": code, "late": "yes"}), "body.late"),
        (json!({"qr": code, "amout": 1}), "body.amout"),
        (json!([1]), "body"),
    ] {
        let error = refused(&sandbox, "/sandbox/pay", body, 400).await;
        assert_eq!(error["where"], place);
    }
    let nothing = refused(
        &sandbox,
        "/sandbox/pay",
        json!({"qr": code, "amount": 0}),
        422,
    )
    .await;
    assert_eq!(nothing["reason"]["kind"], "AmountZero");
    assert_eq!(sandbox.payments().len(), 0);
}

#[tokio::test]
async fn scanning_shows_what_a_customer_sees() {
    let sandbox = sandbox().await;
    let code = dynamic_code(usd(150));
    let seen = told(&sandbox, "/sandbox/scan", json!({"qr": code})).await;
    assert_eq!(
        (&seen["payable"], &seen["reason"]),
        (&json!(true), &Value::Null)
    );
    assert_eq!(
        (&seen["khqr"]["merchantName"], &seen["khqr"]["amount"]),
        (&json!("Shop"), &json!("1.50"))
    );
    customer(&sandbox).pay(&code).unwrap();
    let seen = told(&sandbox, "/sandbox/scan", json!({"qr": code})).await;
    assert_eq!(seen["reason"]["kind"], "AlreadyPaid");
    refused(&sandbox, "/sandbox/scan", json!({"qr": "hello"}), 422).await;
}

#[tokio::test]
async fn faults_are_given_listed_and_taken_back() {
    let sandbox = sandbox().await;
    let token = sandbox.issue_token("dev@example.com");
    let code = dynamic_code(usd(100));
    let outage = json!({"on": "check_transaction_by_md5", "times": 2,
        "answer": {"status": 502, "html": "<h1>502</h1>"}});
    let added = told(&sandbox, "/sandbox/faults", outage.clone()).await;
    assert_eq!(added["faults"][0]["number"], 1);
    let late = json!({"answer": "cut", "on": "verify", "times": "always"});
    told(&sandbox, "/sandbox/faults", json!([late, late])).await;
    assert_eq!(check(&sandbox, &token, &code).await.status, 502);
    let left = get(&sandbox, "/sandbox/faults").await;
    assert_eq!(left["faults"][0]["rule"]["times"], 1);
    assert_eq!(left["faults"].as_array().unwrap().len(), 3);
    assert_eq!(check(&sandbox, &token, &code).await.status, 502);
    check(&sandbox, &token, &code).await.json(200);

    let gone = send(&sandbox, "DELETE", "/sandbox/faults?number=2", "", "").await;
    assert!(gone.json(200).contains(r#""number":3"#));
    for number in ["2", "x", ""] {
        let path = format!("/sandbox/faults?number={number}");
        send(&sandbox, "DELETE", &path, "", "").await.json(404);
    }
    send(&sandbox, "DELETE", "/sandbox/faults", "", "")
        .await
        .json(200);
    assert_eq!(get(&sandbox, "/sandbox/faults").await["faults"], json!([]));

    // All or none.
    let error = refused(
        &sandbox,
        "/sandbox/faults",
        json!([outage, {"answer": "x"}]),
        400,
    )
    .await;
    assert_eq!(error["where"], "body[1].answer");
    assert_eq!(get(&sandbox, "/sandbox/faults").await["faults"], json!([]));
    let many = vec![json!({"times": "always"}); 1_001];
    refused(&sandbox, "/sandbox/faults", json!(many), 400).await;
}

#[tokio::test]
async fn nothing_strikes_the_control_itself() {
    let sandbox = sandbox().await;
    let cut = json!({"answer": "cut", "times": "always"});
    told(&sandbox, "/sandbox/faults", cut).await;
    get(&sandbox, "/sandbox/faults").await;
    assert_eq!(sandbox.requests().len(), 0);
    assert_eq!(
        get(&sandbox, "/sandbox/requests").await["requests"],
        json!([])
    );
}

#[tokio::test]
async fn the_clock_is_set_stopped_and_started() {
    let sandbox = sandbox().await;
    let clock = get(&sandbox, "/sandbox/clock").await;
    assert_eq!(
        (&clock["now"], &clock["mode"]),
        (&json!(NOW.as_millis()), &json!("frozen"))
    );
    let clock = told(
        &sandbox,
        "/sandbox/clock",
        json!({"setTo": 5, "advanceMs": 7}),
    )
    .await;
    assert_eq!(clock["now"], 12);
    let clock = told(&sandbox, "/sandbox/clock", json!({"mode": "running"})).await;
    assert!(clock["aheadMs"].as_i64().unwrap() < 0);
    let clock = told(&sandbox, "/sandbox/clock", json!({"mode": "frozen"})).await;
    assert_eq!(
        (&clock["mode"], &clock["aheadMs"]),
        (&json!("frozen"), &Value::Null)
    );
    for body in [
        json!({}),
        json!({"mode": "x"}),
        json!({"advanceMs": -1}),
        json!({"to": 1}),
    ] {
        refused(&sandbox, "/sandbox/clock", body, 400).await;
    }
}

#[tokio::test]
async fn mails_can_be_read_and_accounts_opened() {
    let sandbox = sandbox().await;
    let body = r#"{"email":"dev@example.com","organization":"a","project":"b"}"#;
    post(&sandbox, "/v1/request_token", None, body)
        .await
        .json(200);
    post(
        &sandbox,
        "/v1/request_token",
        None,
        &body.replace("dev", "two"),
    )
    .await;
    let mails = get(&sandbox, "/sandbox/mailbox?email=dev%40example.com").await;
    assert_eq!(mails["mails"].as_array().unwrap().len(), 1);
    assert_eq!(
        mails["mails"][0]["code"],
        sandbox.verification_code("dev@example.com").unwrap()
    );
    assert_eq!(
        get(&sandbox, "/sandbox/mailbox").await["mails"]
            .as_array()
            .unwrap()
            .len(),
        2
    );

    let account = json!({"account": "someone@devb"});
    told(&sandbox, "/sandbox/accounts", account).await;
    let body = r#"{"accountId":"someone@devb"}"#;
    let answer = post(&sandbox, "/v1/check_bakong_account", None, body).await;
    assert!(answer.json(200).contains("Account ID exists"));
    refused(&sandbox, "/sandbox/accounts", json!({"account": "x"}), 400).await;
    refused(
        &sandbox,
        "/sandbox/tokens",
        json!({"email": "x".repeat(31)}),
        400,
    )
    .await;
}

#[tokio::test]
async fn the_last_requests_are_told_without_tokens() {
    let sandbox = sandbox().await;
    let token = sandbox.issue_token("dev@example.com");
    post(
        &sandbox,
        "/v1/renew_token",
        None,
        r#"{"email":"dev@example.com"}"#,
    )
    .await;
    check(&sandbox, &token, "x").await;
    let answer = send(&sandbox, "GET", "/sandbox/requests?limit=5", "", "").await;
    assert!(!answer.body.contains("eyJ"), "{answer:?}");
    let told: Value = serde_json::from_str(answer.json(200)).unwrap();
    let [checked, renewed] = &told["requests"].as_array().unwrap()[..] else {
        panic!("{told}");
    };
    assert_eq!(
        (
            &checked["path"],
            &checked["status"],
            &checked["errorCode"],
            &checked["hasToken"]
        ),
        (
            &json!("/v1/check_transaction_by_md5"),
            &json!(200),
            &json!(1),
            &json!(true)
        )
    );
    assert!(renewed["answer"].as_str().unwrap().contains("[redacted]"));
    let path = "/sandbox/requests?limit=x";
    send(&sandbox, "GET", path, "", "").await.json(400);
}

#[tokio::test]
async fn the_quota_is_told_and_set() {
    let sandbox = sandbox().await;
    let token = sandbox.issue_token("dev@example.com");
    let quota = get(&sandbox, "/sandbox/quota").await;
    assert_eq!(
        (&quota["limit"], &quota["turnsAt"]),
        (&Value::Null, &json!("17:00"))
    );
    assert_eq!(quota["nextTurn"], 1_761_238_800_000_u64);
    let set = json!({"limit": 3, "turnsAt": "00:30", "email": "dev@example.com", "used": 3});
    let quota = told(&sandbox, "/sandbox/quota", set).await;
    assert_eq!(
        (&quota["limit"], &quota["turnsAt"]),
        (&json!(3), &json!("00:30"))
    );
    assert_eq!(
        quota["addresses"],
        json!([{"email": "dev@example.com", "used": 3, "left": 0}])
    );
    assert!(
        check(&sandbox, &token, "x")
            .await
            .body
            .contains("limit of 3 exceeded")
    );
    let quota = told(&sandbox, "/sandbox/quota", json!({"limit": "off"})).await;
    assert_eq!(
        (&quota["limit"], &quota["turnsAt"]),
        (&Value::Null, &json!("00:30"))
    );
    for body in [
        json!({"limit": "x"}),
        json!({"limit": -1}),
        json!({"turnsAt": "24:00"}),
        json!({"turnsAt": "5:00"}),
        json!({"email": "nobody@example.com", "used": 1}),
        json!({"used": 1}),
    ] {
        refused(&sandbox, "/sandbox/quota", body, 400).await;
    }
}

#[tokio::test]
async fn a_reset_forgets_everything_but_the_time() {
    let sandbox = sandbox().await;
    let token = sandbox.issue_token("dev@example.com");
    let code = dynamic_code(usd(100));
    check(&sandbox, &token, "x").await;
    told(&sandbox, "/sandbox/pay", json!({"qr": code})).await;
    told(
        &sandbox,
        "/sandbox/faults",
        json!({"answer": "cut", "times": "always"}),
    )
    .await;
    told(&sandbox, "/sandbox/clock", json!({"advanceMs": 1000})).await;
    told(&sandbox, "/sandbox/reset", json!({})).await;
    assert_eq!(get(&sandbox, "/sandbox/payments").await["total"], 0);
    assert_eq!(get(&sandbox, "/sandbox/codes").await["codes"], json!([]));
    assert_eq!(
        get(&sandbox, "/sandbox/requests").await["requests"],
        json!([])
    );
    assert_eq!(
        get(&sandbox, "/sandbox/quota").await["addresses"],
        json!([])
    );
    assert_eq!(
        get(&sandbox, "/sandbox/clock").await["now"],
        NOW.as_millis() + 1000
    );
    check(&sandbox, &token, &code).await.json(401);
    assert_eq!(sandbox.requests().len(), 1);
}

#[tokio::test]
async fn what_is_not_the_control_s_is_refused() {
    let sandbox = sandbox().await;
    for (method, path, headers, status) in [
        ("GET", "/sandbox", "", 404),
        ("GET", "/sandbox/", "", 404),
        ("GET", "/sandbox/nothing", "", 404),
        ("GET", "/sandbox/pay", "", 405),
        ("PUT", "/sandbox/clock", "", 405),
        ("POST", "/sandbox/reset", "", 415),
        (
            "POST",
            "/sandbox/reset",
            "Content-Type: text/plain\r\n",
            415,
        ),
        (
            "GET",
            "/sandbox/clock",
            "Origin: http://evil.example\r\n",
            403,
        ),
        ("GET", "/", "Sec-Fetch-Site: cross-site\r\n", 403),
    ] {
        let answer = send(&sandbox, method, path, headers, "").await;
        let told: Value = serde_json::from_str(answer.json(status)).unwrap();
        assert!(told["error"]["help"].is_string(), "{told}");
        let allow = (path == "/sandbox/clock" && status == 405).then_some("GET, POST");
        assert!(allow.is_none() || answer.header("allow") == allow);
    }
    // By a name that is not this machine's.
    let text = request("GET", "/sandbox/clock", "", "");
    ask(&sandbox, &text).await.unwrap().json(403);
    let large = " ".repeat(64 * 1024 + 1);
    send(&sandbox, "POST", "/sandbox/reset", JSON, &large)
        .await
        .json(413);
    // From the sandbox's own page.
    let own = "Origin: http://localhost\r\nSec-Fetch-Site: same-origin\r\n";
    send(&sandbox, "GET", "/sandbox/clock", own, "")
        .await
        .json(200);
}

/// The events that come until one of this kind, which is given.
async fn event(connection: &mut Connection, kind: &str) -> Value {
    loop {
        let line = connection.line().await;
        if line == format!("event: {kind}") {
            let data = connection.line().await;
            return serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        }
    }
}

#[tokio::test]
async fn events_are_told_as_they_happen() {
    let sandbox = sandbox().await;
    let mut connection = Connection::open(sandbox.address()).await;
    let text = request("GET", "/sandbox/events", "", "").replace("Host: bakong", "Host: localhost");
    connection.send(text.as_bytes()).await;
    while connection.line().await != "retry: 1000" {}

    let token = sandbox.issue_token("dev@example.com");
    check(&sandbox, &token, "x").await;
    assert_eq!(event(&mut connection, "request").await["errorCode"], 1);
    let delay = std::time::Duration::from_secs(60);
    customer(&sandbox)
        .pay_after(&dynamic_code(usd(100)), delay)
        .unwrap();
    assert_eq!(
        event(&mut connection, "payment").await["status"],
        "scheduled"
    );
    sandbox.advance(delay);
    assert_eq!(
        event(&mut connection, "clock").await["now"],
        NOW.saturating_add(delay).as_millis()
    );
    // Nobody asked; it is told all the same.
    assert_eq!(
        event(&mut connection, "payment").await["status"],
        "transferred"
    );
    sandbox.fault(bakong_sandbox::Fault::cut());
    assert_eq!(
        event(&mut connection, "fault").await["faults"][0]["rule"]["answer"],
        "cut"
    );
    sandbox.clear_faults();
    let body = r#"{"email":"new@example.com","organization":"a","project":"b"}"#;
    post(&sandbox, "/v1/request_token", None, body).await;
    assert_eq!(
        event(&mut connection, "mail").await["email"],
        "new@example.com"
    );
    sandbox.reset();
    event(&mut connection, "reset").await;
    // Whoever listens does not keep it from stopping.
    sandbox.stop().await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Any request gets an answer in a form that is told of, and the next client another.
    #[test]
    fn whatever_is_sent_is_answered(
        method in prop_oneof![Just("GET"), Just("POST"), Just("DELETE"), Just("PATCH")],
        path in "/(sandbox/(pay|scan|payments|codes|faults|clock|mailbox|tokens|accounts|requests|quota|reset|[a-z]{0,9}))?(\\?[a-z0-9=&%]{0,20})?",
        headers in "(Content-Type: (application/json|text/html)\r\n)?(Origin: [ -~]{0,20}\r\n)?(Host: [a-z.]{0,9}\r\n)?",
        body in prop_oneof![
            any::<String>(),
            "\\{(\"(qr|email|account|limit|setTo|advanceMs|mode|answer|on|times)\":(\"[ -~&&[^\"\\\\]]{0,9}\"|-?[0-9]{1,20}|null|true)){0,1}\\}",
        ],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let sandbox = sandbox().await;
            let answer = send(&sandbox, method, &path, &headers, &body).await;
            if answer.status != 400 || !answer.body.is_empty() {
                if answer.header("content-type") == Some("application/json") {
                    let told: Value = serde_json::from_str(&answer.body).unwrap();
                    let is_error = told["error"]["what"].is_string();
                    prop_assert_eq!(answer.status != 200, is_error, "{:?}", answer);
                } else {
                    prop_assert!(path.starts_with("/?") || path == "/", "{:?}", answer);
                }
            }
            let clock = get(&sandbox, "/sandbox/clock").await;
            prop_assert!(clock["now"].is_number());
            Ok(())
        })?;
    }
}
