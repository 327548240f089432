//! The HTTP transport, from the command line and the environment.

use std::ffi::OsString;
use std::path::Path;

use bakong_http::{HyperTransport, HyperTransportBuilder, Roots, SetupError};
use khqr_core::Printable;

use crate::common::exit::{Exit, Failure};
use crate::common::files;
use crate::common::options::TransportOptions;

const DEFAULT_USER_AGENT: &str = concat!("bakong-cli/", env!("CARGO_PKG_VERSION"));

/// Replaces the `User-Agent`. The CDN in front of Bakong has refused some values.
const USER_AGENT: &str = "BAKONG_USER_AGENT";

/// These variables replace the built-in certificate authorities, as they do for OpenSSL and curl.
const CERTIFICATE_VARIABLES: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// The largest file of certificates in bytes. Mozilla's is 230 kB.
const LARGEST_PEM: u64 = 16 << 20;

/// Creates the transport to a Bakong.
pub(crate) fn open(
    options: &TransportOptions,
    builder: HyperTransportBuilder,
) -> Result<HyperTransport, Failure> {
    let mut builder = builder
        .user_agent(DEFAULT_USER_AGENT)
        .allow_plain_http(options.allow_plain_http);
    if let Some(file) = variable(CERTIFICATE_VARIABLES[0]) {
        // Tested here, because the loader ignores files that it cannot read.
        files::open(Path::new(&file), LARGEST_PEM).map_err(|failure| {
            Failure::usage(format!("{}: {failure}", CERTIFICATE_VARIABLES[0]))
        })?;
    }
    if CERTIFICATE_VARIABLES
        .into_iter()
        .any(|name| variable(name).is_some())
    {
        builder = builder.roots(Roots::Platform);
    }
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
    builder.build().map_err(|error| match error {
        SetupError::UserAgent => Failure::usage(format!("{USER_AGENT}: {error}")),
        SetupError::NoPlatformRoots => Failure::usage(format!(
            "{}: no certificate authority found",
            CERTIFICATE_VARIABLES.join(", ")
        )),
        error => Failure::new(Exit::NoAnswer, error.to_string()),
    })
}

/// Creates the transport to the sandbox inside this process. It does not depend on the environment.
pub(crate) fn embedded() -> Result<HyperTransport, Failure> {
    HyperTransport::for_watcher()
        .user_agent(DEFAULT_USER_AGENT)
        .build()
        .map_err(|error| Failure::new(Exit::NoAnswer, error.to_string()))
}

/// A variable that is set and not empty.
fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}
