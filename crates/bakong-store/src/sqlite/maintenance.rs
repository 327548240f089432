//! Checks, migrates and copies a store, for a command.

use std::fs;
use std::path::Path;

use bakong_flow::store::StoreError;
use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use super::failure::Failure;
use super::file::{self, Preparation};
use super::fuse::Fuse;
use super::inspect;
use super::session::Session;
use super::{SqliteOptions, on_thread};
use crate::migrations;
use crate::report::{CheckReport, Migrated};

impl SqliteOptions {
    /// Checks the file, the schema, and all rows. Workers can use the store meanwhile.
    ///
    /// # Errors
    /// [`StoreError`] if the file is no store or cannot be read. A problem that was found is no error: see
    /// [`CheckReport::problems`].
    pub async fn check(&self, path: impl AsRef<Path>) -> Result<CheckReport, StoreError> {
        let path = path.as_ref().to_owned();
        let place = self.place(&path);
        on_thread("bakong-store check", move || {
            let (connection, _) = file::open(&path, &place, Preparation::None, migrations::SQLITE)?;
            let fuse = Fuse::default();
            let session = Session::new(&connection, &fuse);
            let report = || -> Result<_, Failure> {
                session.execute("BEGIN", [])?;
                inspect::report(&session, file::version(&connection)?)
            };
            report().map_err(|failure| failure.store_error(&place))
        })
        .await
    }

    /// Migrates the schema of an existing store to the newest version.
    ///
    /// # Errors
    /// [`StoreError`] if the file does not exist, is no store, has a newer schema, or cannot be written. The store then is
    /// as it was.
    pub async fn migrate(&self, path: impl AsRef<Path>) -> Result<Migrated, StoreError> {
        let path = path.as_ref().to_owned();
        let place = self.place(&path);
        on_thread("bakong-store migrate", move || {
            if !path.exists() {
                return Err(place.fatal("it does not exist. Check the path"));
            }
            let (_, migrated) = file::open(
                &path,
                &place,
                Preparation::CreateOrMigrate,
                migrations::SQLITE,
            )?;
            Ok(migrated)
        })
        .await
    }

    /// Copies a store into the new file `to`. Workers can use the store meanwhile. The copy has the state of one moment.
    ///
    /// # Errors
    /// [`StoreError`] if `to` exists, or if one of the files cannot be used. An existing file is never overwritten.
    pub async fn backup(
        &self,
        path: impl AsRef<Path>,
        to: impl AsRef<Path>,
    ) -> Result<(), StoreError> {
        let (path, to) = (path.as_ref().to_owned(), to.as_ref().to_owned());
        let (place, target) = (self.place(&path), self.place(&to));
        on_thread("bakong-store backup", move || {
            let (source, _) = file::open(&path, &place, Preparation::None, migrations::SQLITE)?;
            file::reserve(&to, &target)?;
            copy(&source, &to).map_err(|failure| {
                // An incomplete copy must not look like a backup.
                let _ = fs::remove_file(&to);
                failure.store_error(&target)
            })
        })
        .await
    }
}

fn copy(source: &Connection, to: &Path) -> Result<(), Failure> {
    let mut target = Connection::open(to)?;
    // All pages in one step: the state of one moment, and writers need not wait.
    let step = Backup::new(source, &mut target)?.step(-1)?;
    if step != StepResult::Done {
        return Err(Failure::NotAStore(
            "it was not copied, because another process has locked one of the files. Try again",
        ));
    }
    target.close().map_err(|(_, error)| error)?;
    file::sync_folder(to);
    Ok(())
}
