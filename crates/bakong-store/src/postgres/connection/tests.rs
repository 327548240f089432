//! Which connections are kept after an error, and how long an operation may take.

use std::pin::Pin;

use deadpool_postgres::{Connect, Manager, ManagerConfig};
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config, NoTls};

use super::*;
use crate::postgres::fake_server::{connect, done, error, login};

/// Connects to servers in memory. Each answers every statement with the same messages.
#[derive(Clone)]
struct Server(Vec<u8>);

impl Connect for Server {
    fn connect(
        &self,
        config: &Config,
    ) -> Pin<
        Box<
            dyn Future<Output = Result<(Client, JoinHandle<()>), tokio_postgres::Error>>
                + Send
                + '_,
        >,
    > {
        let config = config.clone();
        let mut answers = vec![login()];
        // A server without an answer closes the connection after the login.
        if !self.0.is_empty() {
            answers.extend(std::iter::repeat_n(self.0.clone(), 10));
        }
        Box::pin(async move { connect(&config, NoTls, answers).await })
    }
}

/// Returns two connections at most, to servers that answer a statement with `answer`.
fn connections(answer: Vec<u8>, operation: Duration) -> Connections {
    let config = "postgres://shop@db.example/pay".parse().unwrap();
    let manager = Manager::from_connect(config, Server(answer), ManagerConfig::default());
    let pool = Pool::builder(manager).max_size(2).build().unwrap();
    let second = Duration::from_secs(1);
    let limits = Limits {
        lock: second,
        statement: second,
        operation,
    };
    Connections::new(pool, limits)
}

/// Opens both connections and leaves them idle.
async fn open_both(connections: &Connections) {
    let both = tokio::join!(connections.pool.get(), connections.pool.get());
    drop((both.0.unwrap(), both.1.unwrap()));
    assert_eq!(connections.pool.status().size, 2);
}

const MINUTE: Duration = Duration::from_secs(60);

async fn fail(failure: Failure) -> Result<(), Failure> {
    Err(failure)
}

#[tokio::test]
async fn an_error_of_the_server_keeps_the_connection_and_a_lost_one_is_closed() {
    for (answer, size) in [(done(), 1), (error("23505"), 1), (vec![], 0)] {
        let connections = connections(answer, MINUTE);
        let result = connections.run(Mode::Read, &[]).await;
        assert_eq!(connections.pool.status().size, size, "{result:?}");
    }
}

#[tokio::test]
async fn a_transaction_that_cannot_begin_is_rolled_back_and_its_connection_kept() {
    let connections = connections(error("53200"), MINUTE);
    connections.begin(Mode::Write, &[]).await.unwrap_err();
    assert_eq!(connections.pool.status().size, 1);
    assert_eq!(connections.pool.status().available, 1);
}

#[tokio::test]
async fn idle_connections_are_closed_if_the_server_has_not_answered_since_the_operation_began() {
    let connections = connections(done(), MINUTE);
    let timeout = || fail(Failure::Timeout(MINUTE));

    // The server has never answered.
    open_both(&connections).await;
    let result = connections.within_limit(Mode::Read, timeout()).await;
    assert!(matches!(result, Err(Failure::Timeout(_))));
    assert_eq!(connections.pool.status().size, 0);

    // It answered another operation meanwhile. An error is an answer, too.
    for answer in [Ok(()), Err(Failure::Fenced)] {
        open_both(&connections).await;
        let work = async {
            let other = connections.within_limit(Mode::Read, async { answer });
            drop(other.await);
            timeout().await
        };
        connections
            .within_limit(Mode::Read, work)
            .await
            .unwrap_err();
        assert_eq!(connections.pool.status().size, 2);
    }

    // It answered before, and not since.
    connections
        .within_limit(Mode::Read, timeout())
        .await
        .unwrap_err();
    assert_eq!(connections.pool.status().size, 0);

    // A pool that is in use says nothing about the server.
    open_both(&connections).await;
    let work = async {
        let other = connections.within_limit(Mode::Read, fail(Failure::PoolExhausted));
        other.await.unwrap_err();
        timeout().await
    };
    connections
        .within_limit(Mode::Read, work)
        .await
        .unwrap_err();
    assert_eq!(connections.pool.status().size, 0);

    // Any other error closes no connection.
    open_both(&connections).await;
    connections
        .within_limit(Mode::Read, fail(Failure::Fenced))
        .await
        .unwrap_err();
    assert_eq!(connections.pool.status().size, 2);
}

#[tokio::test]
async fn only_reports_and_migrations_may_take_longer_than_the_limit() {
    let connections = connections(done(), Duration::ZERO);
    for mode in [
        Mode::Read,
        Mode::Write,
        Mode::WriteAsync,
        Mode::Report,
        Mode::Migrate,
    ] {
        let is_unlimited = [Mode::Report, Mode::Migrate].contains(&mode);
        let work = async {
            if is_unlimited {
                tokio::time::sleep(Duration::from_millis(5)).await;
            } else {
                std::future::pending::<()>().await;
            }
            Ok(())
        };
        let result = connections.within_limit(mode, work).await;
        assert_eq!(result.is_ok(), is_unlimited, "{mode:?}: {result:?}");
    }
}

#[test]
fn the_debug_output_has_the_limits() {
    let text = format!("{:?}", connections(vec![], MINUTE));
    assert!(text.contains("operation: 60s"), "{text}");
}
