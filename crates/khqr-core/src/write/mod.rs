//! Writing codes: a builder that takes what a code says, and a draft that can be written.

mod builder;
mod draft;

pub use builder::{Individual, KhqrBuilder, Merchant};
pub use draft::KhqrDraft;
