//! Tests of the stores with real files.

mod sqlite;
