//! Payments outlive the command: `--store`, `watch --resume`, `payments` and `store`.

use serde_json::{Value, json};

use crate::stored_shop::{
    StoredShop, exported_and_compared, finals, killed_checkout, listed_and_resolved,
    tills_share_requests,
};
use crate::support::{Finished, bakong, dara, feed};

#[tokio::test]
async fn a_killed_checkout_is_taken_up_and_its_receipt_appears_once() {
    killed_checkout(&StoredShop::open().await).await;
}

#[tokio::test]
async fn an_outcome_that_was_printed_is_not_printed_again() {
    let shop = StoredShop::open().await;
    let code = shop.code("A-1");
    let _ = dara(&shop.sandbox).pay(&code).unwrap();
    let watched = shop.watch(&[&code]).await.exits(0);
    assert_eq!(finals(&watched).len(), 1);
    assert_eq!(finals(&shop.resume().await.exits(0)), [] as [Value; 0]);
    // The order is settled, so it gets no second code.
    let again = shop.watch(&[&shop.code("A-1")]).await.exits(1);
    assert!(again.out.contains("already"), "{again:?}");
}

#[tokio::test]
async fn payments_are_listed_shown_and_resolved() {
    listed_and_resolved(&StoredShop::open().await).await;
}

#[tokio::test]
async fn a_day_is_exported_and_compared_with_the_banks_list() {
    exported_and_compared(&StoredShop::open().await).await;
}

#[tokio::test]
async fn two_tills_share_the_requests_of_a_store() {
    for seed in 1..=3 {
        tills_share_requests(&StoredShop::open().await, seed).await;
    }
}

#[tokio::test]
async fn a_store_is_checked_and_copied() {
    let shop = StoredShop::open().await;
    shop.run("store check").await.exits(1);
    let code = shop.code("A-1");
    let _ = dara(&shop.sandbox).pay(&code).unwrap();
    shop.watch(&[&code]).await.exits(0);
    let report = shop.run("store check --json").await.exits(0).json();
    assert_eq!(report["payments"], 1);
    assert_eq!(report["problems"], json!([]));
    shop.run("store migrate").await.exits(0).shows("current");
    let copy = shop.folder.file("copy.db");
    shop.run(&format!("store backup {copy}")).await.exits(0);
    shop.run(&format!("store backup {copy}")).await.exits(1);
    let listed = shop
        .run(&format!("payments list --json --store {copy}"))
        .await;
    assert_eq!(listed.exits(0).json()["payments"][0]["order"], "A-1");
}

#[tokio::test]
async fn an_unusable_store_stops_the_command_before_a_code_is_shown() {
    let shop = StoredShop::open().await;
    let broken = shop
        .folder
        .write("broken.db", &"no database ".repeat(1_000));
    let folder = shop.folder.file("");
    for store in [&broken, &folder] {
        let line = format!("checkout --store {store}");
        let finished = Finished::of(shop.command(&line).output().await.unwrap()).exits(1);
        assert_eq!(finished.out, "", "no code is shown");
        assert!(finished.err.contains("store"), "{finished:?}");
    }
    assert_eq!(shop.sandbox.requests().len(), 0);
}

#[tokio::test]
async fn the_default_store_is_in_the_users_data_folder() {
    let shop = StoredShop::open().await;
    let code = shop.code("A-1");
    let _ = dara(&shop.sandbox).pay(&code).unwrap();
    let data = shop.folder.file("data");
    let mut command = shop.command("watch --json");
    command
        .env_remove("BAKONG_STORE")
        .env("XDG_DATA_HOME", &data);
    feed(command, code).await.exits(0);
    let mut list = bakong(&["payments", "list"]);
    list.env_remove("BAKONG_STORE").env("XDG_DATA_HOME", &data);
    let listed = Finished::of(list.output().await.unwrap()).exits(0);
    listed.shows("A-1");
    let path = format!("{data}/bakong/payments.db");
    assert!(std::fs::exists(path).unwrap());
}
