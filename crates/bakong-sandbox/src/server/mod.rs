//! The HTTP server, and the handles that a program holds.

mod body;
mod builder;
mod connection;
mod customer;
mod delivered_body;
mod sandbox;
mod write_limit;

pub use self::builder::SandboxBuilder;
pub use self::customer::Customer;
pub use self::sandbox::Sandbox;
