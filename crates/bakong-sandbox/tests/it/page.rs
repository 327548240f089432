//! The page for people, as a browser gets it. What it does is tried in one, by `cargo xtask page`.

use std::collections::BTreeSet;

use crate::control::send;
use crate::sandbox;

/// The files that a text of the page names.
fn named(text: &str) -> impl Iterator<Item = String> {
    let names = text
        .split('"')
        .filter_map(|it| it.strip_prefix("/sandbox/page/").or(it.strip_prefix("./")));
    names.map(str::to_owned)
}

#[tokio::test]
async fn the_page_and_all_that_it_names_are_served_under_its_policy() {
    let sandbox = sandbox().await;
    let page = send(&sandbox, "GET", "/", "", "").await;
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    let policy = page.header("content-security-policy").unwrap();
    assert!(
        policy.contains("default-src 'none'; script-src 'self'"),
        "{policy}"
    );
    let mut left: Vec<String> = named(&page.body).collect();
    let mut seen = BTreeSet::new();
    while let Some(name) = left.pop() {
        if !seen.insert(name.clone()) {
            continue;
        }
        let file = send(&sandbox, "GET", &format!("/sandbox/page/{name}"), "", "").await;
        let (kind, _) = file
            .header("content-type")
            .unwrap()
            .split_once(';')
            .unwrap();
        let expected = if name.ends_with(".css") {
            "text/css"
        } else {
            "text/javascript"
        };
        assert_eq!((file.status, kind), (200, expected), "{name}");
        left.extend(named(&file.body));
    }
    assert!(seen.len() > 10, "{seen:?}");
    for path in [
        "/sandbox/page/",
        "/sandbox/page/x.js",
        "/sandbox/page/../lib.rs",
        "/sandbox/page.js",
    ] {
        send(&sandbox, "GET", path, "", "").await.json(404);
    }
    send(&sandbox, "POST", "/sandbox/page/main.js", "", "")
        .await
        .json(405);
}
