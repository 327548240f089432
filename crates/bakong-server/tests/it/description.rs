//! The description of the API.

use http::Method;
use serde_json::Value;

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
    // What is no call of the API, but what a shop needs.
    for id in ["verify-webhook", "drop-in", "probes"] {
        assert!(page.contains(&format!("id=\"{id}\"")), "{id}");
        assert!(page.contains(&format!("href=\"#{id}\"")), "{id}");
    }
    // The `type` of an error leads to its row.
    let error = send(address, Method::GET, "/v1/payments", &[], "").await;
    let link = error.expect(401)["type"].as_str().unwrap().to_owned();
    let id = link.strip_prefix("/docs#").unwrap();
    assert!(page.contains(&format!("id=\"{id}\"")), "{link}");
    for foreign in ["<script", "src=", "href=\"http", "url(", "@import"] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_of_an_event_has_the_fields_of_an_event() {
    let shop = Harness::start().await;
    let payment = shop.create("INV-1").await;
    shop.pay_and_wait(&payment).await;
    let events = shop.get("/v1/events").await.expect(200);
    let description = send(shop.server.address(), Method::GET, "/openapi.json", &[], "").await;
    let description = description.expect(200);
    let example = &description["components"]["schemas"]["EventBody"]["example"];
    assert_eq!(fields(example), fields(&events["data"][0]));
    shop.server.shutdown().await;
}

/// Returns the names of all fields, except those that a shop chooses.
fn fields(value: &Value) -> Vec<String> {
    let mut names = Vec::new();
    for (name, value) in value.as_object().into_iter().flatten() {
        names.push(name.clone());
        if name != "metadata" {
            names.extend(fields(value).iter().map(|inner| format!("{name}.{inner}")));
        }
    }
    names.sort_unstable();
    names
}
