//! Accounts and links: what can be asked without a token.

use bakong_sandbox::{ApiEndpoint, Sandbox};
use khqr_core::AccountId;
use serde_json::Value;

use crate::client::{Answer, post};
use crate::control::send;
use crate::{customer, dynamic_code, sandbox, usd};

async fn check_account(sandbox: &Sandbox, token: Option<&str>, account: &str) -> Answer {
    let body = format!(r#"{{"accountId":"{account}"}}"#);
    post(
        sandbox,
        ApiEndpoint::CheckBakongAccount.path(),
        token,
        &body,
    )
    .await
}

#[tokio::test]
async fn an_account_is_known_unknown_or_none() {
    let sandbox = sandbox().await;
    let exists =
        r#"{"responseCode":0,"responseMessage":"Account ID exists","errorCode":null,"data":null}"#;
    let not_found =
        r#"{"responseCode":1,"responseMessage":"Account ID not found","errorCode":11,"data":null}"#;
    let invalid = r#"{"responseCode":1,"responseMessage":"Account ID is invalid","errorCode":12,"data":null}"#;
    let answer = check_account(&sandbox, None, "vanna@devb").await;
    assert_eq!(answer.json(200), not_found);
    sandbox.register_account(AccountId::new("vanna@devb").unwrap());
    let answer = check_account(&sandbox, None, "vanna@devb").await;
    assert_eq!(answer.json(200), exists);
    let answer = check_account(&sandbox, None, "vanna").await;
    assert_eq!(answer.json(200), invalid);

    // A customer has an account, and a shop has one by the time it has money.
    let payer = "abaakhppxxx@abaa";
    assert_eq!(
        check_account(&sandbox, None, payer).await.json(200),
        not_found
    );
    let customer = customer(&sandbox);
    assert_eq!(check_account(&sandbox, None, payer).await.json(200), exists);
    let answer = check_account(&sandbox, None, "shop@devb").await;
    assert_eq!(answer.json(200), not_found);
    customer.pay(&dynamic_code(usd(100))).unwrap();
    let answer = check_account(&sandbox, None, "shop@devb").await;
    assert_eq!(answer.json(200), exists);
}

#[tokio::test]
async fn a_token_is_not_needed_but_has_to_be_good() {
    let sandbox = sandbox().await;
    let token = sandbox.issue_token("dev@example.com");
    check_account(&sandbox, None, "a@b").await.json(200);
    check_account(&sandbox, Some(&token), "a@b").await.json(200);
    let answer = check_account(&sandbox, Some("x"), "a@b").await;
    assert!(answer.json(401).contains(r#""errorCode":6,"#));
}

#[tokio::test]
async fn each_link_is_another() {
    let sandbox = sandbox().await;
    let code = dynamic_code(usd(100));
    let source = r#","sourceInfo":{"appIconUrl":"https://example.com/icon.svg","appName":"Till","appDeepLinkCallback":"till://paid"}"#;
    let mut links = Vec::new();
    for rest in ["", source, source] {
        let body = format!(r#"{{"qr":"{code}"{rest}}}"#);
        let path = ApiEndpoint::GenerateDeeplinkByQr.path();
        let answer = post(&sandbox, path, None, &body).await;
        let (before, rest) = answer.json(200).split_once("/l/").unwrap();
        let (id, after) = rest.split_once('"').unwrap();
        let expected = format!(r#"{{"data":{{"shortLink":"{}"#, sandbox.base_url());
        assert_eq!(before, expected);
        assert_eq!(
            after,
            r#"},"errorCode":null,"responseCode":0,"responseMessage":"Getting deep link successfully"}"#
        );
        assert!(id.len() == 17 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        links.push(id.to_owned());
    }
    links.sort();
    links.dedup();
    assert_eq!(links.len(), 3);
}

#[tokio::test]
async fn a_link_leads_to_the_page_with_its_code() {
    let sandbox = sandbox().await;
    let code = dynamic_code(usd(100));
    let body = format!(r#"{{"qr":"{code}"}}"#);
    let path = ApiEndpoint::GenerateDeeplinkByQr.path();
    let answer = post(&sandbox, path, None, &body).await;
    let told: Value = serde_json::from_str(answer.json(200)).unwrap();
    let link = told["data"]["shortLink"].as_str().unwrap();
    let path = link.strip_prefix(&sandbox.base_url()).unwrap();
    let answer = send(&sandbox, "GET", path, "", "").await;
    assert_eq!(answer.status, 302);
    let target = answer.header("location").unwrap();
    let text = target.strip_prefix("/?code=").unwrap();
    let decoded = text.replace("%20", " ").replace("%40", "@");
    assert_eq!(decoded, code);
    let page = send(&sandbox, "GET", target, "", "").await;
    assert_eq!(
        (page.status, page.header("content-type")),
        (200, Some("text/html; charset=utf-8"))
    );
    for path in ["/l/", "/l/x", "/l/x/y"] {
        let answer = send(&sandbox, "GET", path, "", "").await;
        assert!(answer.json(404).contains("no such link"));
    }
    send(&sandbox, "POST", path, "", "").await.json(405);
}
