//! What the handlers share.

use std::sync::Arc;

use crate::db::Db;
use crate::feed::Feed;
use crate::metrics::Metrics;
use crate::outbound::Sender;
use crate::shop::Shop;
use crate::site::Site;

/// The state of the server. Cheap to clone.
#[derive(Clone)]
pub(crate) struct App(Arc<Shared>);

struct Shared {
    db: Db,
    feed: Feed,
    shops: Vec<Arc<Shop>>,
    sender: Sender,
    metrics: Metrics,
    site: Site,
}

impl App {
    pub(crate) fn new(
        db: Db,
        feed: Feed,
        shops: Vec<Arc<Shop>>,
        sender: Sender,
        metrics: Metrics,
        site: Site,
    ) -> Self {
        Self(Arc::new(Shared {
            db,
            feed,
            shops,
            sender,
            metrics,
            site,
        }))
    }

    pub(crate) fn db(&self) -> &Db {
        &self.0.db
    }

    pub(crate) fn feed(&self) -> &Feed {
        &self.0.feed
    }

    pub(crate) fn shops(&self) -> &[Arc<Shop>] {
        &self.0.shops
    }

    /// What the process counts.
    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// What sends webhooks.
    pub(crate) fn sender(&self) -> &Sender {
        &self.0.sender
    }

    /// What the pages need.
    pub(crate) fn site(&self) -> &Site {
        &self.0.site
    }

    /// Returns the shop with this id, if this process serves it.
    pub(crate) fn shop(&self, id: i64) -> Option<&Arc<Shop>> {
        self.0.shops.iter().find(|shop| shop.id == id)
    }
}
