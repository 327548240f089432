#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod bare;
mod card;
mod error;
pub mod limits;
#[cfg(feature = "marks")]
mod mark;
mod modules;
mod path;
#[cfg(feature = "pdf")]
mod pdf;
#[cfg(feature = "png")]
mod png;
#[cfg(feature = "marks")]
mod png_file;
mod scene;
mod sheet;
mod svg;
mod text;
mod time;

pub use bare::BareCode;
pub use card::Card;
pub use error::Error;
#[cfg(feature = "marks")]
pub use mark::{Mark, MarkError};
pub use modules::{ErrorCorrection, Modules};
pub use scene::Color;
pub use sheet::Sheet;

/// The crate whose types this crate's interface uses.
pub use khqr_core;
