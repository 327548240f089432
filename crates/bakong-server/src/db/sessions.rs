//! Sessions of the dashboard, and one-time links. Only the hashes of their secrets are stored.

use bakong_flow::store::StoreError;
use bakong_store::tables::Statement;
use khqr_core::Timestamp;

use super::{Db, millis};
use crate::ids;

/// What a secret allows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum LoginSecret {
    /// To use the dashboard.
    Session,
    /// To start a session, once.
    Link,
}

impl LoginSecret {
    const fn name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Link => "link",
        }
    }

    /// A secret has 130 random bits, so a fast hash without salt suffices.
    fn hash(self, text: &str) -> String {
        ids::sha256(&[self.name().as_bytes(), text.as_bytes()])
    }
}

impl Db {
    /// Stores a secret until `until`, and deletes those that have expired.
    pub(crate) async fn add_secret(
        &self,
        kind: LoginSecret,
        text: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        let prune = Statement::new("DELETE FROM server_sessions WHERE expires_at <= $1");
        let insert = Statement::new(
            "INSERT INTO server_sessions (hash, kind, expires_at) VALUES ($1, $2, $3)",
        );
        let insert = insert
            .text(kind.hash(text))
            .text(kind.name())
            .integer(millis(until));
        let statements = vec![prune.integer(millis(now)), insert];
        self.0.write(statements).await.map(drop)
    }

    /// Whether a secret is stored and has not expired.
    pub(crate) async fn has_secret(
        &self,
        kind: LoginSecret,
        text: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let select = Statement::new(
            "SELECT hash FROM server_sessions WHERE hash = $1 AND kind = $2 AND expires_at > $3",
        );
        let select = select
            .text(kind.hash(text))
            .text(kind.name())
            .integer(millis(now));
        Ok(!self.select(select).await?.is_empty())
    }

    /// Deletes a secret. Returns whether it was stored and had not expired: of several callers, one gets `true`.
    pub(crate) async fn take_secret(
        &self,
        kind: LoginSecret,
        text: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let delete = Statement::new(
            "DELETE FROM server_sessions WHERE hash = $1 AND kind = $2 AND expires_at > $3 RETURNING hash",
        );
        let delete = delete
            .text(kind.hash(text))
            .text(kind.name())
            .integer(millis(now));
        Ok(!self.change(delete).await?.is_empty())
    }
}
