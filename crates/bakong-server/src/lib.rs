#![doc = include_str!("../README.md")]

mod api;
mod app;
mod config;
mod consumer;
mod db;
mod demo;
mod domain;
mod error;
mod feed;
mod ids;
mod keys;
mod merchant;
mod pages;
mod problem;
mod server;
mod service;
mod shop;
mod site;
mod webhooks;

pub use config::{
    Config, LiveConfig, PageConfig, SandboxConfig, SecretText, StoreLocation, VARIABLE_PREFIX,
};
pub use error::StartError;
pub use merchant::Merchant;
pub use server::{NewKey, Server};
pub use site::hash_password;
