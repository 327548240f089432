//! The migrations of the schema. They are numbered from 1, applied in order, and never changed after a release.

use std::fmt;

/// One step of the schema.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Migration {
    /// The version of the schema after this migration.
    pub(crate) version: u32,
    /// The statements, to execute in one transaction with the change of the version.
    pub(crate) sql: &'static str,
}

/// Lists the files of an engine in `schema/`, in order. The versions are 1, 2, 3 and so on.
macro_rules! migrations {
    ($engine:literal: $($version:literal => $file:literal),* $(,)?) => {
        &[$(Migration {
            version: $version,
            sql: include_str!(concat!("schema/", $engine, "/", $file, ".sql")),
        }),*]
    };
}

/// The migrations of SQLite.
#[cfg(feature = "sqlite")]
pub(crate) const SQLITE: &[Migration] =
    migrations!("sqlite": 1 => "0001_payments", 2 => "0002_md5_only");

/// The migrations of PostgreSQL.
#[cfg(feature = "postgres")]
pub(crate) const POSTGRES: &[Migration] =
    migrations!("postgres": 1 => "0001_payments", 2 => "0002_md5_only", 3 => "0003_commit_batch");

/// Returns the migrations that a database of version `current` lacks. Version 0 is an empty database.
///
/// # Errors
/// [`NewerSchema`] if the schema is newer than the last migration.
pub(crate) fn missing(
    migrations: &'static [Migration],
    current: u32,
) -> Result<&'static [Migration], NewerSchema> {
    let known = newest(migrations);
    let newer = NewerSchema { current, known };
    let first = migrations.partition_point(|migration| migration.version <= current);
    if current > known {
        Err(newer)
    } else {
        Ok(&migrations[first..])
    }
}

/// Returns the version of the newest schema that this program knows.
pub(crate) fn newest(migrations: &[Migration]) -> u32 {
    migrations.last().map_or(0, |migration| migration.version)
}

/// The schema of the store is newer than this program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct NewerSchema {
    /// The version of the store.
    pub(crate) current: u32,
    /// The newest version that this program knows.
    pub(crate) known: u32,
}

impl fmt::Display for NewerSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { current, known } = self;
        write!(
            f,
            "its schema has version {current}, and this program knows versions up to {known}. Install a newer version of this program"
        )
    }
}

impl std::error::Error for NewerSchema {}

#[cfg(test)]
mod tests {
    use super::*;

    const THREE: &[Migration] = &[
        Migration {
            version: 1,
            sql: "",
        },
        Migration {
            version: 2,
            sql: "",
        },
        Migration {
            version: 3,
            sql: "",
        },
    ];

    #[test]
    fn only_missing_migrations_are_applied() {
        let versions = |current| {
            let missing = missing(THREE, current);
            missing.map(|missing| missing.iter().map(|step| step.version).collect::<Vec<_>>())
        };
        assert_eq!(versions(0), Ok(vec![1, 2, 3]));
        assert_eq!(versions(2), Ok(vec![3]));
        assert_eq!(versions(3), Ok(vec![]));
        let newer = NewerSchema {
            current: 4,
            known: 3,
        };
        assert_eq!(versions(4), Err(newer));
    }

    #[test]
    fn migrations_are_numbered_without_gaps() {
        let engines: &[&[Migration]] = &[
            #[cfg(feature = "sqlite")]
            SQLITE,
            #[cfg(feature = "postgres")]
            POSTGRES,
        ];
        for migrations in engines {
            let versions = migrations.iter().map(|migration| migration.version);
            assert!(versions.eq(1..=newest(migrations)));
        }
    }
}
