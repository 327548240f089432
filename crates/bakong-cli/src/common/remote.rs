//! A Bakong elsewhere: its address from the command line, and a session with it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use bakong_api::observe::{Attempt, SessionObserver};
use bakong_api::token::TokenState;
use bakong_api::transport::TransportError;
use bakong_api::{AccessToken, BaseUrl, Session};
use bakong_flow::{Clock, SystemClock, Watcher};
use bakong_http::{HyperTransport, RetryPolicy};
use bytes::Bytes;
use http::Response;

use crate::common::advice::Asked;
use crate::common::credentials::{self, TokenSource};
use crate::common::exit::{Exit, Failure};
use crate::common::options::{TargetArguments, TokenArguments};
use crate::common::output::note;
use crate::common::renewal::{self, Guarded, Renewal, Renewing};
use crate::common::time::in_phnom_penh;

/// A session with whichever Bakong, over HTTP.
pub(crate) type HttpSession = Session<Guarded>;

/// A watcher of payments over one.
pub(crate) type HttpWatcher = Watcher<Guarded>;

/// A session, and what has to be known to say what to do when it fails.
pub(crate) struct Remote {
    pub(crate) session: HttpSession,
    pub(crate) asked: Asked,
}

/// The address that was asked for, if one was.
pub(crate) fn base_url(target: &TargetArguments) -> Result<Option<BaseUrl>, Failure> {
    match (&target.base_url, target.env) {
        // Read here and not by the parser of arguments, which repeats what it refuses: there may be a
        // password in it.
        (Some(text), _) => BaseUrl::new(text)
            .map(Some)
            .map_err(|error| Failure::usage(format!("--base-url: {error}"))),
        (None, environment) => Ok(environment.map(BaseUrl::from)),
    }
}

/// The address to send `what` to, which is a secret.
fn trusted_base_url(target: &TargetArguments, what: &str) -> Result<BaseUrl, Failure> {
    let base_url = base_url(target)?.ok_or_else(|| {
        Failure::usage("say which Bakong to ask: --env sit, --env production or --base-url URL")
    })?;
    if !base_url.is_https() && !base_url.is_loopback() && !target.allow_plain_http {
        return Err(Failure::usage(format!(
            "--base-url is http, which shows {what} to the network; use https, or say \
             --allow-plain-http if the network is trusted"
        )));
    }
    Ok(base_url)
}

/// A session with a token, which it renews by itself if it can. Sends nothing.
pub(crate) fn open(target: &TargetArguments, token: &TokenArguments) -> Result<Remote, Failure> {
    open_with(target, token, RetryPolicy::default())
}

/// The same, which asks each question once only.
pub(crate) fn open_once(
    target: &TargetArguments,
    token: &TokenArguments,
) -> Result<Remote, Failure> {
    open_with(target, token, RetryPolicy::never())
}

fn open_with(
    target: &TargetArguments,
    token: &TokenArguments,
    retry: RetryPolicy,
) -> Result<Remote, Failure> {
    let base_url = trusted_base_url(target, "the token")?;
    let source = TokenSource::of_arguments(token);
    let renewal = credentials::renewal(token)?;
    let found = source.read()?;
    match (&found, &renewal) {
        (None, None) => return Err(Failure::usage(source.missing(true))),
        (Some(token), None) => warn_of_end(token, &source),
        (_, Some(_)) => {}
    }
    let renewal = renewal.zip(source.file());
    let renewal = renewal.map(|(renewal, path)| (renewal, Renewal::new(path, found.clone())));
    let http = http(target.allow_plain_http, retry)?;
    let guard = renewal.as_ref().map(|(_, renewal)| renewal.clone());
    let mut session = Session::new(Guarded::new(http, guard), base_url.clone());
    if let Some(token) = found {
        session = session.with_token(token);
    }
    if let Some((request, renewal)) = renewal {
        session = session
            .with_renewal(request)
            .with_token_store(Renewing(renewal.clone()))
            .with_observer(Renewing(renewal));
    }
    let token = source;
    Ok(Remote {
        session,
        asked: Asked { base_url, token },
    })
}

/// A session for what needs no token; one that is at hand goes along. Sends nothing.
pub(crate) fn open_with_any_token(
    target: &TargetArguments,
    token_file: Option<&PathBuf>,
) -> Result<Remote, Failure> {
    let mut remote = open_without_token(target, "the account, and the token if there is one,")?;
    let source = TokenSource::of(token_file);
    match source.read() {
        Ok(Some(token)) => {
            let note = RefusalNote {
                source: source.clone(),
                told: AtomicBool::new(false),
            };
            remote.session = remote.session.with_token(token).with_observer(note);
            remote.asked.token = source;
        }
        Ok(None) => {}
        Err(failure) => note(format_args!("{failure}; asking without a token.")),
    }
    Ok(remote)
}

/// Says that a token was refused where the question is then asked without.
struct RefusalNote {
    source: TokenSource,
    told: AtomicBool,
}

impl SessionObserver for RefusalNote {
    fn finished(&self, _: Attempt, result: Result<&Response<Bytes>, &TransportError>) {
        if renewal::is_refusal(result) && !self.told.swap(true, Ordering::Relaxed) {
            note(format_args!(
                "{}: Bakong does not accept the token; asking without.",
                self.source
            ));
        }
    }
}

/// A session that has no token, for sending `what`. Sends nothing.
pub(crate) fn open_without_token(target: &TargetArguments, what: &str) -> Result<Remote, Failure> {
    let base_url = trusted_base_url(target, what)?;
    Ok(Remote {
        session: Session::new(transport(target.allow_plain_http)?, base_url.clone()),
        asked: Asked {
            base_url,
            token: TokenSource::None,
        },
    })
}

/// A transport for sessions that do not renew their token.
pub(crate) fn transport(allow_plain_http: bool) -> Result<Guarded, Failure> {
    Ok(Guarded::new(
        http(allow_plain_http, RetryPolicy::default())?,
        None,
    ))
}

fn http(allow_plain_http: bool, retry: RetryPolicy) -> Result<HyperTransport, Failure> {
    HyperTransport::builder()
        .user_agent(concat!("bakong-cli/", env!("CARGO_PKG_VERSION")))
        .allow_plain_http(allow_plain_http)
        .retry(retry)
        .build()
        .map_err(|error| Failure::new(Exit::CouldNotAsk, error.to_string()))
}

/// Says so if the token ends soon, or has: nobody renews it.
fn warn_of_end(token: &AccessToken, source: &TokenSource) {
    let Some(end) = token.expires_at() else {
        return;
    };
    let end = in_phnom_penh(end);
    match credentials::state(Some(token), SystemClock.now()) {
        TokenState::Expired => note(format_args!(
            "{source}: the token says that it expired on {end} in Phnom Penh."
        )),
        TokenState::DueForRenewal => note(format_args!(
            "{source}: the token ends on {end} in Phnom Penh; bakong token renew brings a new one."
        )),
        _ => {}
    }
}
