//! Payments outlive the command: `--store`, `watch --resume`, `payments` and `store`.

use bakong_api::AccessToken;
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

#[tokio::test]
async fn a_missing_token_is_renewed_before_the_registration_is_named() {
    let shop = StoredShop::open().await;
    let token_file = shop.folder.file("token");
    let code = shop.code("A-1");
    let _ = dara(&shop.sandbox).pay(&code).unwrap();
    let mut command = shop.command("watch --json --email shop@example.com");
    command.args(["--token-file", &token_file]);
    feed(command, code).await.exits(0);
    // The next command reads the token from the file, and finds its payments under the id in it.
    let token = AccessToken::new(&std::fs::read_to_string(&token_file).unwrap()).unwrap();
    let list = format!(
        "payments list --registration 127.0.0.1/{}",
        token.registration_id().unwrap()
    );
    shop.run(&list).await.exits(0).shows("A-1");
}

#[tokio::test]
async fn a_new_token_that_cannot_be_saved_names_no_registration() {
    let shop = StoredShop::open().await;
    let mut command = shop.command("watch --json");
    command.args([
        "--token-file",
        "/no/folder/token",
        "--email",
        "shop@example.com",
    ]);
    let finished = feed(command, shop.code("A-1")).await.exits(1);
    finished.shows("/no/folder/token");
    shop.run("payments list").await.hides("A-1");
}

#[tokio::test]
async fn a_registration_without_payments_does_not_have_to_be_excluded() {
    let shop = StoredShop::open().await;
    let code = shop.code("A-1");
    let _ = dara(&shop.sandbox).pay(&code).unwrap();
    shop.watch(&[&code]).await.exits(0);
    // Bakong rejects this token, so no payment is stored for it.
    let mut rejected = shop.command("checkout");
    rejected.env("BAKONG_TOKEN", "nonsense");
    Finished::of(rejected.output().await.unwrap()).exits(1);
    shop.run("payments list").await.exits(0).shows("A-1");
    shop.run("payments export").await.exits(0).shows("A-1");

    // Two registrations have payments: a person selects one.
    let mut other = shop.command("watch --json --no-lists");
    other.env("BAKONG_TOKEN", shop.sandbox.issue_token("b@example.com"));
    let code = shop.code("B-1");
    let _ = dara(&shop.sandbox).pay(&code).unwrap();
    feed(other, code).await.exits(0);
    let finished = shop.run("payments list").await.exits(2);
    finished.hides("/default");
    let names: Vec<_> = finished
        .err
        .split_whitespace()
        .filter(|word| word.starts_with("127.0.0.1/"))
        .collect();
    assert_eq!(names.len(), 2, "{finished:?}");
    finished.shows("its newest payment is of 20");
    let list = format!("payments list --registration {}", names[1]);
    shop.run(&list).await.exits(0).shows("B-1");
    shop.run("payments list --registration 127.0.0.1/none")
        .await
        .exits(2)
        .shows(names[0]);
}

#[tokio::test]
async fn a_token_that_is_not_for_nbc_creates_no_store() {
    let shop = StoredShop::open().await;
    let mut command = shop.local_command("checkout --env sit");
    command.env("BAKONG_TOKEN", "nonsense");
    let finished = Finished::of(command.output().await.unwrap()).exits(1);
    finished.shows("three parts");
    assert!(!std::fs::exists(&shop.store).unwrap());
}

#[tokio::test]
async fn the_folder_of_a_store_that_is_named_must_exist() {
    let shop = StoredShop::open().await;
    let folder = shop.folder.file("nodir");
    let file = format!("{folder}/p.db");
    let checks = [
        (format!("checkout --store {file}"), shop.store.clone()),
        (format!("watch --store {file}"), shop.store.clone()),
        ("checkout".to_owned(), file),
    ];
    for (line, variable) in checks {
        let mut command = shop.command(&line);
        command.env("BAKONG_STORE", variable);
        let finished = Finished::of(command.output().await.unwrap()).exits(2);
        assert_eq!(finished.out, "", "no code is shown");
        finished.shows(&folder);
        assert!(!std::fs::exists(&folder).unwrap(), "{line}");
    }
    assert_eq!(shop.sandbox.requests().len(), 0);
}

#[tokio::test]
async fn a_resume_without_open_payments_says_so() {
    let shop = StoredShop::open().await;
    let resumed = shop.resume().await.exits(0);
    resumed.shows("no open payments in ");
    resumed.shows(&shop.store);
    assert!(!std::fs::exists(&shop.store).unwrap());
    let code = shop.code("A-1");
    let _ = dara(&shop.sandbox).pay(&code).unwrap();
    shop.watch(&[&code]).await.exits(0);
    let resumed = shop.resume().await.exits(0);
    assert_eq!(resumed.out, "");
    resumed.shows("no open payments in ");
    // Lines of the input are watched in a new store too.
    let fresh = shop.folder.file("fresh.db");
    let code = shop.code("A-2");
    let _ = dara(&shop.sandbox).pay(&code).unwrap();
    let mut command = shop.command("watch --resume --json -");
    command.env("BAKONG_STORE", &fresh);
    assert_eq!(finals(&feed(command, code).await.exits(0)).len(), 1);
}
