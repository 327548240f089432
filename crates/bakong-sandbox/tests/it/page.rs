//! The files of the page over HTTP. `cargo xtask page` tests the page in a browser.

use std::collections::BTreeSet;

use crate::control::send;
use crate::{assert_contains, sandbox};

/// The page files that a document refers to.
fn references(text: &str) -> impl Iterator<Item = String> {
    let names = text
        .split('"')
        .filter_map(|it| it.strip_prefix("/sandbox/page/").or(it.strip_prefix("./")));
    names.map(str::to_owned)
}

#[tokio::test]
async fn the_page_and_its_files_are_served_with_a_content_security_policy() {
    let sandbox = sandbox().await;
    let page = send(&sandbox, "GET", "/", "", "").await;
    let html = Some("text/html; charset=utf-8");
    assert_eq!(page.header("content-type"), html);
    let policy = page.header("content-security-policy").unwrap();
    assert_contains(policy, &["default-src 'none'; script-src 'self'"]);
    let mut pending: Vec<String> = references(&page.body).collect();
    let mut seen = BTreeSet::new();
    while let Some(name) = pending.pop() {
        if !seen.insert(name.clone()) {
            continue;
        }
        let path = format!("/sandbox/page/{name}");
        let file = send(&sandbox, "GET", &path, "", "").await;
        assert_eq!(file.status, 200, "{name}");
        let expected = if name.ends_with(".css") {
            "text/css;"
        } else {
            "text/javascript;"
        };
        let content_type = file.header("content-type").unwrap();
        assert!(content_type.starts_with(expected), "{name}");
        pending.extend(references(&file.body));
    }
    assert!(seen.len() > 10, "{seen:?}");
    for path in ["page/", "page/x.js", "page/../lib.rs", "page.js"] {
        let path = format!("/sandbox/{path}");
        send(&sandbox, "GET", &path, "", "").await.json(404);
    }
    let response = send(&sandbox, "POST", "/sandbox/page/main.js", "", "").await;
    response.json(405);
}
