//! Connections that are kept, and used again until they are too old.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use http::uri::{Authority, Scheme};
use http::{HeaderValue, Uri};
use hyper::client::conn::http1;
#[cfg(feature = "http2")]
use hyper::client::conn::http2;
use hyper_util::rt::TokioIo;
#[cfg(feature = "http2")]
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::Instant;

use crate::connector::{ConnectError, Connector};
use crate::payload::Payload;
use crate::stream::Stream;

/// How many bytes the head of an answer may have, and how many of its body are read ahead.
const HEAD_LIMIT: usize = 64 << 10;

/// The connections of a transport.
pub(crate) struct Pool(Arc<Shared>);

struct Shared {
    connector: Connector,
    idle_timeout: Duration,
    /// How many connections to a host are kept at most.
    most_kept: usize,
    /// Of most programs one.
    hosts: Mutex<Vec<Host>>,
    /// Whether somebody sees to it that what is too old is closed.
    is_swept: AtomicBool,
}

/// What is kept of one host.
struct Host {
    scheme: Scheme,
    authority: Authority,
    /// The last used stands last, and is taken first.
    idle: Vec<(Http1, Instant)>,
    #[cfg(feature = "http2")]
    shared: Option<Multiplexed>,
}

/// A connection to send one request on.
pub(crate) enum Connection {
    Http1(Http1),
    #[cfg(feature = "http2")]
    Http2(http2::SendRequest<Payload>),
}

type Driver = http1::Connection<TokioIo<Stream>, Payload>;

/// An HTTP/1 connection. Whoever sends on it drives it: no task of its own has to be woken.
pub(crate) struct Http1 {
    pub(crate) sender: http1::SendRequest<Payload>,
    /// The value of a `Host` header.
    pub(crate) host: Option<HeaderValue>,
    /// Gone when it has ended: what it still held for somebody is given up with it.
    driver: Option<Pin<Box<Driver>>>,
    /// Whether it wakes whoever drove it last.
    wakes: bool,
}

/// An HTTP/2 connection, which all share. Its own task drives it.
#[cfg(feature = "http2")]
struct Multiplexed {
    sender: http2::SendRequest<Payload>,
    used_at: Instant,
    /// Whoever sends on it holds one of these.
    users: Arc<()>,
}

#[cfg(feature = "http2")]
impl Multiplexed {
    /// Whether it was closed, or nobody has used it for too long.
    fn is_over(&self, idle_timeout: Duration) -> bool {
        let is_idle = Arc::strong_count(&self.users) == 1;
        self.sender.is_closed() || is_idle && self.used_at.elapsed() >= idle_timeout
    }
}

impl Http1 {
    /// Goes on with what is to be read and written. Done when the connection is.
    pub(crate) fn drive(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.wakes = true;
        self.go_on(context)
    }

    /// The same for somebody who waits for nothing that it might do later.
    pub(crate) fn drive_unheard(&mut self) -> Poll<()> {
        self.wakes = false;
        self.go_on(&mut Context::from_waker(Waker::noop()))
    }

    fn go_on(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(driver) = &mut self.driver else {
            return Poll::Ready(());
        };
        // How it ended, whoever waits for an answer is told by hyper.
        let ended = driver.as_mut().poll(context).map(|_| ());
        if ended.is_ready() {
            self.driver = None;
        }
        ended
    }

    /// Whether the next request can be sent, as far as can be told without sending one.
    fn is_good(&mut self) -> bool {
        // One that asks for the next has read on beyond the answer. Who was answered is not to be woken any more.
        let is_seen_to = !self.wakes && self.driver.is_some() && self.sender.is_ready();
        is_seen_to || self.drive_unheard().is_pending() && self.sender.is_ready()
    }
}

impl Host {
    fn is_of(&self, uri: &Uri) -> bool {
        // Nearly always they are written alike, which is soon seen; otherwise upper and lower case are the same.
        let is_same = |authority: &Authority| {
            authority.as_str() == self.authority.as_str() || *authority == self.authority
        };
        uri.authority().is_some_and(is_same) && uri.scheme() == Some(&self.scheme)
    }

    fn is_empty(&self) -> bool {
        #[cfg(feature = "http2")]
        if self.shared.is_some() {
            return false;
        }
        self.idle.is_empty()
    }
}

impl Pool {
    pub(crate) fn new(connector: Connector, idle_timeout: Duration, most_kept: usize) -> Self {
        Self(Arc::new(Shared {
            connector,
            idle_timeout,
            most_kept,
            hosts: Mutex::default(),
            is_swept: AtomicBool::new(false),
        }))
    }

    /// A connection that was kept, if there is one that is good.
    pub(crate) fn kept(&self, uri: &Uri, now: Instant) -> Option<(Connection, InUse)> {
        loop {
            let (connection, kept_at) = {
                let mut hosts = self.0.hosts();
                let host = hosts.iter_mut().find(|host| host.is_of(uri))?;
                #[cfg(feature = "http2")]
                drop(
                    host.shared
                        .take_if(|shared| shared.is_over(self.0.idle_timeout)),
                );
                #[cfg(feature = "http2")]
                if let Some(shared) = &mut host.shared {
                    shared.used_at = now;
                    let in_use = InUse(Some(Arc::clone(&shared.users)));
                    return Some((Connection::Http2(shared.sender.clone()), in_use));
                }
                host.idle.pop()?
            };
            // What is too old has perhaps not been swept out yet. Whether the host has closed it meanwhile, hyper
            // looks before it writes.
            if now.duration_since(kept_at) < self.0.idle_timeout {
                return Some((Connection::Http1(connection), InUse(None)));
            }
        }
    }

    /// A new connection.
    pub(crate) async fn connect(&self, uri: &Uri) -> Result<(Connection, InUse), ConnectError> {
        let stream = self.0.connector.connect(uri).await?;
        #[cfg(feature = "http2")]
        if stream.speaks_http2() {
            return self.share(uri, stream).await;
        }
        let handshake = http1::Builder::new()
            .max_buf_size(HEAD_LIMIT)
            .handshake(TokioIo::new(stream));
        let (sender, driver) = handshake.await.map_err(ConnectError::of_http)?;
        let host = uri.authority().map(Authority::as_str);
        let connection = Http1 {
            sender,
            host: host.and_then(|host| HeaderValue::from_str(host).ok()),
            driver: Some(Box::pin(driver)),
            wakes: false,
        };
        Ok((Connection::Http1(connection), InUse(None)))
    }

    #[cfg(feature = "http2")]
    async fn share(&self, uri: &Uri, stream: Stream) -> Result<(Connection, InUse), ConnectError> {
        let handshake = http2_settings().handshake(TokioIo::new(stream));
        let (sender, driver) = handshake.await.map_err(ConnectError::of_http)?;
        tokio::spawn(async move {
            // How it ended, whoever waits for an answer is told by hyper.
            let _ = driver.await;
        });
        let users = Arc::new(());
        let in_use = InUse(Some(Arc::clone(&users)));
        self.keep_at(uri, |host| {
            host.shared = Some(Multiplexed {
                sender: sender.clone(),
                used_at: Instant::now(),
                users,
            });
        });
        Ok((Connection::Http2(sender), in_use))
    }

    /// Keeps a connection whose answer was read to its end, if it can be used again.
    pub(crate) fn keep(&self, uri: &Uri, mut connection: Http1) {
        if !connection.is_good() {
            return;
        }
        let most = self.0.most_kept;
        self.keep_at(uri, |host| {
            if host.idle.len() < most {
                host.idle.push((connection, Instant::now()));
            }
        });
    }

    fn keep_at(&self, uri: &Uri, keep: impl FnOnce(&mut Host)) {
        let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
            return;
        };
        if self.0.idle_timeout.is_zero() {
            return;
        }
        {
            let mut hosts = self.0.hosts();
            if let Some(host) = hosts.iter_mut().find(|host| host.is_of(uri)) {
                keep(host);
            } else {
                let mut host = Host {
                    scheme: scheme.clone(),
                    authority: authority.clone(),
                    idle: Vec::new(),
                    #[cfg(feature = "http2")]
                    shared: None,
                };
                keep(&mut host);
                hosts.push(host);
            }
        }
        if !self.0.is_swept.swap(true, Ordering::AcqRel) {
            tokio::spawn(sweep(Arc::downgrade(&self.0), self.0.idle_timeout));
        }
    }
}

impl Shared {
    fn hosts(&self) -> MutexGuard<'_, Vec<Host>> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes what was not used for too long. When the next will be, if there is any left.
    fn close_old(&self) -> Option<Instant> {
        let now = Instant::now();
        let is_young = |used_at: Instant| now.duration_since(used_at) < self.idle_timeout;
        let mut oldest: Option<Instant> = None;
        let mut note = |used_at: Instant| {
            oldest = Some(oldest.map_or(used_at, |oldest| oldest.min(used_at)));
        };
        let mut hosts = self.hosts();
        for host in hosts.iter_mut() {
            host.idle.retain(|(_, kept_at)| is_young(*kept_at));
            host.idle.iter().for_each(|(_, kept_at)| note(*kept_at));
            #[cfg(feature = "http2")]
            {
                // Dropped, it tells the other end that it is over.
                drop(
                    host.shared
                        .take_if(|shared| shared.is_over(self.idle_timeout)),
                );
                if let Some(shared) = &host.shared {
                    // One that is in use is looked at again later.
                    let is_old = !is_young(shared.used_at);
                    note(if is_old { now } else { shared.used_at });
                }
            }
        }
        hosts.retain(|host| !host.is_empty());
        oldest?.checked_add(self.idle_timeout)
    }
}

/// Held while a shared connection is in use.
pub(crate) struct InUse(
    #[allow(dead_code, reason = "its count says who uses the connection")] Option<Arc<()>>,
);

/// Closes connections when they are too old, until none is left or the transport is gone.
async fn sweep(shared: Weak<Shared>, idle_timeout: Duration) {
    let mut swept = Swept(shared);
    // With so long a time that the clock cannot say its end, nothing is ever too old.
    while let Some(mut next) = Instant::now().checked_add(idle_timeout) {
        loop {
            tokio::time::sleep_until(next).await;
            let Some(shared) = swept.0.upgrade() else {
                return;
            };
            match shared.close_old() {
                Some(moment) => next = moment,
                None => break,
            }
        }
        // One that was kept while this ended would stay.
        if swept.is_over() {
            return;
        }
    }
}

/// Whoever keeps a connection next starts sweeping again, also after a runtime that ended.
struct Swept(Weak<Shared>);

impl Swept {
    /// Whether nothing is left to sweep, or somebody else began to.
    fn is_over(&mut self) -> bool {
        let Some(shared) = self.0.upgrade() else {
            return true;
        };
        shared.is_swept.store(false, Ordering::Release);
        let is_over = shared.hosts().is_empty() || shared.is_swept.swap(true, Ordering::AcqRel);
        if is_over {
            // The flag is somebody else's from here on.
            self.0 = Weak::new();
        }
        is_over
    }
}

impl Drop for Swept {
    fn drop(&mut self) {
        if let Some(shared) = self.0.upgrade() {
            shared.is_swept.store(false, Ordering::Release);
        }
    }
}

#[cfg(feature = "http2")]
fn http2_settings() -> http2::Builder<TokioExecutor> {
    /// How much of one answer is read ahead.
    const STREAM_WINDOW: u32 = 64 << 10;
    /// How much of all answers on a connection is.
    const CONNECTION_WINDOW: u32 = 1 << 20;
    const PING_INTERVAL: Duration = Duration::from_secs(5);
    const PING_TIMEOUT: Duration = Duration::from_secs(4);

    let mut settings = http2::Builder::new(TokioExecutor::new());
    settings
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(HEAD_LIMIT).unwrap_or(u32::MAX))
        // What 64 answers read ahead take is bounded by these.
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        // A connection is shared by all, and would be kept by them after it died: so it is asked
        // whether it lives, often enough that this is known before an attempt's time is over.
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .keep_alive_while_idle(true);
    settings
}
