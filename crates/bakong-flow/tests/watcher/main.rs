//! The watcher with a scripted Bakong and paused time.

#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed test panics")]

mod basics;
mod counting;
mod faulty;
mod followers;
mod given_up;
mod roles;
mod script;
mod till;
