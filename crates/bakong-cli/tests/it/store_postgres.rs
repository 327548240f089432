//! `--store postgres://…`, against a server that the tests start. Without PostgreSQL, the tests report that they did not run,
//! and fail with `BAKONG_REQUIRE_POSTGRES=1`.

// The server of the tests of bakong-store.
#[path = "../../../bakong-store/tests/it/postgres/cluster.rs"]
#[allow(dead_code, reason = "the other tests use more of it")]
mod cluster;

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;

use self::cluster::Cluster;
use crate::stored_shop::{
    StoredShop, exported_and_compared, killed_checkout, listed_and_resolved, tills_share_requests,
};
use crate::support::{Finished, bakong, dara, interrupt, isolate, row, words};

/// The user `locked` has this password. The URL has it in another form.
const PASSWORD: &str = "ge/heim";
const IN_URL: &str = "ge%2Fheim";

/// Creates a database that the user `locked` may use. Returns `None` if PostgreSQL is not installed.
pub(crate) fn database() -> Option<(&'static Cluster, String)> {
    let cluster = Cluster::shared()?;
    let name = cluster.create_database();
    cluster.sql(&name, &format!("GRANT CREATE ON DATABASE {name} TO locked"));
    Some((cluster, cluster.url(&name)))
}

/// A shop with a database of its own.
async fn shop() -> Option<StoredShop> {
    let (_, url) = database()?;
    Some(StoredShop::on(url).await)
}

#[tokio::test]
async fn a_killed_checkout_on_postgresql_is_taken_up_and_its_receipt_appears_once() {
    let Some(shop) = shop().await else { return };
    killed_checkout(&shop).await;
}

#[tokio::test]
async fn payments_on_postgresql_are_listed_resolved_exported_and_compared() {
    let Some(first) = shop().await else { return };
    listed_and_resolved(&first).await;
    let Some(second) = shop().await else { return };
    exported_and_compared(&second).await;
}

#[tokio::test]
async fn two_tills_share_the_requests_of_a_store_on_postgresql() {
    for seed in 1..=3 {
        let Some(shop) = shop().await else { return };
        tills_share_requests(&shop, seed).await;
    }
}

#[tokio::test]
async fn a_store_on_postgresql_is_created_checked_and_not_copied() {
    let Some((cluster, url)) = database() else {
        return;
    };
    let shop = StoredShop::on(url.clone()).await;
    let tables = || {
        let name = url.rsplit('/').next().unwrap();
        cluster.sql(
            name,
            "SELECT count(*) FROM pg_namespace WHERE nspname = 'bakong'",
        )
    };
    // A command that reads creates nothing, because the database may be the wrong one.
    let listed = shop.run("payments list").await.exits(3);
    listed.shows("there is no store in postgres://");
    shop.run("store check")
        .await
        .exits(1)
        .shows("bakong store migrate");
    let doctor = Finished::of(shop.command("doctor").output().await.unwrap());
    doctor.exits(0).shows("there is no store yet");
    assert_eq!(tables(), "0");
    shop.run("store migrate").await.exits(0).shows("to 3");
    assert_eq!(tables(), "1");
    shop.run("payments list").await.exits(3);
    let code = shop.code("A-1");
    let _ = dara(&shop.sandbox).pay(&code).unwrap();
    shop.watch(&[&code]).await.exits(0);
    // The server of the tests does not wait for its disk.
    let report = shop.run("store check --json").await.exits(4).json();
    assert_eq!(report["payments"], 1);
    assert!(report["problems"][0].as_str().unwrap().contains("fsync"));
    assert_eq!(report["problems"].as_array().unwrap().len(), 1);
    let doctor = Finished::of(shop.command("doctor").output().await.unwrap()).exits(1);
    doctor.shows("1 payment, 0 open, 0 for a person to decide; 1 problem, the first: ");
    let used = shop.sandbox.quota_used("shop@example.com");
    doctor.shows(&format!("{used} of 100 requests used today"));
    let copy = shop.folder.file("copy.db");
    let copied = shop.run(&format!("store backup {copy}")).await.exits(1);
    copied.shows("pg_dump --format=custom --schema=bakong");
}

#[tokio::test]
async fn an_unusable_database_stops_the_command_before_a_code_is_shown() {
    let Some((_, url)) = database() else { return };
    let shop = StoredShop::on(url.clone()).await;
    let as_user = |user: &str| url.replace("postgres@", &format!("{user}@"));
    let (at, _) = url.rsplit_once('/').unwrap();
    let unreachable = "postgres://shop:geheim@127.0.0.1:1/pay".to_owned();
    for (store, exit, reason) in [
        (unreachable, 1, "the server cannot be reached"),
        (
            as_user("locked:wrong-geheim"),
            1,
            "rejects the password of the user \"locked\"",
        ),
        (
            as_user("locked"),
            1,
            "asks for the password of the user \"locked\"",
        ),
        (
            format!("{at}/missing"),
            1,
            "the database \"missing\" does not exist",
        ),
        (format!("{url}?sslmode=verify-full"), 1, "TLS failed"),
        (format!("{url}?sslmode=geheim"), 2, "sslmode must be"),
        (
            "postgres://shop:ge@heim@h/d".to_owned(),
            2,
            "in the user and the password as %40",
        ),
        (
            "mysql://shop:geheim@h/d".to_owned(),
            2,
            "URL of another kind",
        ),
    ] {
        for line in ["checkout", "watch --resume", "payments list", "store check"] {
            for json in ["", " --json"] {
                let store = ["--store", &store];
                let line = format!("{line}{json}");
                let mut command = match line.starts_with("checkout") || line.starts_with("watch") {
                    true => shop.command(&line),
                    false => bakong(&words(&line)),
                };
                let finished = Finished::of(command.args(store).output().await.unwrap());
                let finished = finished.exits(exit);
                let shown = match json {
                    "" => finished.err.replace("error: ", ""),
                    _ => finished.json()["error"]["message"]
                        .as_str()
                        .unwrap()
                        .to_owned(),
                };
                assert!(shown.contains(reason), "{line}: {reason}: {finished:?}");
                finished.hides("heim");
                assert!(!finished.out.contains("00020101"), "no code is shown");
                assert!(shown.trim().lines().count() == 1, "{shown}");
            }
        }
    }
    assert_eq!(shop.sandbox.requests().len(), 0);
}

/// Starts `bakong watch` with one code, stops it, and returns the hint at its end.
async fn stop_watch(shop: &StoredShop, store: &str) -> String {
    let mut command = shop.command("watch");
    command.args(["--store", store]).stdin(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let line = format!("{}\n", shop.code("A-1"));
    stdin.write_all(line.as_bytes()).await.unwrap();
    let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    lines.next_line().await.unwrap().unwrap();
    interrupt(&child);
    let finished = Finished::of(child.wait_with_output().await.unwrap()).exits(130);
    finished.hides("heim");
    let lines = finished.err.lines();
    let hint = lines.filter_map(|line| row([line], "bakong watch")).next();
    format!("bakong watch {}", hint.unwrap())
}

#[tokio::test]
async fn the_secret_password_of_a_store_is_not_printed_and_the_hint_works_with_pgpassword() {
    let Some((_, url)) = database() else { return };
    let store = url.replace("postgres@", &format!("locked:{IN_URL}@"));
    let shop = StoredShop::on(store.clone()).await;
    let hint = stop_watch(&shop, &store).await;
    assert!(hint.contains("postgres://locked@"), "{hint}");
    for line in [
        "payments list",
        "payments list --json",
        "store check",
        "store check --json",
    ] {
        shop.run(line).await.hides("heim");
    }
    // The hint names the same store. The password comes from the environment.
    let _ = dara(&shop.sandbox).pay(&shop_code(&shop).await).unwrap();
    let folder = std::path::Path::new(env!("CARGO_BIN_EXE_bakong")).parent();
    let paste = |password: &str| {
        let mut command = Command::new("/bin/sh");
        isolate(command.as_std_mut());
        command
            .args(["-c", &hint])
            .env("PATH", folder.unwrap())
            .env("BAKONG_TOKEN", &shop.token)
            .env("PGPASSWORD", password);
        command
    };
    let finished = Finished::of(paste("").output().await.unwrap()).exits(1);
    finished.shows("set PGPASSWORD");
    let finished = Finished::of(paste(PASSWORD).output().await.unwrap()).exits(0);
    finished.shows("A-1: PAID");
}

/// The code of the one open payment.
async fn shop_code(shop: &StoredShop) -> String {
    let open = shop.run("payments list --json --state open").await.exits(0);
    open.json()["payments"][0]["code"]
        .as_str()
        .unwrap()
        .to_owned()
}
