//! A KHQR: a payload that names one Bakong account, and its fields by name.

mod code;
mod fields;
mod kind;
mod parse;
mod slots;
mod verify;

pub use code::Khqr;
pub use fields::KhqrFields;
pub use kind::{AccountKind, PointOfInitiation};
pub use verify::Payable;
