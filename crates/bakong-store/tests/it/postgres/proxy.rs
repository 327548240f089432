//! A TCP proxy before the server, which can lose and delay what it forwards, and counts round trips.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What a proxy does with its connections.
#[derive(Default, Debug)]
struct State {
    connections: Mutex<Vec<TcpStream>>,
    /// Forwards nothing, but keeps the connections.
    is_frozen: AtomicBool,
    /// Forwards to the server, but not back.
    loses_answers: AtomicBool,
    delay_ms: AtomicU64,
    /// How often the client sent something after it received something.
    round_trips: AtomicU64,
}

#[derive(Clone, Debug)]
pub(crate) struct Proxy {
    port: u16,
    state: Arc<State>,
}

impl Proxy {
    /// Starts a proxy before the server at this port of the loopback interface.
    pub(crate) fn start(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming() {
                let Ok(client) = client else { return };
                let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else {
                    continue;
                };
                forward(&client, &server, &shared);
            }
        });
        Self { port, state }
    }

    /// Returns the connection string with the proxy in place of the server.
    pub(crate) fn url(&self, url: &str, server: u16) -> String {
        url.replace(&format!(":{server}/"), &format!(":{}/", self.port))
    }

    /// Cuts all connections. New ones are accepted.
    pub(crate) fn cut(&self) {
        for connection in self.state.connections.lock().unwrap().drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }

    /// Forwards nothing, or everything again.
    pub(crate) fn freeze(&self, frozen: bool) {
        self.state.is_frozen.store(frozen, Ordering::SeqCst);
    }

    /// Loses the answers of the server.
    pub(crate) fn lose_answers(&self, lose: bool) {
        self.state.loses_answers.store(lose, Ordering::SeqCst);
    }

    /// Delays everything that is forwarded to the server.
    pub(crate) fn delay(&self, by: Duration) {
        let millis = u64::try_from(by.as_millis()).unwrap();
        self.state.delay_ms.store(millis, Ordering::SeqCst);
    }

    pub(crate) fn round_trips(&self) -> u64 {
        self.state.round_trips.load(Ordering::SeqCst)
    }
}

fn forward(client: &TcpStream, server: &TcpStream, state: &Arc<State>) {
    let mut connections = state.connections.lock().unwrap();
    for stream in [client, server] {
        stream.set_nodelay(true).unwrap();
        connections.push(stream.try_clone().unwrap());
    }
    drop(connections);
    // Whether the client has received something since it last sent something.
    let has_received = Arc::new(AtomicBool::new(true));
    for to_server in [true, false] {
        let (from, to) = if to_server {
            (client, server)
        } else {
            (server, client)
        };
        let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
        let (state, has_received) = (Arc::clone(state), Arc::clone(&has_received));
        thread::spawn(move || {
            copy(from, to, to_server, &state, &has_received);
        });
    }
}

fn copy(
    mut from: TcpStream,
    mut to: TcpStream,
    to_server: bool,
    state: &State,
    has_received: &AtomicBool,
) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(length) = from.read(&mut buffer) {
        if length == 0 {
            break;
        }
        if to_server {
            if has_received.swap(false, Ordering::SeqCst) {
                state.round_trips.fetch_add(1, Ordering::SeqCst);
            }
            let delay = state.delay_ms.load(Ordering::SeqCst);
            if delay > 0 {
                thread::sleep(Duration::from_millis(delay));
            }
        } else if state.loses_answers.load(Ordering::SeqCst) {
            continue;
        }
        while state.is_frozen.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(10));
        }
        if !to_server {
            has_received.store(true, Ordering::SeqCst);
        }
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}
