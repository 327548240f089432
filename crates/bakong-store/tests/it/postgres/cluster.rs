//! A PostgreSQL server for the tests, started from the installed binaries and deleted at the end.
//!
//! Without the binaries, the tests that need them report that they did not run. With `BAKONG_REQUIRE_POSTGRES=1`, which CI
//! sets, they fail.

use std::env;
use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Runs the server. Stops it and deletes its data when the tests end, in whatever way: the tests hold the other end of the
/// standard input.
const WATCH: &str = r#"
"$1/postgres" -D "$2/data" >"$2/log" 2>&1 &
read -r _
"$1/pg_ctl" stop -D "$2/data" -m immediate >/dev/null 2>&1
wait
rm -rf "$2"
"#;

/// A running server.
#[derive(Debug)]
pub(crate) struct Cluster {
    binaries: PathBuf,
    folder: PathBuf,
    port: u16,
    user: Option<u32>,
    watch: Child,
}

impl Cluster {
    /// Returns the server that the tests of this process share. It does not wait for the disk.
    pub(crate) fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Cluster>> = OnceLock::new();
        let start = || Self::start("fsync = off\nfull_page_writes = off\n");
        SHARED.get_or_init(start).as_ref()
    }

    /// Starts a server with more lines for its configuration.
    pub(crate) fn start(configuration: &str) -> Option<Self> {
        Self::start_with(configuration, &[])
    }

    /// Starts a server with more lines for its configuration, and with files in the folder of its data.
    pub(crate) fn start_with(configuration: &str, files: &[(&str, &str)]) -> Option<Self> {
        let Some(binaries) = binaries() else {
            report_missing(
                "PostgreSQL IS NOT INSTALLED: its tests did not run. Install the package `postgresql`, or put \
                 the folder of `initdb` into PATH",
            );
            return None;
        };
        let temporary = tempfile::Builder::new()
            .prefix("bakong-pg")
            .tempdir()
            .unwrap();
        let user = unprivileged_user(&temporary);
        let folder = temporary.keep();
        fs::set_permissions(&folder, PermissionsExt::from_mode(0o755)).unwrap();
        if let Some(user) = user {
            chown(&folder, Some(user), Some(user)).unwrap();
        }
        let data = folder.join("data");
        let initdb = command(&binaries.join("initdb"), user)
            .args([
                "--auth=trust",
                "--username=postgres",
                "--encoding=UTF8",
                "--no-sync",
            ])
            .args(["--locale=C", "--pgdata"])
            .arg(&data)
            .output()
            .unwrap();
        assert!(initdb.status.success(), "{initdb:?}");
        let port = free_port();
        let configuration = format!(
            "listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = '{}'\nmax_connections = 400\n\
             shared_buffers = 64MB\nautovacuum_naptime = 5s\nlogging_collector = off\n{configuration}",
            folder.display()
        );
        let mut file = fs::OpenOptions::new()
            .append(true)
            .open(data.join("postgresql.conf"))
            .unwrap();
        file.write_all(configuration.as_bytes()).unwrap();
        let trust = "local all all trust\nhost all locked all scram-sha-256\nhost all all 127.0.0.1/32 trust\n\
            local replication all trust\n";
        fs::write(data.join("pg_hba.conf"), trust).unwrap();
        for (name, contents) in files {
            let path = data.join(name);
            fs::write(&path, contents).unwrap();
            // The server refuses a private key that others can read.
            fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
            if let Some(user) = user {
                chown(&path, Some(user), Some(user)).unwrap();
            }
        }
        let cluster = Self::watch(binaries, folder, port, user);
        cluster.sql(
            "postgres",
            "CREATE ROLE locked LOGIN PASSWORD 'ge/heim'; CREATE ROLE guest LOGIN",
        );
        Some(cluster)
    }

    /// Starts the server with the data in `folder`.
    fn watch(binaries: PathBuf, folder: PathBuf, port: u16, user: Option<u32>) -> Self {
        let watch = command(Path::new("sh"), user)
            .args(["-c", WATCH, "sh"])
            .arg(&binaries)
            .arg(&folder)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let cluster = Self {
            binaries,
            folder,
            port,
            user,
            watch,
        };
        cluster.wait_until_ready();
        cluster
    }

    /// Kills all processes of the server.
    pub(crate) fn crash(&self) {
        let output = self.run("pg_ctl", &["stop", "-m", "immediate"]);
        assert!(output.status.success(), "{output:?}");
    }

    /// Starts the server again after a crash.
    pub(crate) fn restart(&self) {
        let log = self.folder.join("log");
        let output = self.run("pg_ctl", &["start", "-w", "-l", log.to_str().unwrap()]);
        assert!(output.status.success(), "{output:?}");
    }

    /// Starts a replica of the server.
    pub(crate) fn replica(&self) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("bakong-pg")
            .tempdir()
            .unwrap()
            .keep();
        if let Some(user) = self.user {
            chown(&folder, Some(user), Some(user)).unwrap();
        }
        let data = folder.join("data");
        let port = free_port();
        let output = self.run(
            "pg_basebackup",
            &[
                "--write-recovery-conf",
                "--checkpoint=fast",
                "--no-sync",
                "--username=postgres",
                "--host",
                self.folder.to_str().unwrap(),
                "--port",
                &self.port.to_string(),
                "--pgdata",
                data.to_str().unwrap(),
            ],
        );
        assert!(output.status.success(), "{output:?}");
        let configuration = format!(
            "\nport = {port}\nunix_socket_directories = '{}'\n",
            folder.display()
        );
        let mut file = fs::OpenOptions::new()
            .append(true)
            .open(data.join("postgresql.conf"))
            .unwrap();
        file.write_all(configuration.as_bytes()).unwrap();
        Self::watch(self.binaries.clone(), folder, port, self.user)
    }

    fn wait_until_ready(&self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !self.psql("postgres", "SELECT 1").status.success() {
            let log = fs::read_to_string(self.folder.join("log"));
            assert!(
                Instant::now() < deadline,
                "the server does not start: {log:?}"
            );
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Creates a database and returns its name.
    pub(crate) fn create_database(&self) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let name = format!("test_{}", NEXT.fetch_add(1, Ordering::SeqCst));
        self.sql("postgres", &format!("CREATE DATABASE {name}"));
        name
    }

    /// Returns the connection string of a database.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// Returns a command that runs a program as the user of the server, and a folder that this user can write.
    pub(crate) fn command(&self, program: &Path) -> (Command, TempDir) {
        let folder = tempfile::Builder::new()
            .prefix("bakong-pg")
            .tempdir()
            .unwrap();
        if let Some(user) = self.user {
            chown(folder.path(), Some(user), Some(user)).unwrap();
        }
        (command(program, self.user), folder)
    }

    /// Executes SQL and returns the rows as text.
    pub(crate) fn sql(&self, database: &str, sql: &str) -> String {
        let output = self.psql(database, sql);
        assert!(output.status.success(), "{sql}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn psql(&self, database: &str, sql: &str) -> std::process::Output {
        let mut psql = Command::new(self.binaries.join("psql"));
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql])
            .arg(self.url(database));
        psql.output().unwrap()
    }

    /// Runs a program of PostgreSQL as the user of the server, with the folder of the data.
    fn run(&self, program: &str, arguments: &[&str]) -> std::process::Output {
        let mut command = command(&self.binaries.join(program), self.user);
        command
            .env("PGDATA", self.folder.join("data"))
            .args(arguments);
        command.output().unwrap()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.watch.stdin.take());
        let _ = self.watch.wait();
    }
}

/// Reports that tests did not run because a program is missing. With `BAKONG_REQUIRE_POSTGRES`, fails instead.
pub(crate) fn report_missing(message: &str) {
    assert!(
        env::var_os("BAKONG_REQUIRE_POSTGRES").is_none(),
        "{message}"
    );
    // `print!` would be captured.
    let _ = writeln!(std::io::stderr().lock(), "\n*** {message} ***\n");
}

/// Returns a port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn command(program: &Path, user: Option<u32>) -> Command {
    let mut command = Command::new(program);
    command.current_dir("/").env("LC_ALL", "C");
    if let Some(user) = user {
        command.uid(user).gid(user);
    }
    command
}

/// Returns the user to run the server as: it refuses to run as root.
fn unprivileged_user(folder: &TempDir) -> Option<u32> {
    if fs::metadata(folder.path()).unwrap().uid() != 0 {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let id = |name: &str| {
        let line = users
            .lines()
            .find(|line| line.split(':').next() == Some(name))?;
        line.split(':').nth(2)?.parse().ok()
    };
    id("postgres").or_else(|| id("nobody"))
}

/// Returns the folder with the programs of the newest server.
fn binaries() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let in_path = env::split_paths(&path).collect::<Vec<_>>();
    let mut packaged: Vec<_> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let version: u32 = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    packaged.sort();
    let packaged = packaged.into_iter().rev().map(|(_, folder)| folder);
    let has_programs = |folder: &PathBuf| {
        ["initdb", "postgres", "psql"]
            .iter()
            .all(|name| folder.join(name).is_file())
    };
    in_path.into_iter().chain(packaged).find(has_programs)
}
