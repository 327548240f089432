//! The server: sends the same answer to every request, and keeps connections open.

use std::convert::Infallible;
use std::env;
use std::io::{self, BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpSocket;
use tokio::runtime;

use crate::Failure;

/// An answer for a paid code, as production sends it.
pub(crate) const PAID: &str = concat!(
    r#"{"responseCode":0,"responseMessage":"Success","errorCode":null,"data":{"#,
    r#""hash":"8608a3e1f1e9e7c8c6c3ab1a2f5e2c4d9b7a6f5e4d3c2b1a0f9e8d7c6b5a4938","#,
    r#""fromAccountId":"abaakhppxxx@abaa","toAccountId":"shop@devb","currency":"USD","amount":1,"#,
    r#""description":null,"createdDateMs":1761154142000,"acknowledgedDateMs":1761154143000,"#,
    r#""trackingStatus":null,"receiverBank":null,"receiverBankAccount":null,"#,
    r#""instructionRef":null,"externalRef":"100FT35781491692"}}"#
);

/// The maximum length of the queue of incoming connections. The system may limit it further.
const BACKLOG: u32 = 16_384;

/// Answers every request after `delay`, until standard input ends, so that the server ends with its parent process.
/// Prints its address on the first line of standard output.
pub(crate) fn serve(delay: Duration) -> Result<(), Failure> {
    raise_open_files()?;
    thread::spawn(|| {
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        std::process::exit(0);
    });
    // One thread, so that the client has the other processor.
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let listener = socket.listen(BACKLOG)?;
        println!("{}", listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(async move {
                let service = service_fn(|request| answer(request, delay));
                // The client reports connection errors.
                let _ = http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    })
}

async fn answer(
    request: Request<Incoming>,
    delay: Duration,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let request = request.into_body().collect().await;
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    // The response to an incomplete request has an empty body, which no client reads as paid.
    let body = request.map_or("", |_| PAID);
    let mut response = Response::new(Full::new(Bytes::from_static(body.as_bytes())));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    Ok(response)
}

/// Raises the limit of open files, usually 1,024. Each connection needs an open file.
pub(crate) fn raise_open_files() -> Result<(), Failure> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    Ok(setrlimit(Resource::Nofile, raised)?)
}

/// A server in its own process. Dropping it ends the process.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: String,
}

impl Server {
    pub(crate) fn start(delay: Duration) -> Result<Self, Failure> {
        let mut child = Command::new(env::current_exe()?)
            .args(["serve", &delay.as_millis().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child
            .stdout
            .take()
            .ok_or("the server has no standard output")?;
        let mut address = String::new();
        BufReader::new(output.take(64)).read_line(&mut address)?;
        let address = address.trim_end().to_owned();
        Ok(Self { child, address })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
