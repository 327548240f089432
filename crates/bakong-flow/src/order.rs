//! The id of an order.

use std::fmt;
use std::sync::Arc;

/// The id of an order in the shop's own records. Each order is settled at most once. Cheap to clone.
///
/// An order whose code expired can get a new code under the same id.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "Box<str>"))]
pub struct OrderId(Arc<str>);

impl OrderId {
    /// The maximum length of an id in bytes.
    pub const MAX_LEN: usize = 128;

    /// Creates an id from `text`, unchanged.
    ///
    /// # Errors
    /// [`InvalidOrderId`] if `text` is empty, longer than [`MAX_LEN`](Self::MAX_LEN) bytes, or contains a control
    /// character.
    pub fn new(text: &str) -> Result<Self, InvalidOrderId> {
        if text.is_empty() || text.len() > Self::MAX_LEN || text.contains(char::is_control) {
            return Err(InvalidOrderId);
        }
        Ok(Self(text.into()))
    }

    /// Returns the id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl std::str::FromStr for OrderId {
    type Err = InvalidOrderId;

    fn from_str(text: &str) -> Result<Self, InvalidOrderId> {
        Self::new(text)
    }
}

#[cfg(feature = "serde")]
impl TryFrom<Box<str>> for OrderId {
    type Error = InvalidOrderId;

    fn try_from(text: Box<str>) -> Result<Self, InvalidOrderId> {
        Self::new(&text)
    }
}

/// The error for a string that is not a valid [`OrderId`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct InvalidOrderId;

impl fmt::Display for InvalidOrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "invalid order id: it must have 1 to {} bytes and no control character",
            OrderId::MAX_LEN
        )
    }
}

impl std::error::Error for InvalidOrderId {}
