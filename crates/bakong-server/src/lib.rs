#![doc = include_str!("../README.md")]

mod api;
mod app;
mod config;
mod connections;
mod consumer;
mod db;
mod deliveries;
mod demo;
mod domain;
mod error;
mod feed;
mod files;
mod ids;
mod keys;
mod merchant;
mod metrics;
mod opened;
mod outbound;
mod pages;
mod problem;
mod scrape;
mod server;
mod service;
mod shop;
mod site;
mod telegram;
mod webhooks;

pub use config::{
    Config, LiveConfig, LogConfig, LogFormat, PageConfig, SandboxConfig, SecretText, StoreLocation,
    TelegramConfig, TlsConfig, VARIABLE_PREFIX,
};
pub use error::StartError;
pub use merchant::Merchant;
pub use server::{NewKey, Server};
pub use site::hash_password;

/// The crates whose types this crate's interface uses.
pub use {bakong_api, bakong_flow, bakong_sandbox, khqr_core, tracing};
