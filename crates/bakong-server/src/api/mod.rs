//! The API: `/v1`, its description at `/openapi.json` and `/docs`, and the probes.

#![allow(unused_qualifications, reason = "code that utoipa generates")]

mod auth;
pub(crate) mod body;
mod deliveries;
mod docs;
mod dropin;
pub(crate) mod events;
mod idempotency;
pub(crate) mod images;
pub(crate) mod keys;
mod layers;
mod payments;
pub(crate) mod probes;
pub(crate) mod statement;
mod webhooks;

use axum::Router;
use axum::http::{Method, Uri};
use axum::routing::get;
use utoipa::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Ref, ResponseBuilder};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::problem::{Code, Problem};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "bakong-server",
        description = "KHQR payments over Bakong. Create a payment, send the customer to its `checkout_url` or show its code, and wait for the event or read the payment. Amounts are exact texts. Errors are `application/problem+json`."
    ),
    components(schemas(crate::problem::ProblemBody<'static>)),
    security(("key" = []))
)]
struct Description;

/// Returns all routes: those of the API, and `others`.
pub(crate) fn router(app: &App, others: Router<App>) -> Router {
    let (router, mut description) = OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(payments::create, payments::list))
        .routes(routes!(payments::read))
        .routes(routes!(payments::new_attempt))
        .routes(routes!(payments::check))
        .routes(routes!(payments::cancel))
        .routes(routes!(payments::resolve))
        .routes(routes!(events::stream))
        .routes(routes!(images::qr_svg))
        .routes(routes!(images::qr_png))
        .routes(routes!(images::card_svg))
        .routes(routes!(images::card_png))
        .routes(routes!(statement::balance_of_requests))
        .routes(routes!(statement::statement))
        .routes(routes!(deliveries::list))
        .routes(routes!(deliveries::read))
        .routes(routes!(deliveries::deliveries))
        .routes(routes!(deliveries::replay))
        .routes(routes!(webhooks::create, webhooks::list))
        .routes(routes!(webhooks::delete))
        .routes(routes!(webhooks::enable))
        .routes(routes!(webhooks::rotate))
        .routes(routes!(webhooks::ping))
        .routes(routes!(keys::create, keys::list))
        .routes(routes!(keys::revoke))
        .split_for_parts();
    let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    if let Some(components) = &mut description.components {
        components
            .security_schemes
            .insert("key".to_owned(), scheme.into());
    }
    document_errors(&mut description);
    let router = router
        .merge(docs::router(&description))
        .merge(dropin::router())
        .merge(others)
        .route("/healthz", get(probes::healthz))
        .route("/readyz", get(probes::readyz))
        .fallback(no_such_path)
        .method_not_allowed_fallback(wrong_method)
        .with_state(app.clone());
    layers::add(router, app.metrics().clone())
}

/// Adds the form of errors to every operation. A client can get one for reasons that have nothing to do with the operation.
fn document_errors(description: &mut utoipa::openapi::OpenApi) {
    let body = Ref::from_schema_name("ProblemBody");
    let content = ContentBuilder::new().schema(Some(body)).build();
    let error = ResponseBuilder::new()
        .description("Another error, such as a wrong API key or a store that does not answer")
        .content("application/problem+json", content)
        .build();
    for item in description.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.post, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            let responses = &mut operation.responses.responses;
            responses.insert("default".to_owned(), error.clone().into());
        }
    }
}

async fn no_such_path(uri: Uri) -> Problem {
    let path = khqr_core::Printable(uri.path()).to_string();
    let detail = format!("there is no {path}; see /docs");
    Problem::new(Code::NoSuchPath, detail)
}

async fn wrong_method(method: Method) -> Problem {
    let detail = format!("this path does not support {method}; see /docs");
    Problem::new(Code::WrongMethod, detail)
}
