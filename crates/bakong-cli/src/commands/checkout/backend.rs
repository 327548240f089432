//! The Bakong that is asked: one inside this command, or one elsewhere. Only the address differs.

use std::time::Duration;

use bakong_api::endpoint::{RequestToken, Verify};
use bakong_api::{BaseUrl, Session};
use bakong_flow::{Config, MemoryStore, Watcher};
use bakong_sandbox::Sandbox;
use khqr_core::AccountId;

use crate::arguments::CheckoutArguments;
use crate::common::advice::Asked;
use crate::common::credentials::TokenSource;
use crate::common::exit::{Exit, Failure};
use crate::common::remote::{self, HttpSession, HttpWatcher, Remote};
use crate::common::time::PayAfter;

/// An open Bakong.
pub(super) struct Bakong {
    watcher: HttpWatcher,
    asked: Asked,
    allows_plain_http: bool,
    embedded: Option<Embedded>,
}

struct Embedded {
    sandbox: Sandbox,
    pay_after: PayAfter,
}

/// The project that registers with the sandbox.
const EMAIL: &str = "shop@example.com";

/// The longest pause after a failure.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// How long the sandbox's customer takes unless said.
const PAY_AFTER: PayAfter = PayAfter::Delay(Duration::from_secs(5));

impl Bakong {
    /// Opens the one that the command line names.
    pub(super) async fn open(arguments: &CheckoutArguments) -> Result<Self, Failure> {
        if !arguments.sandbox {
            let remote = remote::open_once(&arguments.target, &arguments.token)?;
            return Ok(Self {
                watcher: watcher(remote.session).await?,
                asked: remote.asked,
                allows_plain_http: arguments.target.allow_plain_http,
                embedded: None,
            });
        }
        let sandbox = Sandbox::start().await.map_err(|error| {
            Failure::new(
                Exit::CouldNotAsk,
                format!("the sandbox does not start: {error}"),
            )
        })?;
        let remote = register(&sandbox).await?;
        Ok(Self {
            watcher: watcher(remote.session).await?,
            asked: remote.asked,
            allows_plain_http: false,
            embedded: Some(Embedded {
                sandbox,
                pay_after: arguments.pay_after.unwrap_or(PAY_AFTER),
            }),
        })
    }

    pub(super) fn session(&self) -> &HttpSession {
        self.watcher.session()
    }

    pub(super) const fn watcher(&self) -> &HttpWatcher {
        &self.watcher
    }

    pub(super) const fn asked(&self) -> &Asked {
        &self.asked
    }

    pub(super) const fn allows_plain_http(&self) -> bool {
        self.allows_plain_http
    }

    pub(super) const fn is_sandbox(&self) -> bool {
        self.embedded.is_some()
    }

    /// Lets the sandbox's customer scan the code; elsewhere the customer comes by themselves.
    pub(super) fn send_customer(&self, code: &str) -> Result<(), Failure> {
        let Some(Embedded {
            sandbox,
            pay_after: PayAfter::Delay(delay),
        }) = &self.embedded
        else {
            return Ok(());
        };
        let refused = |reason: String| Failure::new(Exit::CouldNotAsk, reason);
        let account = AccountId::new("dara@devb").map_err(|error| refused(error.to_string()))?;
        sandbox
            .customer(account)
            .pay_after(code, *delay)
            .map(|_| ())
            .map_err(|error| refused(format!("the sandbox's customer cannot pay: {error}")))
    }

    pub(super) async fn close(self) {
        drop(self.watcher);
        if let Some(Embedded { sandbox, .. }) = self.embedded {
            sandbox.stop().await;
        }
    }
}

/// Watches this one payment. A customer stands and waits, so that failures are repeated sooner than a shop with
/// many payments would.
async fn watcher(session: HttpSession) -> Result<HttpWatcher, Failure> {
    let mut config = Config::DEFAULT;
    config.retry.longest = LONGEST_PAUSE;
    config.retry.longest_if_counted = LONGEST_PAUSE;
    let builder = Watcher::builder(session, MemoryStore::new()).config(config);
    builder
        .start()
        .await
        .map_err(|error| Failure::new(Exit::CouldNotAsk, error.to_string()))
}

/// Gets a token as every project does: register, read the e-mail, hand the code in.
async fn register(sandbox: &Sandbox) -> Result<Remote, Failure> {
    let failed = |reason: String| Failure::new(Exit::CouldNotAsk, reason);
    let base_url = BaseUrl::new(&sandbox.base_url()).map_err(|error| failed(error.to_string()))?;
    let session = Session::new(remote::transport(false)?, base_url.clone());
    let asked = Asked {
        base_url,
        token: TokenSource::None,
    };
    let could_not_ask = |error| asked.could_not_ask(&error);

    let request = RequestToken::new(EMAIL, "Sokha Coffee", "bakong checkout")
        .map_err(|error| failed(error.to_string()))?;
    session.send(&request).await.map_err(could_not_ask)?;
    let code = sandbox
        .verification_code(EMAIL)
        .ok_or_else(|| failed("the sandbox sent no e-mail".to_owned()))?;
    let verify = Verify::new(&code).map_err(|error| failed(error.to_string()))?;
    let token = session.send(&verify).await.map_err(could_not_ask)?;
    Ok(Remote {
        session: session.with_token(token),
        asked,
    })
}
