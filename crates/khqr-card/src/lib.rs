#![doc = include_str!("../README.md")]
//!
//! # I want to …
//! | I want to | item |
//! | --- | --- |
//! | draw the KHQR card | [`Card::new`], [`Card::to_svg`] |
//! | draw the card of a code that was just written | [`Card::of_draft`] |
//! | draw the code alone | [`BareCode`] |
//! | print many cards on A4 | [`Sheet`] |
//! | draw in a terminal or on a receipt printer | [`Modules`] |
//! | draw names in Chinese or another script | [`Card::font`] |
//! | change size, margin, colour and texts | the methods of [`Card`] |
#![cfg_attr(
    feature = "marks",
    doc = "| add NBC's wordmark or symbol, if I have the right to use it | [`Card::wordmark`], [`Card::symbol`], [`Mark`] |"
)]
#![cfg_attr(
    feature = "png",
    doc = "| get pixels | [`Card::to_png`], [`BareCode::to_png`] |"
)]
#![cfg_attr(
    feature = "pdf",
    doc = "| get a file to print | [`Sheet::to_pdf`], [`Card::to_pdf`] |"
)]
//! | know the limits | [`limits`] |
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
