//! A shop with a store, and what its commands do on every engine.

use std::process::Stdio;
use std::time::Duration;

use bakong_sandbox::{Sandbox, TransferOptions};
use khqr_core::{Amount, Currency};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;

use crate::support::{
    Finished, Folder, bakong, dara, dynamic_code, feed, interrupt, row, token, words,
};

/// A shop: a sandbox, a token and a store that its commands share.
pub(crate) struct StoredShop {
    pub(crate) sandbox: Sandbox,
    pub(crate) token: String,
    pub(crate) folder: Folder,
    /// The file or the URL.
    pub(crate) store: String,
    /// `PGPASSWORD`
    pub(crate) password: Option<&'static str>,
}

impl StoredShop {
    /// A shop with a new file.
    pub(crate) async fn open() -> Self {
        let folder = Folder::new();
        let store = folder.file("payments.db");
        Self {
            folder,
            ..Self::on(store).await
        }
    }

    /// A shop with this store.
    pub(crate) async fn on(store: String) -> Self {
        let sandbox = Sandbox::start().await.unwrap();
        Self {
            token: token(&sandbox),
            sandbox,
            folder: Folder::new(),
            store,
            password: None,
        }
    }

    /// A command that sends requests.
    pub(crate) fn command(&self, line: &str) -> Command {
        let base_url = self.sandbox.base_url();
        let mut command = self.local_command(&format!("{line} --base-url {base_url}"));
        command.env("BAKONG_TOKEN", &self.token);
        command
    }

    /// A command that sends no request.
    pub(crate) fn local_command(&self, line: &str) -> Command {
        let mut command = bakong(&words(line));
        command.env("BAKONG_STORE", &self.store);
        if let Some(password) = self.password {
            command.env("PGPASSWORD", password);
        }
        command
    }

    /// Runs a command that sends no request.
    pub(crate) async fn run(&self, line: &str) -> Finished {
        Finished::of(self.local_command(line).output().await.unwrap())
    }

    pub(crate) fn code(&self, bill: &str) -> String {
        let amount = Amount::from_minor_units(10_000, Currency::Khr);
        dynamic_code(self.sandbox.now(), bill, amount)
    }

    pub(crate) async fn watch(&self, codes: &[&String]) -> Finished {
        let lines: Vec<_> = codes.iter().map(|code| code.as_str()).collect();
        feed(self.command("watch --json --no-lists"), lines.join("\n")).await
    }

    pub(crate) async fn resume(&self) -> Finished {
        let output = self.command("watch --resume --json").output().await;
        Finished::of(output.unwrap())
    }
}

pub(crate) fn finals(finished: &Finished) -> Vec<Value> {
    let mut events = finished.json_lines();
    events.retain(|event| event["event"] == "final");
    events
}

pub(crate) async fn killed_checkout(shop: &StoredShop) {
    let mut child = shop.command("checkout --bill A-1").spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let code = loop {
        let line = lines.next_line().await.unwrap().expect("a code");
        if let Some(code) = row([line.as_str()], "code") {
            break code.to_owned();
        }
    };
    child.kill().await.unwrap();

    let open = shop
        .run("payments list --json --state open")
        .await
        .exits(0)
        .json();
    let payment = &open["payments"][0];
    assert_eq!(payment["order"], "A-1");
    assert_eq!(payment["code"], code);
    let _ = dara(&shop.sandbox).pay(&code).unwrap();

    let resumed = shop.resume().await.exits(0);
    let events = finals(&resumed);
    assert_eq!(events.len(), 1, "{resumed:?}");
    assert_eq!(events[0]["order"], "A-1");
    assert_eq!(events[0]["status"], "paid");
    assert_eq!(finals(&shop.resume().await.exits(0)), [] as [Value; 0]);
}

pub(crate) async fn listed_and_resolved(shop: &StoredShop) {
    let codes = [shop.code("A-1"), shop.code("A-2")];
    let _ = dara(&shop.sandbox).pay(&codes[0]).unwrap();
    let too_little = TransferOptions::new().amount(Amount::from_minor_units(1, Currency::Khr));
    let _ = dara(&shop.sandbox)
        .pay_with(&codes[1], &too_little)
        .unwrap();
    shop.watch(&[&codes[0], &codes[1]]).await.exits(4);

    let listed = shop.run("payments list").await.exits(4);
    let lines: Vec<_> = listed.out.lines().collect();
    assert_eq!(lines.len(), 3, "{listed:?}");
    // Each name is above its column.
    for (name, value) in [("STATE", "needs_review"), ("MD5", ""), ("ORDER", "A-2")] {
        let column = lines[0].find(name).unwrap();
        assert!(lines[1][column..].starts_with(value), "{listed:?}");
    }
    let review = shop
        .run("payments list --state review --json")
        .await
        .exits(4)
        .json();
    let md5 = review["payments"][0]["md5"].as_str().unwrap().to_owned();
    let shown = shop.run("payments show A-2").await.exits(4);
    shown.shows("too little was paid: 1 KHR");
    shown.shows("10000 KHR");
    assert!(shown.err.contains("bakong payments resolve"), "{shown:?}");

    let resolve =
        format!("payments resolve {md5} accept --note 'paid the rest in cash' --by Sokha");
    shop.run(&resolve).await.exits(0);
    shop.run(&resolve).await.exits(4);
    shop.run("payments list --state review").await.exits(0);
    let shown = shop
        .run(&format!("payments show {md5} --json"))
        .await
        .exits(0)
        .json();
    let resolution = &shown["payments"][0]["resolution"];
    assert_eq!(resolution["decision"], "accepted");
    assert_eq!(resolution["note"], "paid the rest in cash");
    assert_eq!(resolution["by"], "Sokha");
    shop.run("payments show A-3").await.exits(3);
}

pub(crate) async fn exported_and_compared(shop: &StoredShop) {
    let codes = [shop.code("A-1"), shop.code("A-2")];
    for code in &codes {
        let _ = dara(&shop.sandbox).pay(code).unwrap();
    }
    shop.watch(&[&codes[0], &codes[1]]).await.exits(0);
    let statement = shop
        .run("payments export --format json")
        .await
        .exits(0)
        .json();
    let total = json!({ "currency": "KHR", "payments": 2, "amount": "20000" });
    assert_eq!(statement["totals"], json!([total]));
    for paid in statement["settled"].as_array().unwrap() {
        assert_eq!(paid["expectedHash"], Value::Null, "{paid}");
        assert_eq!(paid["expectedShortHash"], Value::Null, "{paid}");
        assert_eq!(paid.get("hash"), None, "{paid}");
        assert_eq!(paid.get("shortHash"), None, "{paid}");
    }
    let csv = shop.run("payments export").await.exits(0).out;
    let file = shop.folder.file("day.csv");
    let saved = shop.run(&format!("payments export -o {file}")).await;
    assert_eq!(saved.exits(0).out, "");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), csv);
    let file = shop.folder.file("day.json");
    let line = format!("payments export --format json --output {file}");
    shop.run(&line).await.exits(0).shows("saved ");
    let saved = std::fs::read_to_string(&file).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&saved).unwrap(), statement);
    let line = format!("payments export -o {}", shop.folder.file("no/day.csv"));
    shop.run(&line).await.exits(2).shows("cannot write");
    assert_eq!(csv.lines().count(), 3, "{csv}");
    // Both settle at the same time, in any order.
    for order in ["A-1", "A-2"] {
        assert!(csv.contains(&format!(",{order},10000,KHR,paid,")), "{csv}");
    }

    let hash = |at: usize| {
        statement["settled"][at]["transaction"]["hash"]
            .as_str()
            .unwrap()
    };
    let all = format!(
        "Amount;Ccy;Hash of bank\n10,000.00;KHR;{}\n10000;KHR;{}\n",
        hash(0),
        &hash(1)[..8]
    );
    let options = "--delimiter ; --currency-column Ccy --hash-column 'Hash of bank' --json";
    let all = shop.folder.write("all.csv", &all);
    let line = format!("payments reconcile {all} {options}");
    let compared = shop.run(&line).await.exits(0).json();
    assert_eq!(compared["matched"].as_array().unwrap().len(), 2);

    let other = format!(
        "amount,currency,hash\n9000,KHR,{}\n5000,KHR,feedbeef\n",
        hash(0)
    );
    let other = shop.folder.write("other.csv", &other);
    let line = format!("payments reconcile {other} --json");
    let compared = shop.run(&line).await.exits(4).json();
    assert_eq!(compared["differing"][0]["bank"]["line"], 2);
    assert_eq!(compared["notSettledHere"][0]["line"], 3);
    assert_eq!(compared["missingInBankList"].as_array().unwrap().len(), 1);
    let line = format!("payments reconcile {other} --amount-column paid");
    let missing = shop.run(&line).await.exits(1);
    assert!(missing.err.contains("--amount-column"), "{missing:?}");
}

/// Two processes open twelve codes in a random order under a quota of ten. Each code that may be shown has a reserved request.
pub(crate) async fn tills_share_requests(shop: &StoredShop, seed: u64) {
    let mut codes: Vec<_> = (0..12)
        .map(|number| shop.code(&format!("T-{number}")))
        .collect();
    let mut random = fastrand::Rng::with_seed(seed);
    random.shuffle(&mut codes);
    // One till may open more codes than the other.
    let (first, second) = codes.split_at(random.usize(3..=9));
    let mut tills = Vec::new();
    for codes in [first, second] {
        let mut command = shop.command("watch --json --no-lists --quota 10");
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // The tills open their codes at the same time.
        let lines: Vec<_> = codes.iter().map(|code| format!("{code}\n")).collect();
        let pauses: Vec<_> = lines.iter().map(|_| random.u64(0..30)).collect();
        let out = BufReader::new(child.stdout.take().unwrap()).lines();
        let writing = tokio::spawn(async move {
            for (line, pause) in lines.iter().zip(pauses) {
                tokio::time::sleep(Duration::from_millis(pause)).await;
                stdin.write_all(line.as_bytes()).await.unwrap();
            }
            // The command ends when its input does.
            stdin
        });
        tills.push((child, writing, out, codes.len()));
    }
    let (mut watched, mut refused) = (Vec::new(), 0);
    for (_, _, out, codes) in &mut tills {
        for _ in 0..*codes {
            let event: Value = loop {
                let line = out.next_line().await.unwrap().expect("an event");
                let event: Value = serde_json::from_str(&line).unwrap();
                if event["event"] == "watching" || event["event"] == "refused" {
                    break event;
                }
            };
            match event["event"].as_str() {
                Some("watching") => watched.push(event["order"].as_str().unwrap().to_owned()),
                _ => refused += 1,
            }
        }
    }
    for (child, ..) in &tills {
        interrupt(child);
    }
    for (child, ..) in tills {
        Finished::of(child.wait_with_output().await.unwrap()).exits(130);
    }
    // Two of the ten requests are reserved for renewals.
    assert!((1..=8).contains(&watched.len()), "{watched:?}");
    assert_eq!(watched.len() + refused, 12);
    assert!(shop.sandbox.requests().len() <= 10);
    // Each code that may be shown is in the store, with a reserved request.
    let open = shop.run("payments list --json --state open").await;
    let open = open.exits(0).json();
    let mut orders: Vec<_> = open["payments"].as_array().unwrap().iter().collect();
    orders.sort_by_key(|payment| payment["order"].as_str());
    watched.sort();
    let orders: Vec<_> = orders
        .iter()
        .map(|it| it["order"].as_str().unwrap())
        .collect();
    assert_eq!(orders, watched);
}
