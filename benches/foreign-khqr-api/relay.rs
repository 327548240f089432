//! A relay that adds a `User-Agent` to each request, and a function that posts to the sandbox's control API.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use serde_json::Value;

/// The end of a request line. khqr-api does not send this text anywhere else.
const LINE_END: &[u8] = b" HTTP/1.1\r\n";
const NAME: &[u8] = b" HTTP/1.1\r\nuser-agent: relay/1\r\n";

/// Relays to `target` until the process ends. Returns the address of the relay.
pub(crate) fn start(target: &str) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let target = target.to_owned();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let Ok(server) = TcpStream::connect(&target) else {
                return;
            };
            // Closing either connection closes both.
            if let (Ok(back_from), Ok(back_to)) = (server.try_clone(), client.try_clone()) {
                thread::spawn(move || copy(client, server, named));
                thread::spawn(move || copy(back_from, back_to, <[u8]>::to_vec));
            }
        }
    });
    Ok(address)
}

fn copy(mut from: TcpStream, mut to: TcpStream, change: impl Fn(&[u8]) -> Vec<u8>) {
    let mut piece = [0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut piece) {
        if to.write_all(&change(&piece[..length])).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Both);
}

/// Adds a `User-Agent` to a request. A request of khqr-api is small, so it arrives in one read.
fn named(request: &[u8]) -> Vec<u8> {
    let end = request
        .windows(LINE_END.len())
        .position(|part| part == LINE_END);
    match end {
        None => request.to_vec(),
        Some(end) => [&request[..end], NAME, &request[end + LINE_END.len()..]].concat(),
    }
}

/// Posts to the sandbox's control API.
pub(crate) fn post(address: &str, path: &str, body: &Value) -> io::Result<Value> {
    let body = body.to_string();
    let length = body.len();
    let mut stream = TcpStream::connect(address)?;
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    if !head.starts_with("HTTP/1.1 200") {
        return Err(io::Error::other(format!("{path}: {answer}")));
    }
    Ok(serde_json::from_str(body)?)
}
