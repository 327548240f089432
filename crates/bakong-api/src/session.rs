//! A project's standing with one Bakong: where it is, and the token that opens it.

use std::fmt;
use std::sync::Arc;

use crate::base_url::BaseUrl;
use crate::endpoint::Endpoint;
use crate::error::ApiError;
use crate::observer::{Attempts, RequestObserver};
use crate::token::AccessToken;
use crate::transport::Transport;

/// Sends endpoints over a transport, with the token where one is needed.
///
/// ```
/// # async fn example(transport: impl bakong_api::Transport) -> Result<(), Box<dyn std::error::Error>> {
/// use bakong_api::{AccessToken, CheckAnswer, CheckTransactionByMd5, Environment, Session};
///
/// let token = AccessToken::new(&std::env::var("BAKONG_TOKEN")?)?;
/// let session = Session::new(transport, Environment::Sit).with_token(token);
/// let md5 = "d60f3db96913029a2af979a1662c1e72".parse()?;
/// match session.send(&CheckTransactionByMd5::new(md5)).await? {
///     CheckAnswer::Paid(transaction) => println!("paid: {:?}", transaction.amount),
///     CheckAnswer::NotFound => println!("not paid yet"),
///     CheckAnswer::Failed | CheckAnswer::StaticQr => println!("never will be"),
/// }
/// # Ok(()) }
/// ```
pub struct Session<T> {
    transport: T,
    base_url: BaseUrl,
    token: Option<AccessToken>,
    observer: Option<Arc<dyn RequestObserver>>,
}

impl<T: Transport> Session<T> {
    /// A session without a token, enough to get one.
    pub fn new(transport: T, base_url: impl Into<BaseUrl>) -> Self {
        Self {
            transport,
            base_url: base_url.into(),
            token: None,
            observer: None,
        }
    }

    /// The same session with this token.
    #[must_use]
    pub fn with_token(self, token: AccessToken) -> Self {
        Self {
            token: Some(token),
            ..self
        }
    }

    /// The same session, whose every request `observer` is told of.
    #[must_use]
    pub fn with_observer(self, observer: impl RequestObserver + 'static) -> Self {
        Self {
            observer: Some(Arc::new(observer)),
            ..self
        }
    }

    /// Where the session's Bakong is.
    pub const fn base_url(&self) -> &BaseUrl {
        &self.base_url
    }

    /// Asks, and reads the answer.
    ///
    /// # Errors
    /// [`ApiError`] if there is no answer to the question; it says nothing of whether a payment was made.
    pub async fn send<E: Endpoint>(&self, endpoint: &E) -> Result<E::Answer, ApiError> {
        let mut request = endpoint.to_request(&self.base_url, self.token.as_ref())?;
        let attempts = self
            .observer
            .as_ref()
            .map(|observer| Attempts::start(E::INFO, Arc::clone(observer)));
        if let Some(attempts) = &attempts {
            request.extensions_mut().insert(attempts.clone());
        }
        let result = self.transport.send(request).await;
        if let Some(attempts) = &attempts {
            attempts.finish(result.as_ref());
        }
        endpoint.read(&result?)
    }
}

impl<T> fmt::Debug for Session<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("base_url", &self.base_url)
            .field("token", &self.token)
            .finish_non_exhaustive()
    }
}
