//! Accounts and payment links, which need no token.

use bakong_sandbox::{ApiEndpoint, Sandbox};
use khqr_core::AccountId;

use crate::client::{Response, post};
use crate::control::send;
use crate::{assert_contains, customer, dynamic_code, sandbox, usd, with_token};

async fn check_account(sandbox: &Sandbox, token: Option<&str>, account: &str) -> Response {
    let body = format!(r#"{{"accountId":"{account}"}}"#);
    let path = ApiEndpoint::CheckBakongAccount.path();
    post(sandbox, path, token, &body).await
}

#[tokio::test]
async fn an_account_exists_once_it_is_registered_or_has_paid_or_was_paid() {
    let sandbox = sandbox().await;
    let exists =
        r#"{"responseCode":0,"responseMessage":"Account ID exists","errorCode":null,"data":null}"#;
    let not_found =
        r#"{"responseCode":1,"responseMessage":"Account ID not found","errorCode":11,"data":null}"#;
    let invalid = r#"{"responseCode":1,"responseMessage":"Account ID is invalid","errorCode":12,"data":null}"#;
    let expect = async |account: &str, expected: &str| {
        let response = check_account(&sandbox, None, account).await;
        assert_eq!(response.json(200), expected);
    };
    expect("vanna", invalid).await;
    expect("vanna@devb", not_found).await;
    sandbox.register_account(AccountId::new("vanna@devb").unwrap());
    expect("vanna@devb", exists).await;

    expect("abaakhppxxx@abaa", not_found).await;
    let customer = customer(&sandbox);
    expect("abaakhppxxx@abaa", exists).await;
    expect("shop@devb", not_found).await;
    customer.pay(&dynamic_code(usd(100))).unwrap();
    expect("shop@devb", exists).await;
}

#[tokio::test]
async fn an_account_check_accepts_no_token_but_rejects_an_invalid_one() {
    let (sandbox, token) = with_token().await;
    check_account(&sandbox, None, "a@b").await.json(200);
    check_account(&sandbox, Some(&token), "a@b").await.json(200);
    let response = check_account(&sandbox, Some("x"), "a@b").await;
    assert_eq!(response.value(401)["errorCode"], 6);
}

async fn create_link(sandbox: &Sandbox, code: &str, more: &str) -> Response {
    let body = format!(r#"{{"qr":"{code}"{more}}}"#);
    post(
        sandbox,
        ApiEndpoint::GenerateDeeplinkByQr.path(),
        None,
        &body,
    )
    .await
}

#[tokio::test]
async fn each_link_is_different() {
    let sandbox = sandbox().await;
    let code = dynamic_code(usd(100));
    let source = r#","sourceInfo":{"appIconUrl":"https://example.com/icon.svg","appName":"Till","appDeepLinkCallback":"till://paid"}"#;
    let mut links = Vec::new();
    for more in ["", source, source] {
        let response = create_link(&sandbox, &code, more).await;
        let (before, rest) = response.json(200).split_once("/l/").unwrap();
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
async fn a_link_redirects_to_the_page_with_its_code() {
    let sandbox = sandbox().await;
    let code = dynamic_code(usd(100));
    let response = create_link(&sandbox, &code, "").await.value(200);
    let link = response["data"]["shortLink"].as_str().unwrap();
    let link = link.strip_prefix(&sandbox.base_url()).unwrap();
    let response = send(&sandbox, "GET", link, "", "").await;
    assert_eq!(response.status, 302);
    let target = response.header("location").unwrap();
    let text = target.strip_prefix("/?code=").unwrap();
    assert_eq!(text.replace("%20", " ").replace("%40", "@"), code);
    let page = send(&sandbox, "GET", target, "", "").await;
    assert_eq!(page.status, 200);
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    for path in ["/l/", "/l/x", "/l/x/y"] {
        let response = send(&sandbox, "GET", path, "", "").await;
        assert_contains(response.json(404), &["link"]);
    }
    send(&sandbox, "POST", link, "", "").await.json(405);
}
