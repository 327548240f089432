//! Transactions on pooled connections. All statements that are known in advance are sent at once.
//!
//! A transaction sets what it needs by itself, because a transaction-pooling proxy may give each transaction another
//! session of the server.

#[cfg(test)]
mod tests;

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use deadpool_postgres::{Object, Pool};
use tokio::time::Instant;
use tokio_postgres::Row;

use super::failure::Failure;
use super::statement::Statement;

/// The kinds of transactions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Mode {
    /// Reads the state of one moment.
    Read,
    /// Reads the state of one moment, for as long as it takes.
    Report,
    /// Reads and writes. Returns from the commit after the data has reached the disk.
    Write,
    /// Writes what may be lost if the server crashes.
    WriteAsync,
    /// Changes the schema.
    Migrate,
}

/// How long to wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// For the lock of a row.
    pub(super) lock: Duration,
    /// For a statement.
    pub(super) statement: Duration,
    /// For all of an operation of this process, with the connection.
    pub(super) operation: Duration,
}

/// The statements that begin a transaction of each mode.
#[derive(Debug)]
struct Begin {
    read: Box<str>,
    report: Box<str>,
    write: Box<str>,
    write_async: Box<str>,
    migrate: Box<str>,
}

impl Begin {
    fn new(limits: &Limits) -> Self {
        // A worker that dies in a transaction must not keep its locks for longer than a lease lasts.
        let (lock, statement) = (limits.lock.as_millis(), limits.statement.as_millis());
        let limits = format!(
            "SET LOCAL search_path = bakong, pg_temp; SET LOCAL statement_timeout = {statement}; \
             SET LOCAL lock_timeout = {lock}; SET LOCAL idle_in_transaction_session_timeout = {statement}"
        );
        // A commit must be durable even if the configuration of the user or the server trades that for speed.
        let durable = "SELECT set_config('synchronous_commit', 'on', true) \
            WHERE current_setting('synchronous_commit') = 'off'";
        let path = "SET LOCAL search_path = bakong, pg_temp";
        let read = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        // Not `READ WRITE`: a replica would report that it lacks a feature, instead of that it is read-only.
        let write = "BEGIN ISOLATION LEVEL READ COMMITTED";
        Self {
            read: format!("{read}; {limits}").into(),
            report: format!("{read}; {path}; SET LOCAL statement_timeout = 0").into(),
            write: format!("{write}; {limits}; {durable}").into(),
            write_async: format!("{write}; {limits}; SET LOCAL synchronous_commit = off").into(),
            migrate: format!(
                "{write}; {path}; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0"
            )
            .into(),
        }
    }

    fn of(&self, mode: Mode) -> &str {
        match mode {
            Mode::Read => &self.read,
            Mode::Report => &self.report,
            Mode::Write => &self.write,
            Mode::WriteAsync => &self.write_async,
            Mode::Migrate => &self.migrate,
        }
    }
}

/// The connections of a purpose.
pub(super) struct Connections {
    pool: Pool,
    begin: Begin,
    limits: Limits,
    /// When the server last answered on a connection of this pool.
    answered_at: Mutex<Option<Instant>>,
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl Connections {
    pub(super) fn new(pool: Pool, limits: Limits) -> Self {
        Self {
            pool,
            begin: Begin::new(&limits),
            limits,
            answered_at: Mutex::new(None),
        }
    }

    /// Executes the statements in one transaction and one round trip. Returns the rows of each.
    pub(super) async fn run(
        &self,
        mode: Mode,
        statements: &[Statement<'_>],
    ) -> Result<Vec<Vec<Row>>, Failure> {
        self.within_limit(mode, async {
            let session = Session::new(self.pool.get().await?);
            let begin = self.begin.of(mode);
            session.end(Some(begin), statements, "COMMIT").await
        })
        .await
    }

    /// Executes the statements as [`run`](Self::run) does, on the first connection of this pool or of `others` that is free.
    pub(super) async fn run_on_first(
        &self,
        others: &Self,
        mode: Mode,
        statements: &[Statement<'_>],
    ) -> Result<Vec<Vec<Row>>, Failure> {
        self.within_limit(mode, async {
            let object = tokio::select! {
                biased;
                own = self.pool.get() => own?,
                other = others.pool.get() => other?,
            };
            let begin = self.begin.of(mode);
            Session::new(object)
                .end(Some(begin), statements, "COMMIT")
                .await
        })
        .await
    }

    /// Begins a transaction of several round trips, and executes its first statements.
    ///
    /// Call it within [`limited`](Self::limited).
    pub(super) async fn begin(
        &self,
        mode: Mode,
        statements: &[Statement<'_>],
    ) -> Result<(Session, Vec<Vec<Row>>), Failure> {
        let session = Session::new(self.pool.get().await?);
        match session
            .send(Some(self.begin.of(mode)), statements, None)
            .await
        {
            Ok(rows) => Ok((session, rows)),
            Err(failure) => {
                if !failure.is_disconnect() {
                    session.roll_back().await?;
                }
                Err(failure)
            }
        }
    }

    /// Limits the time of an operation.
    pub(super) async fn limited<T>(
        &self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        self.within_limit(Mode::Write, work).await
    }

    /// Returns what a session of the server keeps between transactions.
    #[cfg(feature = "testing")]
    pub(super) async fn session_state(&self) -> Result<Vec<String>, Failure> {
        let session = Session::new(self.pool.get().await?);
        let select = Statement::new(
            "SELECT (SELECT count(*) FROM pg_prepared_statements WHERE name <> '') || ' prepared statements' UNION ALL \
             SELECT count(*) || ' locks' FROM pg_locks WHERE pid = pg_backend_pid() AND locktype IN ('advisory', 'tuple') \
             UNION ALL SELECT 'search_path ' || current_setting('search_path') \
             UNION ALL SELECT 'statement_timeout ' || current_setting('statement_timeout')",
        );
        let rows = session.execute(&[select]).await?;
        let rows = rows.iter().flatten();
        rows.map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// Closes all connections. Later transactions fail.
    pub(super) fn close(&self) {
        self.pool.close();
    }

    async fn within_limit<T>(
        &self,
        mode: Mode,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let limit = self.limits.operation;
        let began_at = Instant::now();
        let result = match mode {
            Mode::Report | Mode::Migrate => work.await,
            _ => match tokio::time::timeout(limit, work).await {
                Ok(result) => result,
                Err(_) => Err(Failure::Timeout(limit)),
            },
        };
        let mut answered_at = self
            .answered_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match &result {
            Err(failure) if failure.is_disconnect() => {
                // Without an answer since this operation began, the idle connections are probably broken too, and each
                // would have to be waited for. With one, the server is only slow, and new connections would make it slower.
                if answered_at.is_none_or(|at| at < began_at) {
                    self.pool.retain(|_, _| false);
                }
            }
            // This process is the cause.
            Err(Failure::PoolExhausted) => {}
            _ => *answered_at = Some(Instant::now()),
        }
        drop(answered_at);
        result
    }
}

/// A connection with an open transaction. If it is dropped before its end, the connection is closed and not used again,
/// so that the server rolls the transaction back.
#[derive(Debug)]
pub(super) struct Session(Option<Object>);

impl Session {
    fn new(object: Object) -> Self {
        Self(Some(object))
    }

    /// Executes statements in one round trip.
    pub(super) async fn execute(
        &self,
        statements: &[Statement<'_>],
    ) -> Result<Vec<Vec<Row>>, Failure> {
        self.send(None, statements, None).await
    }

    /// Executes statements without parameters.
    pub(super) async fn batch(&self, sql: &str) -> Result<(), Failure> {
        let client = self.0.as_ref().ok_or_else(ended)?;
        Ok(client.batch_execute(sql).await?)
    }

    /// Executes statements and commits, in one round trip.
    pub(super) async fn commit(
        self,
        statements: &[Statement<'_>],
    ) -> Result<Vec<Vec<Row>>, Failure> {
        self.end(None, statements, "COMMIT").await
    }

    pub(super) async fn roll_back(self) -> Result<(), Failure> {
        self.end(None, &[], "ROLLBACK").await.map(drop)
    }

    /// Executes statements and ends the transaction, in one round trip.
    async fn end(
        mut self,
        begin: Option<&str>,
        statements: &[Statement<'_>],
        end: &str,
    ) -> Result<Vec<Vec<Row>>, Failure> {
        let result = self.send(begin, statements, Some(end)).await;
        let is_reusable = match &result {
            Ok(_) => true,
            // After an error of the server, `COMMIT` has rolled the transaction back.
            Err(failure) => !failure.is_disconnect(),
        };
        if is_reusable {
            // Returns the connection to the pool.
            drop(self.0.take());
        }
        result
    }

    async fn send(
        &self,
        begin: Option<&str>,
        statements: &[Statement<'_>],
        end: Option<&str>,
    ) -> Result<Vec<Vec<Row>>, Failure> {
        let client = self.0.as_ref().ok_or_else(ended)?;
        type Step<'f> = Pin<Box<dyn Future<Output = Result<Vec<Row>, Failure>> + Send + 'f>>;
        let batch = |sql| -> Step<'_> {
            Box::pin(async move {
                client.batch_execute(sql).await?;
                Ok(Vec::new())
            })
        };
        let mut steps: Vec<Step<'_>> = Vec::with_capacity(statements.len() + 2);
        steps.extend(begin.map(batch));
        for statement in statements {
            steps.push(Box::pin(async move {
                let params = statement.params();
                Ok(client.query_typed(&statement.sql, &params).await?)
            }));
        }
        steps.extend(end.map(batch));
        let mut results = in_order(steps).await.into_iter();
        if begin.is_some()
            && let Some(result) = results.next()
        {
            result?;
        }
        // After the first error, the others only say that the transaction is aborted.
        let mut rows = results.collect::<Result<Vec<_>, _>>()?;
        if end.is_some() {
            rows.pop();
        }
        Ok(rows)
    }
}

fn ended() -> Failure {
    Failure::fatal("the transaction has ended")
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(object) = self.0.take() {
            drop(Object::take(object));
        }
    }
}

/// Waits for all futures. Polls them in order, so that the first poll, which sends a statement, does so in order, and
/// without a wait in between: either all statements are sent or none.
async fn in_order<T>(mut futures: Vec<Pin<Box<dyn Future<Output = T> + Send + '_>>>) -> Vec<T> {
    let mut results: Vec<Option<T>> = futures.iter().map(|_| None).collect();
    poll_fn(|context| {
        let mut is_ready = true;
        for (future, result) in futures.iter_mut().zip(&mut results) {
            if result.is_some() {
                continue;
            }
            match future.as_mut().poll(context) {
                Poll::Ready(value) => *result = Some(value),
                Poll::Pending => is_ready = false,
            }
        }
        if is_ready {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    results.into_iter().flatten().collect()
}
