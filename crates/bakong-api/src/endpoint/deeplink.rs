//! A link that opens a bank's app with the code in it, for customers who shop on the phone they pay with.

use std::fmt;

use bytes::Bytes;
use http::{Response, Uri};
use khqr_core::Khqr;

use super::body::JsonObject;
use super::field::{InvalidField, text_of};
use super::{Endpoint, EndpointInfo, TokenUse, sealed};
use crate::envelope::Envelope;
use crate::error::ApiError;
use crate::json::{Object, string};

/// `POST /v1/generate_deeplink_by_qr`: a short link that opens a bank's app with this code.
///
/// The link differs each time it is asked for. Asked without a token, as the reference has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GenerateDeeplinkByQr {
    qr: String,
    source: Option<SourceInfo>,
}

impl GenerateDeeplinkByQr {
    /// Asks for a link to this code.
    #[must_use]
    pub fn new(code: &Khqr<'_>) -> Self {
        Self {
            qr: code.text().to_owned(),
            source: None,
        }
    }

    /// The same, with what the bank's app shows of the shop's app, and where it returns to.
    #[must_use]
    pub fn with_source(self, source: SourceInfo) -> Self {
        Self {
            source: Some(source),
            ..self
        }
    }
}

impl sealed::Body for GenerateDeeplinkByQr {
    fn body(&self) -> Bytes {
        let body = JsonObject::default().text("qr", &self.qr);
        let Some(source) = &self.source else {
            return body.finish();
        };
        let source = JsonObject::default()
            .text("appIconUrl", &source.app_icon_url)
            .text("appName", &source.app_name)
            .text("appDeepLinkCallback", &source.app_deep_link_callback);
        body.object("sourceInfo", source).finish()
    }
}

impl Endpoint for GenerateDeeplinkByQr {
    type Answer = Deeplink;

    const INFO: EndpointInfo = EndpointInfo {
        name: "generate_deeplink_by_qr",
        path: "/v1/generate_deeplink_by_qr",
        token: TokenUse::None,
        repeatable: false,
    };

    fn read(&self, response: &Response<Bytes>) -> Result<Deeplink, ApiError> {
        let mut mended = String::new();
        let envelope = Envelope::open(response, &mut mended)?;
        let no_link = envelope.malformed("it holds no shortLink that is a URL");
        envelope
            .into_data()?
            .and_then(Object::read)
            .and_then(|data| data.get("shortLink"))
            .and_then(string)
            .and_then(Deeplink::of)
            .ok_or(no_link)
    }
}

/// The app that a bank's app returns to: all three, or none of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SourceInfo {
    app_icon_url: String,
    app_name: String,
    app_deep_link_callback: String,
}

impl SourceInfo {
    /// The URL of the app's icon, the app's name, and the URL that the customer returns to after paying.
    ///
    /// # Errors
    /// [`InvalidField`] if one is empty or blank, has more than 2,000 characters (our limit; the reference
    /// names none) or holds a control character.
    pub fn new(
        app_icon_url: &str,
        app_name: &str,
        app_deep_link_callback: &str,
    ) -> Result<Self, InvalidField> {
        let text = |field, text: &str| text_of(field, text.trim(), 1..=2_000);
        Ok(Self {
            app_icon_url: text("appIconUrl", app_icon_url)?,
            app_name: text("appName", app_name)?,
            app_deep_link_callback: text("appDeepLinkCallback", app_deep_link_callback)?,
        })
    }
}

/// A short link, to be opened on the customer's phone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Deeplink(String);

impl Deeplink {
    /// A URL with a host, `https` or `http`: a link of another scheme would run in whatever app took it.
    fn of(text: String) -> Option<Self> {
        // The parser looks at no fragment, and lets through what is no ASCII.
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        let uri: Uri = text.parse().ok()?;
        let is_web = matches!(uri.scheme_str(), Some("https" | "http"));
        (is_web && uri.host().is_some()).then_some(Self(text))
    }

    /// The URL: visible ASCII.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Deeplink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
