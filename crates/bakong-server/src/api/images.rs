//! Images of a payment's code.

use axum::extract::{Path, State};
use axum::http::{HeaderName, HeaderValue, header};
use khqr_card::{BareCode, Card};

use super::auth::Caller;
use super::payments::find;
use crate::app::App;
use crate::merchant;
use crate::problem::Problem;

/// An image with its type.
pub(crate) type Image = ([(HeaderName, HeaderValue); 1], Vec<u8>);

/// Which image to draw.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Drawing {
    QrSvg,
    QrPng,
    CardSvg,
    CardPng,
}

macro_rules! handlers {
    ($($(#[doc = $doc:literal])* $name:ident, $path:literal, $type:literal, $drawing:expr;)*) => {$(
        $(#[doc = $doc])*
        #[utoipa::path(get, path = $path, tag = "images", params(("id" = String, Path, description = "The payment: `pay_…`")),
            responses((status = 200, content_type = $type, body = Vec<u8>)))]
        pub(super) async fn $name(
            State(app): State<App>,
            caller: Caller,
            Path(id): Path<String>,
        ) -> Result<Image, Problem> {
            let payment = find(&app, &caller, &id).await?;
            draw(payment.attempt.code, $drawing).await
        }
    )*};
}

handlers! {
    /// The bare code as SVG.
    qr_svg, "/v1/payments/{id}/qr.svg", "image/svg+xml", Drawing::QrSvg;
    /// The bare code as PNG.
    qr_png, "/v1/payments/{id}/qr.png", "image/png", Drawing::QrPng;
    /// The KHQR card as SVG.
    card_svg, "/v1/payments/{id}/card.svg", "image/svg+xml", Drawing::CardSvg;
    /// The KHQR card as PNG.
    card_png, "/v1/payments/{id}/card.png", "image/png", Drawing::CardPng;
}

/// Draws a code on a thread for blocking work, because a PNG takes milliseconds.
pub(crate) async fn draw(code: String, drawing: Drawing) -> Result<Image, Problem> {
    let drawn = tokio::task::spawn_blocking(move || draw_now(&code, drawing)).await;
    let image = drawn
        .ok()
        .flatten()
        .ok_or_else(|| Problem::internal("a code cannot be drawn"))?;
    let kind = match drawing {
        Drawing::QrSvg | Drawing::CardSvg => "image/svg+xml",
        Drawing::QrPng | Drawing::CardPng => "image/png",
    };
    let kind = HeaderValue::from_static(kind);
    Ok(([(header::CONTENT_TYPE, kind)], image))
}

/// Draws the KHQR card as SVG, with a text before the expiry.
pub(crate) fn card_svg_with(code: &str, expiry_text: &str) -> Option<String> {
    let khqr = merchant::parse(code)?;
    let card = Card::new(&khqr).ok()?.expiry_text(expiry_text);
    card.to_svg().ok()
}

fn draw_now(code: &str, drawing: Drawing) -> Option<Vec<u8>> {
    let khqr = merchant::parse(code)?;
    match drawing {
        Drawing::QrSvg => BareCode::new(&khqr).to_svg().map(String::into_bytes).ok(),
        Drawing::QrPng => BareCode::new(&khqr).to_png().ok(),
        Drawing::CardSvg => Card::new(&khqr).ok()?.to_svg().map(String::into_bytes).ok(),
        Drawing::CardPng => Card::new(&khqr).ok()?.to_png().ok(),
    }
}
