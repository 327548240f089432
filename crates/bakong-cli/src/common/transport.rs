//! The HTTP transport, from the command line and the environment.

use std::ffi::OsString;

use bakong_http::{HyperTransport, HyperTransportBuilder, SetupError};
use khqr_core::Printable;

use crate::common::exit::{Exit, Failure};
use crate::common::files;
use crate::common::options::TransportOptions;
use crate::common::verbose::VerboseTransport;

/// The transport of every session: HTTP, with the log of `--verbose`.
pub(crate) type CommandTransport = VerboseTransport<HyperTransport>;

const DEFAULT_USER_AGENT: &str = concat!("bakong-cli/", env!("CARGO_PKG_VERSION"));

/// Replaces the `User-Agent`. The CDN in front of Bakong has refused some values.
const USER_AGENT: &str = "BAKONG_USER_AGENT";

/// The largest file of certificates in bytes. Mozilla's is 230 kB.
const LARGEST_PEM: u64 = 16 << 20;

/// Creates the transport to a Bakong server.
pub(crate) fn open(
    options: &TransportOptions,
    builder: HyperTransportBuilder,
) -> Result<CommandTransport, Failure> {
    let mut builder = builder
        .user_agent(DEFAULT_USER_AGENT)
        .allow_plain_http(options.allow_plain_http);
    builder = builder.trust_environment().map_err(unusable_authorities)?;
    if let Some(file) = &options.ca_file {
        let invalid =
            |reason: &dyn std::fmt::Display| Failure::usage(format!("--ca-file: {reason}"));
        let pem = files::read(file, LARGEST_PEM).map_err(|failure| invalid(&failure))?;
        let path = file.to_string_lossy();
        builder = builder
            .trust_pem(&pem)
            .map_err(|error| invalid(&format_args!("{}: {error}", Printable(&path))))?;
    }
    if let Some(agent) = variable(USER_AGENT) {
        // Text that is not Unicode gets replacement characters, which the builder refuses.
        builder = builder.user_agent(agent.to_string_lossy());
    }
    let built = builder.build().map(VerboseTransport);
    built.map_err(|error| match error {
        SetupError::UserAgent => Failure::usage(format!("{USER_AGENT}: {error}")),
        error => Failure::new(Exit::NoAnswer, error.to_string()),
    })
}

/// Creates the transport to the sandbox inside this process. It does not depend on the environment.
pub(crate) fn embedded() -> Result<CommandTransport, Failure> {
    HyperTransport::for_watcher()
        .user_agent(DEFAULT_USER_AGENT)
        .build()
        .map(VerboseTransport)
        .map_err(|error| Failure::new(Exit::NoAnswer, error.to_string()))
}

/// The failure of `SSL_CERT_FILE` or `SSL_CERT_DIR`, with its value.
fn unusable_authorities(error: SetupError) -> Failure {
    let (name, why) = match error {
        SetupError::SslCertFile(why) => ("SSL_CERT_FILE", why.to_string()),
        SetupError::SslCertDir => (
            "SSL_CERT_DIR",
            "no file with a valid certificate in PEM".to_owned(),
        ),
        error => return Failure::usage(error.to_string()),
    };
    let value = variable(name).unwrap_or_default();
    let value = value.to_string_lossy();
    Failure::usage(format!("{name}: {}: {why}", Printable(&value)))
}

/// A variable that is set and not empty.
fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}
