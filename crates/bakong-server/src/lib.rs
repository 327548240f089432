#![doc = include_str!("../README.md")]

mod api;
mod app;
mod config;
mod connections;
mod consumer;
mod db;
mod deliveries;
mod domain;
mod error;
mod feed;
mod files;
mod ids;
mod keys;
mod merchant;
mod metrics;
mod outbound;
mod problem;
mod scrape;
mod server;
mod service;
mod shop;
mod telegram;
mod webhooks;

pub use config::{
    Config, LiveConfig, LogConfig, LogFormat, SandboxConfig, SecretText, StoreLocation,
    TelegramConfig, TlsConfig, VARIABLE_PREFIX,
};
pub use error::StartError;
pub use merchant::Merchant;
pub use server::{NewKey, Server};
