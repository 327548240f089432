//! Writing codes: the builder, the checked draft, and adding an amount to a parsed code.

mod builder;
mod content;
mod draft;
mod payment;
mod rewrite;
mod sink;

pub use builder::{Individual, KhqrBuilder, Merchant};
pub use draft::KhqrDraft;
pub use rewrite::KhqrRewrite;
