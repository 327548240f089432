//! A Bakong elsewhere: its address from the command line, and a session with it.

use bakong_api::{AccessToken, BaseUrl, FileTokenStore, Session, TokenLife, TokenState};
use bakong_flow::{Clock, SystemClock};
use bakong_http::HyperTransport;

use crate::advice::Asked;
use crate::arguments::{TargetArguments, TokenArguments};
use crate::credentials::{self, RenewalNotes, TokenSource};
use crate::exit::{Exit, Failure};
use crate::output::note;
use crate::time::in_phnom_penh;

/// A session with whichever Bakong, over HTTP.
pub(crate) type HttpSession = Session<HyperTransport>;

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

/// The address to send secrets to.
fn trusted_base_url(target: &TargetArguments) -> Result<BaseUrl, Failure> {
    let base_url = base_url(target)?.ok_or_else(|| {
        Failure::usage("say which Bakong to ask: --env sit, --env production or --base-url URL")
    })?;
    if !base_url.is_https() && !base_url.is_loopback() && !target.allow_plain_http {
        return Err(Failure::usage(
            "--base-url is http, which shows the token to the network; use https, or say \
             --allow-plain-http if the network is trusted",
        ));
    }
    Ok(base_url)
}

/// A session with a token, which it renews by itself if it can. Sends nothing.
pub(crate) fn open(target: &TargetArguments, token: &TokenArguments) -> Result<Remote, Failure> {
    let mut remote = open_without_token(target)?;
    let source = TokenSource::of(token.token_file.as_ref());
    let renewal = credentials::renewal(token)?;
    let found = source.read()?;
    let mut session = remote.session;
    match (&found, &renewal) {
        (None, None) => return Err(Failure::usage(source.missing())),
        (Some(token), None) => warn_of_end(token, &source),
        (_, Some(_)) => {}
    }
    let end = found.as_ref().and_then(AccessToken::expires_at);
    if let Some(token) = found {
        session = session.with_token(token);
    }
    if let (Some(renewal), Some(path)) = (renewal, source.file()) {
        session = session
            .with_renewal(renewal)
            .with_token_store(FileTokenStore::new(path))
            .with_observer(RenewalNotes::new(end));
    }
    remote.session = session;
    remote.asked.token = source;
    Ok(remote)
}

/// A session for what needs no token; one that is at hand goes along. Sends nothing.
pub(crate) fn open_with_any_token(
    target: &TargetArguments,
    token: &TokenArguments,
) -> Result<Remote, Failure> {
    let mut remote = open_without_token(target)?;
    let source = TokenSource::of(token.token_file.as_ref());
    match source.read() {
        Ok(Some(token)) => {
            remote.session = remote.session.with_token(token);
            remote.asked.token = source;
        }
        Ok(None) => {}
        Err(failure) => note(format_args!("{failure}; asking without a token.")),
    }
    Ok(remote)
}

/// A session that has no token. Sends nothing.
pub(crate) fn open_without_token(target: &TargetArguments) -> Result<Remote, Failure> {
    let base_url = trusted_base_url(target)?;
    Ok(Remote {
        session: Session::new(transport(target.allow_plain_http)?, base_url.clone()),
        asked: Asked {
            base_url,
            token: TokenSource::None,
        },
    })
}

pub(crate) fn transport(allow_plain_http: bool) -> Result<HyperTransport, Failure> {
    HyperTransport::builder()
        .user_agent(concat!("bakong-cli/", env!("CARGO_PKG_VERSION")))
        .allow_plain_http(allow_plain_http)
        .build()
        .map_err(|error| Failure::new(Exit::CouldNotAsk, error.to_string()))
}

/// Says so if the token ends soon, or has: nobody renews it.
fn warn_of_end(token: &AccessToken, source: &TokenSource) {
    let Some(end) = token.expires_at() else {
        return;
    };
    let mut life = TokenLife::new(false);
    life.set(Some(end));
    let end = in_phnom_penh(end);
    match life.state(SystemClock.now()) {
        TokenState::Expired => note(format_args!(
            "{source}: the token says that it expired on {end} in Phnom Penh."
        )),
        TokenState::DueForRenewal => note(format_args!(
            "{source}: the token ends on {end} in Phnom Penh; bakong token renew brings a new one."
        )),
        _ => {}
    }
}
