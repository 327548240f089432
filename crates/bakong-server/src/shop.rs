//! A shop: one registration, its watcher, its clock and its merchant.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use bakong_flow::store::PaymentStore;
use bakong_flow::{Clock, Policy, SystemClock, Watcher};
use bakong_http::HyperTransport;
use bakong_sandbox::Sandbox;
use bakong_store::Books;
use khqr_core::Timestamp;

use crate::merchant::Merchant;
use crate::metrics::Metrics;
use crate::opened::Opened;

/// The name under which the server acknowledges the events of the store.
pub(crate) const CONSUMER: &str = "bakong-server";

/// A store with payments that can be watched and listed.
pub(crate) trait ShopStore: PaymentStore + Books + 'static {}

impl<S: PaymentStore + Books + 'static> ShopStore for S {}

/// Which Bakong the money moves at.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Mode {
    /// A real one.
    Live,
    /// The sandbox inside this process.
    Test,
}

impl Mode {
    /// Returns the name for people and addresses.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }

    /// Returns how the keys of this mode begin.
    pub(crate) const fn key_prefix(self) -> &'static str {
        match self {
            Self::Live => "sk_live_",
            Self::Test => "sk_test_",
        }
    }
}

/// One registration for which the server takes payments.
pub(crate) struct Shop {
    /// The id in the tables of the server.
    pub(crate) id: i64,
    pub(crate) mode: Mode,
    pub(crate) watcher: Watcher<HyperTransport>,
    pub(crate) store: Arc<dyn ShopStore>,
    pub(crate) merchant: Merchant,
    pub(crate) policy: Policy,
    /// How long a code is valid, unless the request says otherwise.
    pub(crate) expires_in: Duration,
    /// How long to look for the payment of a code that another program created, from the first question on.
    pub(crate) dropin_expires_in: Duration,
    /// Whether to request a deep link for each code.
    pub(crate) deeplinks: bool,
    /// Whether the server renews the token.
    pub(crate) renews_token: bool,
    pub(crate) metrics: Metrics,
    /// The payments whose codes may be shown, and whose rows do not say so yet.
    pub(crate) opened: Opened,
    /// Whether the last attempt to read or to apply an event of the store failed.
    pub(crate) has_stuck_events: AtomicBool,
    /// The public address of the server, without a slash at the end.
    pub(crate) public_url: Arc<str>,
}

impl Shop {
    /// Returns the address of the checkout page with this token.
    pub(crate) fn checkout_url(&self, token: &str) -> String {
        format!("{}/pay/{token}", self.public_url)
    }

    /// The time at this shop's Bakong: the clock of this machine, corrected by the `Date` of the answers.
    pub(crate) fn now(&self) -> Timestamp {
        self.watcher.session().now()
    }
}

impl std::fmt::Debug for Shop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shop")
            .field("id", &self.id)
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}

/// The clock of a shop: the system's, or the sandbox's, which its users can move.
#[derive(Clone, Debug)]
pub(crate) enum ShopClock {
    System,
    Sandbox(Arc<Sandbox>),
}

impl ShopClock {
    /// How often to look whether the clock of the sandbox was moved.
    const POLL: Duration = Duration::from_millis(100);
}

impl Clock for ShopClock {
    fn now(&self) -> Timestamp {
        match self {
            Self::System => SystemClock.now(),
            Self::Sandbox(sandbox) => sandbox.now(),
        }
    }

    async fn sleep_until(&self, moment: Timestamp) {
        match self {
            Self::System => SystemClock.sleep_until(moment).await,
            Self::Sandbox(sandbox) => loop {
                let left = moment.saturating_since(sandbox.now());
                if left.is_zero() {
                    return;
                }
                tokio::time::sleep(left.min(Self::POLL)).await;
            },
        }
    }
}
