//! Links that open a bank's app with a code, for customers who shop on the phone they pay with.

use std::fmt;

use bytes::Bytes;
use http::{Response, Uri};
use khqr_core::Khqr;

use super::body::JsonObject;
use super::field::{InvalidField, text_of};
use super::{Endpoint, EndpointInfo, TokenUse, sealed};
use crate::envelope::Envelope;
use crate::error::ApiError;

/// `POST /v1/generate_deeplink_by_qr`: creates a short link that opens a bank's app with this code.
///
/// Each request creates a different link. The request carries no token, as in NBC's reference.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GenerateDeeplinkByQr {
    qr: String,
    source: Option<SourceInfo>,
}

impl GenerateDeeplinkByQr {
    /// Creates a request for a link to this code.
    #[must_use]
    pub fn new(code: &Khqr<'_>) -> Self {
        Self {
            qr: code.text().to_owned(),
            source: None,
        }
    }

    /// Adds the shop's app: its name and icon for the bank's app, and the URL to return to.
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
        let mut repaired = String::new();
        let envelope = Envelope::open(response, &mut repaired)?;
        let no_link = envelope.malformed("the answer contains no shortLink that is a URL");
        let link = envelope.into_text("shortLink")?;
        link.and_then(|link| Deeplink::of(link.into_owned()))
            .ok_or(no_link)
    }
}

/// The shop's app, to which the bank's app returns after the payment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SourceInfo {
    app_icon_url: String,
    app_name: String,
    app_deep_link_callback: String,
}

impl SourceInfo {
    /// Describes the shop's app by the URL of its icon, its name, and the URL to which the customer returns.
    ///
    /// # Errors
    /// [`InvalidField`] if a string is blank, has more than 2,000 characters or contains a control character. The limit
    /// is this crate's; NBC's reference has none.
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
    /// Accepts an `https` or `http` URL with a host. A link with another scheme could start any app.
    fn of(text: String) -> Option<Self> {
        // `Uri` does not check the fragment, and accepts non-ASCII text.
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        let uri: Uri = text.parse().ok()?;
        let is_web = matches!(uri.scheme_str(), Some("https" | "http"));
        (is_web && uri.host().is_some()).then_some(Self(text))
    }

    /// Returns the URL, which consists of visible ASCII characters.
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
