//! What was read since the last commit of any process. With PostgreSQL, nothing is kept.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::KeyRow;

/// The maximum number of keys, and of payments.
const MAX: usize = 1_000;

/// The version of the database at which something was read; `None` if it must not be kept.
pub(crate) type Version = Option<u64>;

/// The keys and payments that were read at the newest version.
#[derive(Debug, Default)]
pub(crate) struct Cache(Mutex<Contents>);

#[derive(Debug, Default)]
struct Contents {
    version: u64,
    /// By hash.
    keys: HashMap<String, Arc<KeyRow>>,
    /// The JSON of payments, by shop and id.
    payments: HashMap<(i64, String), Bytes>,
}

impl Cache {
    pub(super) fn key(&self, version: Version, hash: &str) -> Option<Arc<KeyRow>> {
        self.at(version)?.keys.get(hash).map(Arc::clone)
    }

    pub(super) fn keep_key(&self, version: Version, key: &Arc<KeyRow>) {
        if let Some(mut contents) = self.at(version) {
            if contents.keys.len() >= MAX {
                contents.keys.clear();
            }
            contents.keys.insert(key.hash.clone(), Arc::clone(key));
        }
    }

    /// Returns the JSON of a payment.
    pub(crate) fn payment(&self, version: Version, shop: i64, id: &str) -> Option<Bytes> {
        let contents = self.at(version)?;
        contents.payments.get(&(shop, id.to_owned())).cloned()
    }

    pub(crate) fn keep_payment(&self, version: Version, shop: i64, id: &str, json: &Bytes) {
        if let Some(mut contents) = self.at(version) {
            if contents.payments.len() >= MAX {
                contents.payments.clear();
            }
            let key = (shop, id.to_owned());
            contents.payments.insert(key, json.clone());
        }
    }

    /// Returns the contents if they have this version. A newer version begins without contents.
    fn at(&self, version: Version) -> Option<MutexGuard<'_, Contents>> {
        let version = version?;
        let mut contents = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if contents.version < version {
            *contents = Contents {
                version,
                ..Contents::default()
            };
        }
        (contents.version == version).then_some(contents)
    }
}
