//! Looks up hosts as the operating system does, and marks the errors of a lookup.
//!
//! hyper-util reports a failed lookup and a refused connection alike. They need different advice, since NBC's
//! hosts are reachable under two domains.
//!
//! A resolver may be restricted to this machine. The name `localhost` proves nothing: a hosts file or a name server
//! may give it the address of another machine, which would receive the token unencrypted.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::vec;

use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use tower_service::Service;

#[derive(Clone, Debug)]
pub(crate) struct Resolver {
    system: GaiResolver,
    reach: Reach,
    /// Replaces the operating system's lookup, as a hosts file would.
    #[cfg(test)]
    pub(crate) hosts_file: Option<Vec<IpAddr>>,
}

/// Which addresses a resolver returns.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Reach {
    Anywhere,
    /// Only loopback addresses.
    ThisMachine,
}

impl Resolver {
    pub(crate) fn new(reach: Reach) -> Self {
        Self {
            system: GaiResolver::new(),
            reach,
            #[cfg(test)]
            hosts_file: None,
        }
    }
}

impl Service<Name> for Resolver {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = LookupError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, LookupError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), LookupError>> {
        self.system.poll_ready(context).map_err(LookupError::Failed)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let reach = self.reach;
        #[cfg(test)]
        if let Some(addresses) = &self.hosts_file {
            let addresses = addresses.iter().map(|ip| SocketAddr::new(*ip, 0));
            let found = reach.restrict(addresses.collect());
            return Box::pin(async { found.map(Vec::into_iter) });
        }
        let lookup = self.system.call(name);
        Box::pin(async move {
            let found = lookup.await.map_err(LookupError::Failed)?;
            reach.restrict(found.collect()).map(Vec::into_iter)
        })
    }
}

impl Reach {
    /// Removes the addresses that may not be used.
    ///
    /// # Errors
    /// [`LookupError::OtherMachine`] if none is left.
    fn restrict(self, mut addresses: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, LookupError> {
        if self == Self::ThisMachine {
            let first = addresses.first().map(SocketAddr::ip);
            addresses.retain(|address| address.ip().to_canonical().is_loopback());
            if let (true, Some(other)) = (addresses.is_empty(), first) {
                return Err(LookupError::OtherMachine(other));
            }
        }
        Ok(addresses)
    }
}

/// The host has no usable address.
#[derive(Debug)]
pub(crate) enum LookupError {
    /// The host name has no address, or no name server answered.
    Failed(io::Error),
    /// A name of this machine, such as `localhost`, resolves to the address of another machine.
    OtherMachine(IpAddr),
}

impl fmt::Display for LookupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => error.fmt(f),
            Self::OtherMachine(address) => write!(
                f,
                "the name leads to {address}, which is not this machine, and http without TLS would expose the token \
                 to the network; correct the hosts file, use http://127.0.0.1, or set allow_plain_http if the network is \
                 trusted"
            ),
        }
    }
}

impl std::error::Error for LookupError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_addresses_are_this_machine() {
        let restrict = |reach: Reach, list: &[&str]| {
            let addresses = list
                .iter()
                .map(|ip| SocketAddr::new(ip.parse().unwrap(), 0));
            let left = reach.restrict(addresses.collect())?;
            Ok::<_, LookupError>(
                left.iter()
                    .map(|it| it.ip().to_string())
                    .collect::<Vec<_>>(),
            )
        };
        let all = [
            "192.0.2.1",
            "127.0.0.1",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:192.0.2.1",
            "0.0.0.0",
            "::",
        ];
        assert_eq!(restrict(Reach::Anywhere, &all).unwrap(), all);
        assert_eq!(restrict(Reach::ThisMachine, &all).unwrap(), all[1..4]);
        for other in ["192.0.2.1", "10.0.0.1", "2001:db8::1", "0.0.0.0", "::"] {
            let error = restrict(Reach::ThisMachine, &[other]).unwrap_err();
            assert!(error.to_string().contains(other), "{error}");
        }
    }
}
