//! Measures requests per second and memory per payment, without and with a state file.
//!
//! Server and clients share this process and a runtime of two threads, so the clients' work is part of the
//! result. Each client has its own connection and sends one request at a time. A missed goal is printed and
//! is not a failure, because timings on a busy machine prove little.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench may panic, and prints its results"
)]

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use bakong_sandbox::{QuotaLimit, Sandbox, SandboxBuilder, SandboxClock};
use khqr_core::{AccountId, Amount, KhqrBuilder, Md5Handle, Timestamp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);
const PAYMENTS: u64 = 100_000;
const CLIENTS: u64 = 32;
const REQUESTS: u64 = 50_000;
/// Fewer than `REQUESTS`, because a list takes as much work as several single checks.
const LISTS: u64 = 5_000;
const ROUNDS: u32 = 5;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(measure(builder()));
    let folder = std::env::temp_dir().join(format!("bakong-bench-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join("state.jsonl");
    println!("\nwith a state file:");
    runtime.block_on(async {
        measure(builder().state_file(&file)).await;
        restart(&file).await;
    });
    fs::remove_dir_all(&folder).unwrap();
}

fn builder() -> SandboxBuilder {
    Sandbox::builder()
        .clock(SandboxClock::frozen_at(NOW))
        .quota(QuotaLimit::per_day(u32::MAX))
}

async fn restart(file: &Path) {
    let bytes = fs::metadata(file).unwrap().len();
    let start = Instant::now();
    let sandbox = builder().state_file(file).start().await.unwrap();
    let millis = start.elapsed().as_millis();
    println!("restart: {} MiB in {millis} ms", bytes / 1024 / 1024);
    sandbox.stop().await;
}

async fn measure(builder: SandboxBuilder) {
    let sandbox = builder.start().await.unwrap();
    let token = sandbox.issue_token("bench@example.com");
    let before = resident();
    let start = Instant::now();
    let last = pay(&sandbox);
    let paying = start.elapsed();
    let memory = resident().saturating_sub(before);
    println!(
        "memory: {PAYMENTS} payments take {} MiB (goal: less than 100)",
        memory / 1024
    );
    println!(
        "paying: {} payments per second, from this process",
        u128::from(PAYMENTS) * 1000 / paying.as_millis().max(1)
    );

    let check = |name: &str, path: &str, body: String, requests: u64| {
        let name = name.to_owned();
        let text = request(path, &token, &body);
        let address = sandbox.address();
        async move {
            let mut best = 0;
            for _ in 0..ROUNDS {
                let start = Instant::now();
                let clients: Vec<_> = (0..CLIENTS)
                    .map(|_| {
                        let share = requests / CLIENTS;
                        tokio::spawn(client(address, text.clone(), share))
                    })
                    .collect();
                for client in clients {
                    client.await.unwrap();
                }
                let millis = start.elapsed().as_millis().max(1);
                best = best.max(u128::from(requests) * 1000 / millis);
            }
            println!("{name}: {best} requests per second (goal: at least 5000)");
        }
    };
    let (md5, hash) = last;
    let by_md5 = format!(r#"{{"md5":"{md5}"}}"#);
    let by_hash = format!(r#"{{"hash":"{hash}"}}"#);
    let list = format!("[{}]", vec![format!(r#""{md5}""#); 50].join(","));
    check("by MD5", "/v1/check_transaction_by_md5", by_md5, REQUESTS).await;
    check(
        "by hash",
        "/v1/check_transaction_by_hash",
        by_hash,
        REQUESTS,
    )
    .await;
    check(
        "50 by MD5",
        "/v1/check_transaction_by_md5_list",
        list,
        LISTS,
    )
    .await;
    sandbox.stop().await;
}

/// Pays [`PAYMENTS`] codes, and returns the MD5 and the hash of the last.
fn pay(sandbox: &Sandbox) -> (Md5Handle, String) {
    let shop = AccountId::new("sokha@devb").unwrap();
    let customer = sandbox.customer(AccountId::new("dara@devb").unwrap());
    let expires_at = NOW.saturating_add(Duration::from_secs(600));
    let mut last = (Md5Handle::of(""), String::new());
    for number in 0..PAYMENTS {
        let code = KhqrBuilder::individual(shop, "Sokha Coffee")
            .dynamic_code(Amount::riel(number + 1), NOW, expires_at)
            .unwrap()
            .to_text();
        let payment = customer.pay(&code).unwrap();
        last = (payment.md5(), payment.hash().to_owned());
    }
    last
}

fn request(path: &str, token: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: bakong\r\nUser-Agent: bench/1\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

/// Sends `count` requests, one after the other.
async fn client(address: std::net::SocketAddr, request: String, count: u64) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut buffer = vec![0; 64 * 1024];
    let mut expected = None;
    for _ in 0..count {
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut length = 0;
        // Every response is as long as the first one, whose header states the length.
        while expected.is_none_or(|expected| length < expected) {
            length += stream.read(&mut buffer[length..]).await.unwrap();
            expected = expected.or_else(|| response_length(&buffer[..length]));
        }
    }
    assert!(String::from_utf8_lossy(&buffer).starts_with("HTTP/1.1 200"));
}

/// The length of a response with its head, once the head is complete.
fn response_length(bytes: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (head, _) = text.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let length = lines.find_map(|line| line.strip_prefix("content-length: "))?;
    Some(head.len() + 4 + length.parse::<usize>().ok()?)
}

/// The memory of this process in KiB.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let mut lines = status.lines();
    let line = lines.find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
