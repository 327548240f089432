//! The HTTP server, and the handles that a program holds.

mod body;
mod builder;
mod connection;
mod customer;
mod delivered_body;
mod sandbox;

pub use self::builder::SandboxBuilder;
pub use self::customer::Customer;
pub use self::sandbox::Sandbox;
