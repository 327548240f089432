//! The command line of `bakong serve`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{ArgGroup, Args};

pub(super) const HELP: &str = "\
The server takes KHQR payments for shops in any language: they create payments over HTTP and learn of the money by events. \
Open /docs for the API. It runs until Ctrl-C or another signal.

--sandbox needs no configuration and no network: payments are made in a sandbox inside this process. It serves a demo shop, and \
prints its address, a one-time link to the dashboard, the API's documentation and a test key. --config names a TOML \
file for a real Bakong. Each of its settings is also a variable, for example BAKONG_SERVER_MERCHANT_NAME for name in the \
section [merchant].

The first start of a store creates an API key and prints it. The store has only its hash. With --sandbox, BAKONG_TEST_KEY \
sets a key that a script knows in advance.

The dashboard needs a password: --hash-password prints its hash for the setting dashboard_password_hash. Without a password, each start prints \
a link that can be used once within a day.

Exit codes: 0 stopped, 1 the server cannot start, 2 usage error.";

#[derive(Args, Debug)]
#[command(group = ArgGroup::new("mode").required(true).args(["config", "sandbox", "hash_password"]))]
pub(crate) struct ServeArguments {
    /// Serve test payments from a sandbox inside this process
    #[arg(long)]
    pub(crate) sandbox: bool,
    /// Read the configuration from this TOML file
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The folder for the payments of --sandbox. Without it, they are deleted at the end
    #[arg(
        long,
        value_name = "FOLDER",
        requires = "sandbox",
        conflicts_with = "config"
    )]
    pub(crate) data: Option<PathBuf>,
    /// Where to listen with --sandbox: an address and a port. Port 0 selects a free port
    #[arg(
        long,
        value_name = "ADDRESS:PORT",
        default_value = "127.0.0.1:8600",
        conflicts_with = "config"
    )]
    pub(crate) listen: SocketAddr,
    /// Read a password for the dashboard from standard input, print its hash for the setting `dashboard_password_hash`, and stop
    #[arg(long, conflicts_with = "json")]
    pub(crate) hash_password: bool,
    /// Print one JSON object when the server is ready
    #[arg(long)]
    pub(crate) json: bool,
}
