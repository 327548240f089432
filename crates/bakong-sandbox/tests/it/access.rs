//! Who may reach the control, and with what.

use proptest::prelude::*;
use serde_json::Value;

use crate::client::{ask, request};
use crate::control::{JSON, get, send};
use crate::sandbox;

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
