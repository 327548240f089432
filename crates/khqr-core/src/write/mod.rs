//! Writing codes: a builder that takes what a code says, a draft that can be written, and a read code
//! that is given an amount.

mod builder;
mod content;
mod draft;
mod payment;
mod rewrite;
mod sink;

pub use builder::{Individual, KhqrBuilder, Merchant};
pub use draft::KhqrDraft;
pub use rewrite::KhqrRewrite;
