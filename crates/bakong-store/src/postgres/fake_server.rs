//! A server in memory for unit tests. It answers with fixed messages, so that a test can cause any error.
//!
//! The formats are those of "Frontend/Backend Protocol" in the manual of PostgreSQL.

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::task::JoinHandle;
use tokio_postgres::tls::TlsConnect;
use tokio_postgres::{Client, Config, Error};

/// A message of the server.
pub(super) fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap();
    [&[kind], &length.to_be_bytes()[..], body].concat()
}

/// The login succeeds, without a password.
pub(super) fn login() -> Vec<u8> {
    [message(b'R', &[0; 4]), message(b'Z', b"I")].concat()
}

/// A statement succeeds.
pub(super) fn done() -> Vec<u8> {
    [message(b'C', b"SELECT 0\0"), message(b'Z', b"T")].concat()
}

/// The server reports an error with this SQLSTATE.
pub(super) fn error(code: &str) -> Vec<u8> {
    let body = format!("SERROR\0VERROR\0C{code}\0Mon purpose\0\0");
    [message(b'E', body.as_bytes()), message(b'Z', b"E")].concat()
}

/// Connects to a server that sends the first of `answers` after the startup message, and one more after each statement.
/// It closes the connection after the last one.
pub(super) async fn connect<T: TlsConnect<DuplexStream>>(
    config: &Config,
    tls: T,
    answers: Vec<Vec<u8>>,
) -> Result<(Client, JoinHandle<()>), Error>
where
    T::Stream: Send + 'static,
{
    let (client, mut server) = tokio::io::duplex(1 << 16);
    tokio::spawn(async move {
        for (index, answer) in answers.into_iter().enumerate() {
            if index > 0 {
                let _ = server.read_u8().await;
            }
            let Ok(length) = server.read_u32().await else {
                return;
            };
            let mut body = vec![0; usize::try_from(length).unwrap() - 4];
            let _ = server.read_exact(&mut body).await;
            let _ = server.write_all(&answer).await;
        }
    });
    let (client, connection) = config.connect_raw(client, tls).await?;
    let driver = tokio::spawn(async move { drop(connection.await) });
    Ok((client, driver))
}
