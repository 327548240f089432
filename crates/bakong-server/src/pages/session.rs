//! Who uses the dashboard and the point of sale: a session in a cookie.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::HeaderValue;
use axum::http::request::Parts;
use khqr_core::Timestamp;
use subtle::ConstantTimeEq;

use super::cookie;
use super::page::PageError;
use crate::app::App;
use crate::db::LoginSecret;
use crate::ids;
use crate::problem::{Code, Problem};
use crate::shop::{Mode, Shop};
use crate::site::Site;

/// How long a session lasts.
const LIFE: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// A session that is valid. Without `Debug`, because its secret opens the dashboard.
#[derive(Clone)]
pub(super) struct Session {
    secret: String,
}

impl Session {
    /// Starts a session. Returns it with its cookie.
    pub(super) async fn start(app: &App) -> Result<HeaderValue, Problem> {
        let secret = ids::random("")?;
        let now = Timestamp::now();
        let until = now.saturating_add(LIFE);
        app.db()
            .add_secret(LoginSecret::Session, &secret, now, until)
            .await?;
        let name = cookie_name(app.site());
        cookie::strict(name, &secret, "/", LIFE.as_secs(), app.site().is_https)
    }

    /// Ends the session. Returns the cookie that deletes the old one.
    pub(super) async fn end(&self, app: &App) -> Result<HeaderValue, Problem> {
        app.db()
            .take_secret(LoginSecret::Session, &self.secret, Timestamp::now())
            .await?;
        cookie::strict(cookie_name(app.site()), "", "/", 0, app.site().is_https)
    }

    /// The token that the forms of this session contain.
    pub(super) fn csrf(&self) -> String {
        csrf(&self.secret)
    }
}

impl FromRequestParts<App> for Session {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, PageError> {
        let secret = cookie::find(&parts.headers, cookie_name(app.site()));
        let secret = secret.ok_or(PageError::LogIn)?.to_owned();
        if app
            .db()
            .has_secret(LoginSecret::Session, &secret, Timestamp::now())
            .await?
        {
            return Ok(Self { secret });
        }
        Err(PageError::LogIn)
    }
}

/// With TLS, the prefix keeps other hosts of the domain from setting the cookie (RFC 6265bis, section 4.1.3.2).
const fn cookie_name(site: &Site) -> &'static str {
    if site.is_https {
        "__Host-session"
    } else {
        "session"
    }
}

/// Returns the token for forms of a person who has a cookie with this secret. Another site cannot read the cookie, so it cannot compute the token.
pub(super) fn csrf(secret: &str) -> String {
    ids::sha256(&[b"csrf", secret.as_bytes()])
}

/// Whether a form has the token of this secret.
pub(super) fn is_csrf(secret: &str, sent: &str) -> bool {
    csrf(secret).as_bytes().ct_eq(sent.as_bytes()).into()
}

/// A person with a session, and the shop that the page is about: `?mode=test` or `?mode=live`, or the first of the server.
#[derive(Clone)]
pub(super) struct Staff {
    pub(super) session: Session,
    pub(super) shop: Arc<Shop>,
    pub(super) bar: Bar,
}

/// What the top of each page for staff needs.
#[derive(Clone, Debug)]
pub(super) struct Bar {
    pub(super) csrf: String,
    pub(super) mode: &'static str,
    /// The other mode, if the server has both.
    pub(super) other_mode: Option<&'static str>,
    pub(super) is_test: bool,
}

impl FromRequestParts<App> for Staff {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, PageError> {
        let session = Session::from_request_parts(parts, app).await?;
        let query = parts.uri.query().unwrap_or_default();
        let mode = query.split('&').find_map(|pair| pair.strip_prefix("mode="));
        let shops = app.shops();
        let shop = match mode {
            Some(mode) => shops.iter().find(|shop| shop.mode.name() == mode),
            None => shops.first(),
        };
        let shop = Arc::clone(shop.ok_or_else(PageError::not_found)?);
        let other = shops.iter().find(|other| other.mode != shop.mode);
        let bar = Bar {
            csrf: session.csrf(),
            mode: shop.mode.name(),
            other_mode: other.map(|other| other.mode.name()),
            is_test: shop.mode == Mode::Test,
        };
        Ok(Self { session, shop, bar })
    }
}

impl Staff {
    /// Fails unless the form came from a page of this session.
    pub(super) fn check(&self, csrf: &str) -> Result<(), PageError> {
        if is_csrf(&self.session.secret, csrf) {
            return Ok(());
        }
        Err(forged())
    }

    /// Returns the address of a page in the same mode.
    pub(super) fn link(&self, path: &str) -> String {
        format!("{path}?mode={}", self.bar.mode)
    }
}

/// The form does not come from a page of this server.
pub(super) fn forged() -> PageError {
    let detail = "the form is not from this session; open the page again and repeat what you did";
    PageError::Problem(Problem::new(Code::ForgedForm, detail))
}
