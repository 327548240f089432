//! Tables that are not those of this program, and those of the shop.

use std::time::Duration;

use bakong_flow::PaymentStore;
use bakong_flow::store::contract::sample::md5;
use bakong_flow::store::{LeaderLease, PaymentKey, WorkerId};
use bakong_store::Registration;

use super::setup::{FATAL, assert_error, commit, lead, open_error, quick};
use super::{Database, store};
use crate::first_schema::{FIRST_ROWS, assert_first_rows};

#[tokio::test]
async fn a_schema_of_another_program_stays_as_it_is() {
    let Some(database) = Database::new() else {
        return;
    };
    database.sql("CREATE SCHEMA bakong; CREATE TABLE bakong.songs (title TEXT)");
    let error = open_error(&database.url()).await;
    assert_error(
        &error,
        FATAL,
        &["belongs to another program", "Choose another"],
    );
    assert_eq!(
        database.sql("SELECT count(*) FROM pg_class WHERE relnamespace = 'bakong'::regnamespace"),
        "1"
    );
}

#[tokio::test]
async fn tables_of_the_shop_are_not_touched() {
    let Some(database) = Database::new() else {
        return;
    };
    database.sql("CREATE TABLE payments (id INT); INSERT INTO payments VALUES (7); CREATE TABLE events (x TEXT)");
    let opened = database.open().await;
    let store = store(&opened).await;
    let epoch = lead(&store).await;
    commit(&store, epoch, 1).await.unwrap();
    assert_eq!(database.sql("SELECT id FROM public.payments"), "7");
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_stays_as_it_is() {
    let Some(database) = Database::new() else {
        return;
    };
    let opened = database.open().await;
    let store = store(&opened).await;
    let epoch = lead(&store).await;
    commit(&store, epoch, 1).await.unwrap();
    database.sql("UPDATE bakong.schema_version SET version = 99");
    let words = ["version 99", "up to 3", "Install a newer version"];
    assert_error(&open_error(&database.url()).await, FATAL, &words);
    for error in [
        quick().migrate(&database.url()).await.unwrap_err(),
        quick().check(&database.url()).await.unwrap_err(),
        // A worker that was running while another one migrated.
        commit(&store, epoch, 2).await.unwrap_err(),
        store
            .acquire(&WorkerId::new("worker"), Duration::from_secs(1))
            .await
            .unwrap_err(),
    ] {
        assert_error(&error, FATAL, &words);
    }
    database.sql("UPDATE bakong.schema_version SET version = 0");
    let error = commit(&store, epoch, 2).await.unwrap_err();
    assert_error(
        &error,
        FATAL,
        &["version 0, older than version 3", "migrate"],
    );
    assert_eq!(database.sql("SELECT count(*) FROM bakong.payments"), "1");
}

#[tokio::test]
async fn programs_that_start_at_once_create_the_tables_once() {
    let Some(database) = Database::new() else {
        return;
    };
    let url = database.url();
    let opened = (0..8).map(|_| {
        let url = url.clone();
        tokio::spawn(async move { quick().migrate(&url).await.unwrap() })
    });
    let mut created = 0;
    for opened in opened.collect::<Vec<_>>() {
        let migrated = opened.await.unwrap();
        created += u32::from(migrated.from == 0);
        assert_eq!(migrated.to, 3);
    }
    assert_eq!(created, 1);
    assert_eq!(
        database.sql("SELECT version FROM bakong.schema_version"),
        "3"
    );
}

#[tokio::test]
async fn the_first_schema_is_migrated_with_its_payments() {
    let Some(database) = Database::new() else {
        return;
    };
    database.sql(&format!(
        "CREATE SCHEMA bakong; SET search_path = bakong; {}; \
         CREATE TABLE schema_version (version BIGINT NOT NULL); INSERT INTO schema_version VALUES (1)",
        include_str!("../../../src/schema/postgres/0001_payments.sql")
    ));
    for row in FIRST_ROWS {
        database.sql(&format!(
            "SET search_path = bakong; {}",
            row.replace("{md5}", "'\\x000102030405060708090a0b0c0d0e0f'")
        ));
    }
    let migrated = quick().migrate(&database.url()).await.unwrap();
    assert_eq!((migrated.from, migrated.to), (1, 3));
    let name = Registration::new("api.example", "shop").unwrap();
    let store = database.open().await.store(&name).await.unwrap();
    assert_first_rows(&store).await;
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_an_error() {
    let Some(database) = Database::new() else {
        return;
    };
    let opened = database.open().await;
    let store = store(&opened).await;
    let epoch = lead(&store).await;
    commit(&store, epoch, 1).await.unwrap();
    database.sql("UPDATE bakong.payments SET recipient = ''");
    let error = store.find(&PaymentKey::Md5(md5(1))).await.unwrap_err();
    assert_error(&error, FATAL, &["payments.recipient", "backup"]);
    database.sql("ALTER TABLE bakong.payments ALTER COLUMN opened_at TYPE INT USING 0");
    let error = store.find(&PaymentKey::Md5(md5(1))).await.unwrap_err();
    assert_error(&error, FATAL, &["not those of this program"]);
    database.sql("ALTER TABLE bakong.payments DROP COLUMN opened_at");
    let error = store.find(&PaymentKey::Md5(md5(1))).await.unwrap_err();
    assert_error(&error, FATAL, &["opened_at", "not those of this program"]);
    let problems = quick().check(&database.url()).await.unwrap().problems;
    assert!(
        problems.iter().any(|problem| problem.contains("opened_at")),
        "{problems:?}"
    );
}

#[tokio::test]
async fn a_missing_function_is_found() {
    let Some(database) = Database::new() else {
        return;
    };
    let opened = database.open().await;
    let store = store(&opened).await;
    let epoch = lead(&store).await;
    database.sql("ALTER FUNCTION bakong.commit_batch RENAME TO commit_batch_of_another_program");
    let error = commit(&store, epoch, 1).await.unwrap_err();
    let words = ["commit_batch", "not those of this program"];
    assert_error(&error, FATAL, &words);
    let check = async || {
        let mut problems = quick().check(&database.url()).await.unwrap().problems;
        // The server of the tests does not wait for its disk, which is a problem of its own.
        problems.retain(|problem| problem.contains("schema is wrong"));
        problems
    };
    let [problem] = &check().await[..] else {
        panic!("not one problem");
    };
    assert!(problem.contains("function commit_batch"), "{problem}");
    database.sql("ALTER FUNCTION bakong.commit_batch_of_another_program RENAME TO commit_batch");
    assert_eq!(check().await, [""; 0]);
}
