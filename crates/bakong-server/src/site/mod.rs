//! What the pages need to know about the server.

mod attempts;
mod demo;
mod password;

use std::fmt::Write as _;
use std::sync::Arc;

use axum::http::HeaderValue;
use bakong_sandbox::Sandbox;

use crate::config::{Config, LiveConfig};

pub(crate) use attempts::Attempts;
pub(crate) use demo::{Demo, Received};
pub(crate) use password::Password;
pub use password::hash_password;

/// What the pages need to know about the server.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    /// Whether browsers use TLS. Cookies are then sent with TLS only.
    pub(crate) is_https: bool,
    /// The origins that may show the checkout in a frame, separated by spaces; the first is the server itself.
    pub(crate) embedders: String,
    /// The policy of the checkout, which other pages may embed.
    pub(crate) checkout_policy: HeaderValue,
    /// The address of the sandbox, where test payments are paid.
    pub(crate) sandbox_url: Option<String>,
    /// The password of the dashboard.
    pub(crate) password: Option<Password>,
    /// The attempts to log in, in this process.
    pub(crate) attempts: Arc<Attempts>,
    /// The settings of the live shop, for the life of its token.
    pub(crate) live: Option<LiveConfig>,
    /// The demo shop, if the server has one.
    pub(crate) demo: Option<Arc<Demo>>,
}

/// A page uses its own scripts, styles and images, and sends forms to its own server.
macro_rules! policy {
    ($ancestors:literal) => {
        concat!(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
             frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors ",
            $ancestors
        )
    };
}

impl Site {
    pub(crate) fn new(
        config: &Config,
        public_url: &str,
        password: Option<Password>,
        sandbox: Option<&Sandbox>,
        demo: Option<Demo>,
    ) -> Self {
        let mut embedders = origin(public_url).to_owned();
        let mut ancestors = "'self'".to_owned();
        for origin in &config.pages.embed_origins {
            // Writing to a string cannot fail.
            let _ = write!(embedders, " {origin}");
            let _ = write!(ancestors, " {origin}");
        }
        let policy = format!(policy!("{}"), ancestors);
        Self {
            is_https: public_url.starts_with("https://"),
            embedders,
            // The origins were checked by the configuration.
            checkout_policy: HeaderValue::try_from(policy).unwrap_or_else(|_| closed_policy()),
            sandbox_url: sandbox.map(Sandbox::base_url),
            password,
            attempts: Arc::default(),
            live: config.live.clone(),
            demo: demo.map(Arc::new),
        }
    }
}

/// The policy of pages that no other page may show in a frame.
pub(crate) fn closed_policy() -> HeaderValue {
    HeaderValue::from_static(policy!("'none'"))
}

/// Returns the origin of an address: its scheme, host and port.
fn origin(url: &str) -> &str {
    let start = url.find("://").map_or(0, |at| at + 3);
    let end = url.get(start..).and_then(|rest| rest.find('/'));
    url.get(..end.map_or(url.len(), |end| start + end))
        .unwrap_or(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_origin_of_an_address_has_no_path() {
        assert_eq!(
            origin("https://pay.example.com/shop"),
            "https://pay.example.com"
        );
        assert_eq!(origin("http://127.0.0.1:8600"), "http://127.0.0.1:8600");
    }
}
