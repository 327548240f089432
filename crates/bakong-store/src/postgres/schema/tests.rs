//! Migrations from an older schema. Only one version of the real schema exists, so these are other ones.

// The server of the integration tests.
#[path = "../../../tests/it/postgres/cluster.rs"]
#[allow(dead_code, reason = "the integration tests use more of it")]
mod cluster;

use tokio::task::JoinSet;

use self::cluster::Cluster;
use super::*;
use crate::postgres::PostgresOptions;

const ONE: Migration = Migration {
    version: 1,
    sql: "CREATE TABLE one (x INT); INSERT INTO one VALUES (7)",
};
const TWO: Migration = Migration {
    version: 2,
    sql: "ALTER TABLE one ADD COLUMN y INT; UPDATE one SET y = x + 1",
};
const BROKEN: Migration = Migration {
    version: 3,
    sql: "CREATE TABLE three (x INT); INSERT INTO missing VALUES (1)",
};

fn connections(url: &str) -> Connections {
    let options = PostgresOptions::default();
    let (address, tls) = options.address(url).unwrap();
    options.pool(&address, &tls, 1).unwrap()
}

fn database() -> Option<(&'static Cluster, String)> {
    let cluster = Cluster::shared()?;
    Some((cluster, cluster.create_database()))
}

#[tokio::test]
async fn an_older_schema_is_migrated_once_by_programs_that_start_at_once() {
    let Some((cluster, name)) = database() else {
        return;
    };
    let url = cluster.url(&name);
    let created = prepare(&connections(&url), &[ONE]).await.unwrap();
    assert_eq!((created.from, created.to), (0, 1));
    let mut programs = JoinSet::new();
    for _ in 0..8 {
        let url = url.clone();
        programs.spawn(async move { prepare(&connections(&url), &[ONE, TWO]).await.unwrap() });
    }
    let migrated = programs.join_all().await;
    let changed = migrated.iter().filter(|it| (it.from, it.to) == (1, 2));
    assert_eq!(changed.count(), 1);
    let sql = "SELECT x, y, version FROM bakong.one, bakong.schema_version";
    assert_eq!(cluster.sql(&name, sql), "7|8|2");
    // A program that was not updated.
    let older = prepare(&connections(&url), &[ONE]).await.unwrap_err();
    assert!(matches!(older, Failure::NewerSchema(_)), "{older:?}");
}

#[tokio::test]
async fn a_migration_that_fails_changes_nothing() {
    let Some((cluster, name)) = database() else {
        return;
    };
    let connections = connections(&cluster.url(&name));
    prepare(&connections, &[ONE]).await.unwrap();
    prepare(&connections, &[ONE, TWO, BROKEN])
        .await
        .unwrap_err();
    let columns = "SELECT string_agg(column_name, ',') FROM information_schema.columns \
        WHERE table_schema = 'bakong' AND table_name IN ('one', 'three')";
    assert_eq!(cluster.sql(&name, columns), "x");
    assert_eq!(
        cluster.sql(&name, "SELECT version FROM bakong.schema_version"),
        "1"
    );
    let migrated = prepare(&connections, &[ONE, TWO]).await.unwrap();
    assert_eq!((migrated.from, migrated.to), (1, 2));
}
