//! `openapi.json` and the routes describe the same API.

use std::collections::BTreeSet;

use serde_json::Value;

use super::route::ROUTES;
use crate::ApiEndpoint;

fn document() -> Value {
    serde_json::from_str(include_str!("../page/openapi.json")).unwrap()
}

#[test]
fn the_document_lists_every_route() {
    let document = document();
    let mut listed = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            listed.insert((method.to_uppercase(), path.clone()));
        }
    }
    let bakong = ApiEndpoint::ALL
        .iter()
        .map(|endpoint| ("POST", endpoint.path()));
    let control = ROUTES.iter().map(|route| (route.method, route.path));
    let routes: BTreeSet<_> = bakong
        .chain(control)
        .map(|(method, path)| (method.to_owned(), path.to_owned()))
        .collect();
    assert_eq!(listed, routes);
}

/// Calls `f` with the value and every value in it.
fn walk(value: &Value, f: &mut impl FnMut(&Value)) {
    f(value);
    match value {
        Value::Array(values) => values.iter().for_each(|value| walk(value, f)),
        Value::Object(fields) => fields.values().for_each(|value| walk(value, f)),
        _ => {}
    }
}

#[test]
fn every_reference_in_the_document_resolves() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    let mut count = 0;
    walk(&document, &mut |value| {
        if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference}");
            count += 1;
        }
    });
    assert!(count > 20, "{count}");
}

#[test]
fn every_operation_has_a_summary_and_a_response() {
    let document = document();
    let mut names = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let place = format!("{method} {path}");
            assert!(operation["summary"].is_string(), "{place}");
            let name = operation["operationId"].as_str().unwrap();
            assert!(names.insert(name.to_owned()), "{place}: {name} is repeated");
            let succeeds = ["200", "302"].map(|status| operation["responses"][status].is_object());
            assert_ne!(succeeds, [false; 2], "{place}");
            let takes_body = operation["requestBody"].is_object();
            assert_eq!(takes_body, method == "post", "{place}");
        }
    }
}
