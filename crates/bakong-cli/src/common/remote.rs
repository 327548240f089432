//! Sessions with a remote Bakong: its address from the command line, the transport and the token.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use bakong_api::observe::{Attempt, SessionObserver};
use bakong_api::server_time::date_of;
use bakong_api::token::{FileTokenStore, TokenState};
use bakong_api::transport::TransportError;
use bakong_api::{AccessToken, BaseUrl, Session};
use bakong_flow::{Clock, SystemClock, Watcher};
use bakong_http::{HyperTransport, HyperTransportBuilder};
use bakong_store::Registration;
use bytes::Bytes;
use http::Response;

use crate::common::advice::Advisor;
use crate::common::clock::ClockWarning;
use crate::common::credentials::{self, TokenSource};
use crate::common::exit::{Exit, Failure};
use crate::common::options::{TargetArguments, TokenArguments, TransportOptions};
use crate::common::output::note;
use crate::common::renewal::{self, CommandTokenStore, RenewalNotes};
use crate::common::time::in_phnom_penh;
use crate::common::transport::{self, CommandTransport};
use crate::common::verbose::RepetitionLog;

/// A session over HTTP.
pub(crate) type HttpSession = Session<CommandTransport>;

/// A watcher of payments over HTTP.
pub(crate) type HttpWatcher = Watcher<CommandTransport>;

/// A session, and what is needed to advise the user when a request fails.
pub(crate) struct Remote {
    pub(crate) session: HttpSession,
    pub(crate) advisor: Advisor,
}

impl Remote {
    /// Returns the registration that the token belongs to. Renews a token that is missing first, because the name of the
    /// registration contains an id from the token.
    pub(crate) async fn registration(&self) -> Result<Registration, Failure> {
        let Advisor {
            base_url, token, ..
        } = &self.advisor;
        let mut found = token.load_for(base_url)?;
        if found.is_none() {
            let renewed = self.session.renew().await;
            let renewed = renewed.map_err(|error| self.advisor.failure(&error))?;
            if let Some(error) = renewed.save_error {
                return Err(Failure::new(Exit::NoAnswer, credentials::printable(&error)));
            }
            found = token.load_for(base_url)?;
        }
        let found = found.ok_or_else(|| Failure::usage(token.missing(true)))?;
        Registration::of(base_url, &found).map_err(|error| Failure::usage(error.to_string()))
    }
}

/// Returns the base URL of `--base-url` or `--env`, if one is given.
pub(crate) fn base_url(target: &TargetArguments) -> Result<Option<BaseUrl>, Failure> {
    match (&target.base_url, target.env) {
        // Parsed here, because clap repeats invalid values, and a URL may contain a password.
        (Some(text), _) => BaseUrl::new(text)
            .map(Some)
            .map_err(|error| Failure::usage(format!("--base-url: {error}"))),
        (None, environment) => Ok(environment.map(BaseUrl::from)),
    }
}

/// Returns the base URL to which the secret `what` is sent.
pub(crate) fn trusted_base_url(target: &TargetArguments, what: &str) -> Result<BaseUrl, Failure> {
    let base_url = base_url(target)?.ok_or_else(|| {
        Failure::usage(
            "no Bakong server selected; use --env sit, --env production or --base-url URL",
        )
    })?;
    if !base_url.is_https() && !base_url.is_loopback() && !target.allow_plain_http {
        return Err(Failure::usage(format!(
            "--base-url is http, which exposes {what} to the network; use https, or \
             --allow-plain-http if the network is trusted"
        )));
    }
    Ok(base_url)
}

/// A session without a token, with the observers that every command has.
fn session(transport: CommandTransport, base_url: &BaseUrl) -> HttpSession {
    Session::new(transport, base_url.clone())
        .with_observer(ClockWarning::default())
        .with_observer(RepetitionLog)
}

/// Opens a session with a token, which it renews if it can. Sends no request.
pub(crate) fn open(target: &TargetArguments, token: &TokenArguments) -> Result<Remote, Failure> {
    open_with(target, token, HyperTransport::builder())
}

/// Opens a session that does not repeat requests.
pub(crate) fn open_once(
    target: &TargetArguments,
    token: &TokenArguments,
) -> Result<Remote, Failure> {
    open_with(target, token, HyperTransport::for_watcher())
}

fn open_with(
    target: &TargetArguments,
    token: &TokenArguments,
    builder: HyperTransportBuilder,
) -> Result<Remote, Failure> {
    let base_url = trusted_base_url(target, "the token")?;
    let source = TokenSource::of_arguments(token);
    let renewal = credentials::renewal(token)?;
    let found = source.read_for(&base_url)?;
    if found.is_none() && renewal.is_none() {
        return Err(Failure::usage(source.missing(true)));
    }
    let options = TransportOptions::of(target);
    let http = transport::open(&options, builder)?;
    let mut session = session(http, &base_url);
    if let (Some(token), None) = (&found, &renewal) {
        session = session.with_observer(ExpiryNote::new(token.clone(), source.clone()));
    }
    if let Some(token) = found {
        session = session.with_token(token);
    }
    if let Some(path) = source.file() {
        // The store is used even without renewal, because another command may store a new token.
        session = session.with_token_store(CommandTokenStore(FileTokenStore::new(path)));
    }
    if let Some(renewal) = renewal {
        session = session.with_renewal(renewal).with_observer(RenewalNotes);
    }
    let token = source;
    let server_time = session.server_time().clone();
    Ok(Remote {
        session,
        advisor: Advisor {
            base_url,
            token,
            transport: options,
            server_time,
        },
    })
}

/// Opens a session for requests with an optional token. Sends no request.
pub(crate) fn open_with_any_token(
    target: &TargetArguments,
    token_file: Option<&PathBuf>,
) -> Result<Remote, Failure> {
    let mut remote = open_without_token(target, "the account, and the token if there is one,")?;
    let source = TokenSource::of(token_file);
    match source.read_for(&remote.advisor.base_url) {
        Ok(Some(token)) => {
            let note = RejectionNote {
                source: source.clone(),
                printed: AtomicBool::new(false),
            };
            remote.session = remote.session.with_token(token).with_observer(note);
            remote.advisor.token = source;
        }
        Ok(None) => {}
        Err(failure) => note(format_args!(
            "{failure}; sending the request without a token."
        )),
    }
    Ok(remote)
}

/// Prints a note if Bakong rejects an optional token. The session then repeats the request without it.
struct RejectionNote {
    source: TokenSource,
    printed: AtomicBool,
}

impl SessionObserver for RejectionNote {
    fn finished(&self, _: Attempt, result: Result<&Response<Bytes>, &TransportError>) {
        if renewal::is_rejection(result) && !self.printed.swap(true, Ordering::Relaxed) {
            note(format_args!(
                "{}: Bakong does not accept the token; sending the request without a token.",
                self.source
            ));
        }
    }
}

/// Opens a session without a token, to send `what`. Sends no request.
pub(crate) fn open_without_token(target: &TargetArguments, what: &str) -> Result<Remote, Failure> {
    let base_url = trusted_base_url(target, what)?;
    let options = TransportOptions::of(target);
    let transport = transport::open(&options, HyperTransport::builder())?;
    let session = session(transport, &base_url);
    let server_time = session.server_time().clone();
    Ok(Remote {
        session,
        advisor: Advisor {
            base_url,
            token: TokenSource::None,
            transport: options,
            server_time,
        },
    })
}

/// Prints a note if the token has expired or expires soon, and the session cannot renew it. The time is the `Date` of the
/// first answer.
struct ExpiryNote {
    token: AccessToken,
    source: TokenSource,
    is_done: AtomicBool,
}

impl ExpiryNote {
    const fn new(token: AccessToken, source: TokenSource) -> Self {
        Self {
            token,
            source,
            is_done: AtomicBool::new(false),
        }
    }
}

impl SessionObserver for ExpiryNote {
    fn finished(&self, _: Attempt, result: Result<&Response<Bytes>, &TransportError>) {
        let (Ok(answer), Some(end)) = (result, self.token.expires_at()) else {
            return;
        };
        if self.is_done.swap(true, Ordering::Relaxed) {
            return;
        }
        let now = date_of(answer).unwrap_or_else(|| SystemClock.now());
        let (source, end) = (&self.source, in_phnom_penh(end));
        match credentials::state(Some(&self.token), now) {
            TokenState::Expired => note(format_args!(
                "{source}: the token expired on {end} in Phnom Penh."
            )),
            TokenState::DueForRenewal => note(format_args!(
                "{source}: the token expires on {end} in Phnom Penh; renew it with bakong token renew."
            )),
            _ => {}
        }
    }
}
