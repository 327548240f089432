//! The store behind `PgBouncer`, which gives each transaction another session of the server.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use bakong_flow::store::contract::sample::md5;
use bakong_flow::store::contract::{self, Fixture};
use bakong_flow::store::{Command, CommandQueue, LeaderLease};
use bakong_store::{PostgresDatabase, PostgresOptions, PostgresStore, Registration};
use tempfile::TempDir;

use super::cluster::{free_port, report_missing};
use super::setup::{commit, lead};
use super::{Database, registration};

/// How many sessions of the server all clients share.
const SESSIONS: usize = 2;

/// A running `PgBouncer` in the mode `transaction`.
struct PgBouncer {
    port: u16,
    child: Child,
    /// The configuration and the log.
    _folder: TempDir,
}

impl PgBouncer {
    /// Returns `None` if it is not installed.
    fn start(database: &Database) -> Option<Self> {
        let Some(program) = program() else {
            report_missing(
                "PGBOUNCER IS NOT INSTALLED: its tests did not run. Install the package `pgbouncer`",
            );
            return None;
        };
        let (mut command, folder) = database.cluster.command(&program);
        let port = free_port();
        let file = |name| folder.path().join(name).display().to_string();
        fs::write(file("users"), "\"postgres\" \"\"\n").unwrap();
        let configuration = format!(
            "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = trust\nauth_file = {}\nlogfile = {}\npool_mode = transaction\n\
             default_pool_size = {SESSIONS}\nmax_client_conn = 200\n",
            database.cluster.port(),
            file("users"),
            file("log"),
        );
        fs::write(file("pgbouncer.ini"), configuration).unwrap();
        make_readable(folder.path());
        let child = command
            .args(["-q", &file("pgbouncer.ini")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            let log = fs::read_to_string(file("log"));
            assert!(Instant::now() < deadline, "it does not start: {log:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(Self {
            port,
            child,
            _folder: folder,
        })
    }

    async fn open(&self, database: &Database) -> PostgresDatabase {
        let server = format!(":{}/", database.cluster.port());
        let url = database.url().replace(&server, &format!(":{}/", self.port));
        let mut options = PostgresOptions::default();
        options.connections = 3;
        options.open(&url).await.unwrap()
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into()]);
    let mut programs = folders.map(|folder| folder.join("pgbouncer"));
    programs.find(|program| program.is_file())
}

/// Lets the user of the server read the folder.
fn make_readable(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(folder, PermissionsExt::from_mode(0o777)).unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        fs::set_permissions(path, PermissionsExt::from_mode(0o644)).unwrap();
    }
}

/// A registration that several processes open.
struct Shop {
    databases: Vec<PostgresDatabase>,
    registration: Registration,
    next: std::sync::atomic::AtomicUsize,
}

#[async_trait::async_trait]
impl Fixture for Shop {
    type Store = PostgresStore;

    async fn open(&self) -> PostgresStore {
        let next = self.next.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let database = &self.databases[next % self.databases.len()];
        database.store(&self.registration).await.unwrap()
    }

    async fn expire_lease(&self) {
        self.open().await.expire_lease().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_follows_the_contract_behind_pgbouncer() {
    let Some(database) = Database::new() else {
        return;
    };
    let Some(pgbouncer) = PgBouncer::start(&database) else {
        return;
    };
    // Together, these have more connections than there are sessions.
    let databases = [
        pgbouncer.open(&database).await,
        pgbouncer.open(&database).await,
    ];
    contract::run(async || Shop {
        databases: databases.to_vec(),
        registration: registration(),
        next: 0.into(),
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_share_the_sessions_of_pgbouncer() {
    let Some(database) = Database::new() else {
        return;
    };
    let Some(pgbouncer) = PgBouncer::start(&database) else {
        return;
    };
    let opened = [
        pgbouncer.open(&database).await,
        pgbouncer.open(&database).await,
    ];
    let mut workers = Vec::new();
    for number in 0..12 {
        let store = opened[number % 2].store(&registration()).await.unwrap();
        workers.push(tokio::spawn(async move {
            let epoch = lead(&store).await;
            for sequence in 1..=10 {
                commit(&store, epoch, sequence).await.unwrap();
                store.renew(epoch, Duration::from_secs(60)).await.unwrap();
            }
        }));
    }
    for worker in workers {
        worker.await.unwrap();
    }
    assert_eq!(
        database.sql("SELECT count(*), count(DISTINCT registration) FROM bakong.payments"),
        "120|12"
    );
    let sessions = database.sql(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
    );
    assert!(sessions.parse::<usize>().unwrap() <= SESSIONS, "{sessions}");
    for database in opened {
        let state = database.session_state().await.unwrap();
        assert_eq!(state[..2], ["0 prepared statements", "0 locks"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_cross_pgbouncer() {
    let Some(database) = Database::new() else {
        return;
    };
    let Some(pgbouncer) = PgBouncer::start(&database) else {
        return;
    };
    let name = registration();
    let follower = pgbouncer.open(&database).await.store(&name).await.unwrap();
    let leader = pgbouncer.open(&database).await.store(&name).await.unwrap();
    let id = follower
        .submit("key", &Command::Nudge { md5: md5(1) })
        .await
        .unwrap();
    let pending = leader.pending(10).await.unwrap();
    assert_eq!(pending.len(), 1);
    let withdrawn = leader.withdraw(id).await.unwrap();
    assert_eq!(follower.result(id).await.unwrap(), Some(withdrawn));
}
