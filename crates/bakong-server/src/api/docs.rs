//! The description of the API: `/openapi.json` for programs, `/docs` for people.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use serde_json::Value;
use utoipa::openapi::OpenApi;

use crate::app::App;
use crate::problem::Code;

/// The page needs no script, no image and nothing from another server.
const CSP: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'";

#[derive(Template)]
#[template(path = "docs.html")]
struct Page {
    calls: Vec<Call>,
    schemas: Vec<Schema>,
    codes: &'static [Code],
}

/// A call of the API.
struct Call {
    method: String,
    path: String,
    summary: String,
    description: String,
    parameters: Vec<Field>,
    body: Option<String>,
    answers: Vec<(String, String, Option<String>)>,
}

/// An object of the API.
struct Schema {
    name: String,
    description: String,
    fields: Vec<Field>,
    example: Option<String>,
}

struct Field {
    name: String,
    place: String,
    description: String,
    is_required: bool,
}

/// Returns the routes of the description.
pub(super) fn router(description: &OpenApi) -> Router<App> {
    let json = description.to_json().unwrap_or_default();
    let value: Value = serde_json::from_str(&json).unwrap_or_default();
    let page = Page::of(&value).render().unwrap_or_default();
    let (json, page): (Arc<str>, Arc<str>) = (json.into(), page.into());
    Router::new()
        .route(
            "/openapi.json",
            get(move || {
                let json = Arc::clone(&json);
                async move { with_type("application/json", &json) }
            }),
        )
        .route(
            "/docs",
            get(move || {
                let page = Arc::clone(&page);
                async move {
                    let csp = [(
                        header::CONTENT_SECURITY_POLICY,
                        HeaderValue::from_static(CSP),
                    )];
                    (csp, Html(page.to_string())).into_response()
                }
            }),
        )
}

fn with_type(kind: &'static str, text: &str) -> Response {
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static(kind))];
    (kind, text.to_owned()).into_response()
}

impl Page {
    fn of(description: &Value) -> Self {
        let paths = description["paths"].as_object().into_iter().flatten();
        let calls = paths.flat_map(|(path, methods)| {
            let methods = methods.as_object().into_iter().flatten();
            methods.map(|(method, call)| Call::of(method, path, call))
        });
        let schemas = description["components"]["schemas"].as_object();
        let schemas = schemas.into_iter().flatten().map(|(name, schema)| Schema {
            name: name.clone(),
            description: markup(&text(&schema["description"])),
            fields: fields(schema),
            example: schema.get("example").map(|example| format!("{example:#}")),
        });
        Self {
            calls: calls.collect(),
            schemas: schemas.collect(),
            codes: Code::ALL,
        }
    }
}

impl Call {
    fn of(method: &str, path: &str, call: &Value) -> Self {
        let parameters = call["parameters"].as_array().into_iter().flatten();
        let answers = call["responses"].as_object().into_iter().flatten();
        let content = |value: &Value| {
            let content = value["content"].as_object()?.values().next()?;
            reference(&content["schema"])
        };
        Self {
            method: method.to_uppercase(),
            path: path.to_owned(),
            summary: markup(&text(&call["summary"])),
            description: markup(&text(&call["description"])),
            parameters: parameters
                .map(|parameter| Field {
                    name: text(&parameter["name"]),
                    place: text(&parameter["in"]),
                    description: markup(&text(&parameter["description"])),
                    is_required: parameter["required"] == true,
                })
                .collect(),
            body: content(&call["requestBody"]),
            answers: answers
                .map(|(status, answer)| {
                    (
                        status.clone(),
                        markup(&text(&answer["description"])),
                        content(answer),
                    )
                })
                .collect(),
        }
    }
}

fn fields(schema: &Value) -> Vec<Field> {
    let required = schema["required"].as_array();
    let is_required = |name: &str| required.is_some_and(|names| names.iter().any(|it| it == name));
    let properties = schema["properties"].as_object().into_iter().flatten();
    let fields = properties.map(|(name, property)| Field {
        name: name.clone(),
        place: reference(property).unwrap_or_else(|| match &property["type"] {
            Value::Array(types) => types.iter().map(text).collect::<Vec<_>>().join(" or "),
            kind => text(kind),
        }),
        description: markup(&text(&property["description"])),
        is_required: is_required(name),
    });
    let values = schema["enum"].as_array().into_iter().flatten();
    let values = values.map(|value| Field {
        name: text(value),
        place: String::new(),
        description: String::new(),
        is_required: false,
    });
    fields.chain(values).collect()
}

/// Returns the name of the schema that a value refers to.
fn reference(value: &Value) -> Option<String> {
    let name = value["$ref"].as_str()?.rsplit('/').next()?;
    Some(name.to_owned())
}

/// Returns the HTML of a text in which backticks enclose code.
fn markup(text: &str) -> String {
    let parts = text.split('`').enumerate();
    let parts = parts.map(|(number, part)| {
        let part = part.replace('&', "&amp;").replace('<', "&lt;");
        match number % 2 {
            0 => part,
            _ => format!("<code>{part}</code>"),
        }
    });
    parts.collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backticks_enclose_code_and_the_rest_is_escaped() {
        let html = markup("Send `a<b` & `c`.");
        assert_eq!(html, "Send <code>a&lt;b</code> &amp; <code>c</code>.");
    }
}
