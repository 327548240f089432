//! khqr-core for JavaScript and TypeScript: the npm package `khqr-wasm`.
//!
//! This crate is the WebAssembly half of the package. The JavaScript half is in `js`, and `README.md` documents both.
//! `cargo xtask npm` builds the package into `target/npm`.
//!
//! # The boundary
//! A call between JavaScript and WebAssembly is cheap, but each string and each object that crosses it is copied. So
//! one call does the whole work:
//!
//! - Reading writes the **positions** of all values into a buffer ([`positions`], [`exports::Buffers`]). JavaScript cuts
//!   the values out of the text that it already has.
//! - Writing takes all fields as one string ([`request`]), and returns the MD5 and the code as one string.
//! - A function that can fail returns an error as a string that starts with a zero character ([`answer`]).
//!
//! Amounts and times cross the boundary as decimal digits or as two 32-bit integers, so no float carries money.
//!
//! # Unsafe code
//! `#[wasm_bindgen]` generates unsafe code. The module [`exports`] has all functions with that attribute, and it is
//! the only module that allows unsafe code.

pub mod answer;
pub mod exports;
pub mod positions;
pub mod request;
