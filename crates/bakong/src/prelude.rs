//! The types that almost every shop uses: `use bakong::prelude::*;`.

pub use crate::api::{AccessToken, ApiError, BaseUrl, Environment, Session, Transport};
#[cfg(feature = "flow")]
pub use crate::flow::store::{EventKind, PaymentKey, StoredPayment};
#[cfg(feature = "watch")]
pub use crate::flow::{Attached, Clock, SystemClock, WatchError, Watched, Watcher};
#[cfg(feature = "flow")]
pub use crate::flow::{MemoryStore, OrderId, Outcome, Payment, PaymentStore, Policy};
#[cfg(feature = "http")]
pub use crate::http::HyperTransport;
pub use crate::khqr::{AccountId, Amount, Currency, Khqr, KhqrBuilder, Timestamp};
#[cfg(feature = "sandbox")]
pub use crate::sandbox::Sandbox;
#[cfg(feature = "postgres")]
pub use crate::store::PostgresDatabase;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use crate::store::Registration;
#[cfg(feature = "sqlite")]
pub use crate::store::SqliteDatabase;
