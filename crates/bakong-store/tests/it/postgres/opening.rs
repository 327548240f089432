//! What goes wrong when a database is opened: a clear error of the right kind.

use bakong_flow::PaymentStore;
use bakong_flow::store::PaymentKey;
use bakong_flow::store::contract::sample::md5;

use super::setup::{FATAL, TRANSIENT, assert_error, open_error, quick};
use super::{Database, store};

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_named() {
    // Nothing listens on this port.
    let error = open_error("postgres://shop:geheim@127.0.0.1:1/pay").await;
    let words = [
        "\"pay\" at 127.0.0.1:1",
        "cannot be reached",
        "Connection refused",
        "Check",
    ];
    assert_error(&error, TRANSIENT, &words);
    let error = open_error("postgres://shop:geheim@host.invalid/pay").await;
    assert_error(
        &error,
        TRANSIENT,
        &["\"pay\" at host.invalid:5432", "cannot be reached"],
    );
}

#[tokio::test]
async fn users_and_databases_that_do_not_exist_are_named() {
    let Some(database) = Database::new() else {
        return;
    };
    let url = database.url();
    let as_user = |user: &str| url.replace("postgres@", &format!("{user}@"));
    let error = open_error(&as_user("locked:wrong-geheim")).await;
    assert_error(
        &error,
        FATAL,
        &["rejects the password of the user \"locked\"", "Check"],
    );
    let error = open_error(&as_user("locked")).await;
    assert_error(
        &error,
        FATAL,
        &["asks for the password of the user \"locked\"", "Add it"],
    );
    let error = open_error(&as_user("nobody_of_this_name:geheim")).await;
    assert_error(&error, FATAL, &["nobody_of_this_name"]);
    let missing = database.cluster.url("missing_database");
    let error = open_error(&missing).await;
    assert_error(
        &error,
        FATAL,
        &["database \"missing_database\" does not exist", "createdb"],
    );
    let error = open_error(&format!("{url}?sslmode=require")).await;
    assert_error(&error, FATAL, &["TLS failed", "sslmode"]);
}

#[tokio::test]
async fn a_password_is_checked_by_the_server_and_appears_nowhere() {
    let Some(database) = Database::new() else {
        return;
    };
    database.sql(&format!(
        "GRANT CREATE ON DATABASE {} TO locked",
        database.name
    ));
    let url = database.url().replace("postgres@", "locked:ge%2Fheim@");
    let opened = quick().open(&url).await.unwrap();
    let store = store(&opened).await;
    for text in [
        format!("{opened:?}"),
        format!("{store:?}"),
        opened.name().into(),
    ] {
        assert!(!text.contains("heim"), "{text}");
    }
}

#[tokio::test]
async fn missing_permissions_are_explained() {
    let Some(database) = Database::new() else {
        return;
    };
    let url = database.url().replace("postgres@", "guest@");
    let error = open_error(&url).await;
    assert_error(
        &error,
        FATAL,
        &["the user \"guest\" lacks a permission", "CREATE SCHEMA"],
    );
    database.open().await;
    let error = open_error(&url).await;
    assert_error(
        &error,
        FATAL,
        &["may not use the schema bakong", "GRANT USAGE"],
    );
    database.sql("GRANT USAGE ON SCHEMA bakong TO guest; GRANT SELECT ON ALL TABLES IN SCHEMA bakong TO guest");
    let opened = quick().open(&url).await.unwrap();
    let error = opened.store(&super::registration()).await.unwrap_err();
    assert_error(&error, FATAL, &["lacks a permission", "registrations"]);
}

#[tokio::test]
async fn too_many_connections_are_transient() {
    let Some(database) = Database::new() else {
        return;
    };
    database.sql("CREATE ROLE crowded LOGIN SUPERUSER CONNECTION LIMIT 0");
    // The limit does not apply to superusers.
    database.sql("ALTER ROLE crowded NOSUPERUSER");
    let error = open_error(&database.url().replace("postgres@", "crowded@")).await;
    assert_error(
        &error,
        TRANSIENT,
        &["too many connections", "max_connections"],
    );
    database.sql("DROP ROLE crowded");
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let Some(database) = Database::new() else {
        return;
    };
    let opened = database.open().await;
    let store = store(&opened).await;
    opened.close();
    let error = store.find(&PaymentKey::Md5(md5(1))).await.unwrap_err();
    assert_error(&error, FATAL, &["was closed", "Open it again"]);
}

#[test]
fn a_backup_names_the_tools_of_postgresql() {
    let error = quick().backup("postgres://shop:geheim@db/pay").unwrap_err();
    assert_error(&error, FATAL, &["pg_dump", "pg_restore"]);
}

#[tokio::test]
async fn a_store_is_found_but_not_created() {
    let Some(database) = Database::new() else {
        return;
    };
    for _ in 0..2 {
        let found = quick().find(&database.url()).await.unwrap();
        assert!(found.is_none(), "nobody has created a store");
    }
    let opened = database.open().await;
    assert!(opened.name().contains(&database.name), "{}", opened.name());
    let found = quick().find(&database.url()).await.unwrap();
    assert!(found.is_some());
}
