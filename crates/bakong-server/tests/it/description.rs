//! The description of the API.

use http::Method;

use crate::client::send;
use crate::harness::Harness;

#[tokio::test(flavor = "multi_thread")]
async fn the_description_has_every_call_and_the_page_needs_no_other_server() {
    let shop = Harness::start().await;
    let address = shop.server.address();
    let description = send(address, Method::GET, "/openapi.json", &[], "").await;
    let description = description.expect(200);
    let paths = description["paths"].as_object().unwrap();
    for path in [
        "/v1/payments",
        "/v1/payments/{id}",
        "/v1/payments/{id}/attempts",
        "/v1/payments/{id}/check",
        "/v1/payments/{id}/cancel",
        "/v1/payments/{id}/resolve",
        "/v1/payments/{id}/events",
        "/v1/payments/{id}/card.png",
        "/v1/balance_of_requests",
        "/v1/statement",
        "/v1/keys",
    ] {
        assert!(paths.contains_key(path), "{path}");
    }
    // Every reference leads to a schema.
    let text = description.to_string();
    let schemas = description["components"]["schemas"].as_object().unwrap();
    for reference in text.split("#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(schemas.contains_key(name), "{name}");
    }
    let page = send(address, Method::GET, "/docs", &[], "").await;
    assert!(
        page.header("content-security-policy")
            .unwrap()
            .contains("default-src 'none'")
    );
    let page = page.text();
    assert!(page.contains("/v1/payments/{id}/resolve"));
    for foreign in ["<script", "src=", "href=\"http", "url(", "@import"] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    shop.server.shutdown().await;
}
