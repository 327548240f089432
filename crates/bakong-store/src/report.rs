//! What the maintenance of a store reports, the same for both engines.

/// What a check of a store found.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct CheckReport {
    /// The version of the schema.
    pub version: u32,
    /// The number of registrations.
    pub registrations: u64,
    /// The number of payments.
    pub payments: u64,
    /// How many of the payments are open.
    pub open: u64,
    /// The number of events.
    pub events: u64,
    /// The number of exchanges.
    pub exchanges: u64,
    /// What is wrong. Empty if the store is sound. At most 100 entries.
    pub problems: Vec<String>,
}

/// The versions before and after a migration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Migrated {
    /// The version before; 0 if the store was created.
    pub from: u32,
    /// The version after.
    pub to: u32,
}
