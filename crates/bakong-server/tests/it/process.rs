//! Servers in processes of their own, which tests kill.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::process::{Child, Command};

/// The variable with the path of the configuration of a process. Its report is a file beside it.
const CONFIG: &str = "BAKONG_TEST_CONFIG";

/// Returns the configuration of this process; `None` if no test started it.
pub(crate) fn config() -> Option<PathBuf> {
    std::env::var_os(CONFIG).map(PathBuf::from)
}

/// Reports to the test that this process runs, and waits until it is killed.
pub(crate) async fn run_until_killed(config: &Path, about: &Value) {
    // The file appears as a whole.
    let file = config.with_extension("starting");
    std::fs::write(&file, about.to_string()).unwrap();
    std::fs::rename(file, config.with_extension("started")).unwrap();
    std::future::pending::<()>().await;
}

/// A server in another process.
pub(crate) struct Process {
    child: Child,
    /// What the process reported.
    pub(crate) about: Value,
}

impl Process {
    /// Runs an ignored test in another process, and waits for its report.
    pub(crate) async fn start(test: &str, config: &Path) -> Self {
        let started = config.with_extension("started");
        let _ = std::fs::remove_file(&started);
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--ignored"])
            .env(CONFIG, config)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        loop {
            if let Ok(text) = std::fs::read_to_string(&started) {
                let about = serde_json::from_str(&text).unwrap();
                return Self { child, about };
            }
            assert!(child.try_wait().unwrap().is_none(), "the process ended");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address_of("address")
    }

    pub(crate) fn address_of(&self, name: &str) -> SocketAddr {
        self.about[name].as_str().unwrap().parse().unwrap()
    }

    pub(crate) async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }
}
