//! Why the server does not start.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use bakong_flow::store::StoreError;

/// Why the server does not start: a sentence that says what to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StartError(String);

impl StartError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    /// The address of a setting cannot be used.
    pub(crate) fn bind(setting: &str, address: SocketAddr, error: &io::Error) -> Self {
        let what = match error.kind() {
            io::ErrorKind::AddrInUse => {
                "another program uses the port; stop it, or choose another port"
            }
            io::ErrorKind::PermissionDenied => {
                "only an administrator may use a port below 1024; choose another one"
            }
            io::ErrorKind::AddrNotAvailable => {
                "this machine does not have the address; choose another one"
            }
            _ => "choose another address",
        };
        Self(format!(
            "cannot listen on {address}: {error}: {what} with {setting}"
        ))
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StartError {}

impl From<StoreError> for StartError {
    fn from(error: StoreError) -> Self {
        Self(error.to_string())
    }
}
