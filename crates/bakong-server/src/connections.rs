//! Accepts connections, with or without TLS, and serves requests on them.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tower_service::Service;

use crate::config::TlsConfig;
use crate::error::StartError;
use crate::files;

/// How long a client may take for the head of a request. A connection without a request is closed after this time too.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a client may take for the TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long to wait after a failed `accept`, for example because too many files are open.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Reads the certificate and its key.
pub(crate) fn tls(config: &TlsConfig) -> Result<TlsAcceptor, StartError> {
    let read = |name: &str, path: &Path| {
        let bytes = files::read(path);
        let shown = path.to_string_lossy();
        let shown = khqr_core::Printable(&shown);
        bytes.map_err(|error| StartError::new(format!("{name}: {shown}: {error}")))
    };
    let chain = read("tls_cert_file", &config.cert_file)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&chain).collect();
    let chain = chain.unwrap_or_default();
    if chain.is_empty() {
        let message = "tls_cert_file: the file has no certificate in PEM form; write the certificate first, then those of its authorities";
        return Err(StartError::new(message));
    }
    let key = read("tls_key_file", &config.key_file)?;
    let key = PrivateKeyDer::from_pem_slice(&key).map_err(|_| {
        StartError::new("tls_key_file: the file has no private key in PEM form without a password")
    })?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let failed = |error: rustls::Error| {
        StartError::new(format!(
            "tls_cert_file and tls_key_file cannot be used together: {error}"
        ))
    };
    let mut server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(failed)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(failed)?;
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(server)))
}

/// Serves until `stop`. Then waits for the requests in progress.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    router: Router,
    mut stop: watch::Receiver<bool>,
) {
    let shutdown = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let connection = serve_connection(stream, peer, tls.clone(), router.clone());
        tokio::spawn(connection(shutdown.watcher()));
    }
    drop(listener);
    shutdown.shutdown().await;
}

fn serve_connection(
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<TlsAcceptor>,
    router: Router,
) -> impl FnOnce(Watcher) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> {
    move |watcher| {
        Box::pin(async move {
            // Small answers must not wait for others.
            let _ = stream.set_nodelay(true);
            let Some(tls) = tls else {
                return serve_stream(stream, peer, router, watcher).await;
            };
            let handshake = tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.accept(stream));
            if let Ok(Ok(stream)) = handshake.await {
                serve_stream(stream, peer, router, watcher).await;
            }
        })
    }
}

async fn serve_stream(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: SocketAddr,
    router: Router,
    watcher: Watcher,
) {
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        let mut router = router.clone();
        async move {
            let response: Result<Response, Infallible> = router.call(request).await;
            response
        }
    });
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    // The error of a connection concerns its client only.
    let _ = watcher.watch(connection).await;
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::Instant;

    use super::*;

    /// Serves on a free port and returns a connection to it.
    async fn connect(tls: Option<TlsAcceptor>) -> TcpStream {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/", get(async || "served"));
        tokio::spawn(async move {
            let (_stop, stopped) = watch::channel(false);
            serve(listener, tls, router, stopped).await;
        });
        TcpStream::connect(address).await.unwrap()
    }

    /// Sends the start of a request, and returns how long the server keeps the connection open.
    async fn time_open(mut stream: TcpStream, start: &str) -> Duration {
        let opened = Instant::now();
        stream.write_all(start.as_bytes()).await.unwrap();
        let _ = stream.read_to_end(&mut Vec::new()).await;
        opened.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_finish_the_head_of_a_request_is_disconnected() {
        for start in ["", "GET / HTTP/1.1\r\nhost: shop.example\r\nx: "] {
            let open = time_open(connect(None).await, start).await;
            assert_eq!(open.as_secs(), HEAD_TIMEOUT.as_secs(), "{start:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_finish_the_handshake_is_disconnected() {
        let key = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: String| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let config = TlsConfig {
            cert_file: write("cert.pem", key.cert.pem()),
            key_file: write("key.pem", key.signing_key.serialize_pem()),
        };
        let acceptor = tls(&config).unwrap();
        let open = time_open(connect(Some(acceptor)).await, "").await;
        assert_eq!(open.as_secs(), HANDSHAKE_TIMEOUT.as_secs());
    }
}
