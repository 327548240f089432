//! The configuration: a TOML file, and a variable for each setting.

mod checks;
mod table;
mod types;

pub use table::VARIABLE_PREFIX;
pub use types::{
    Config, LiveConfig, LogConfig, LogFormat, PageConfig, SandboxConfig, SecretText, StoreLocation,
    TelegramConfig, TlsConfig,
};
