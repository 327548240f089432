//! Counts the allocations of each library. Prints one line per step: step, library, allocations, bytes.
//!
//! This is a separate program because counting slows down every allocation.

#![allow(clippy::expect_used, reason = "an invalid input stops the bench")]

use std::hint::black_box;

use allocation_counter::measure;
use bakong_bench_peers::{NOW, ORDER, agreed_text, ours, peer};

fn main() {
    let control = measure(|| drop(black_box(String::from("counted"))));
    assert_eq!(
        control.count_total, 1,
        "the control allocation was not counted"
    );

    let text = agreed_text();
    let mut buffer = [0; ours::MAX_LEN];
    count("read", "ours", || {
        black_box(ours::read(&text, NOW)).expect("payable");
    });
    count("read", "peer", || {
        drop(black_box(peer::read(&text, NOW)).expect("payable"));
    });
    count("write", "ours", || {
        black_box(ours::write(&ORDER, &mut buffer)).expect("valid code");
    });
    count("write", "peer", || {
        drop(black_box(peer::write(&ORDER)).expect("valid code"));
    });
    count("crc", "ours", || {
        black_box(ours::checksum_is_right(&text));
    });
    count("crc", "peer", || {
        black_box(peer::checksum_is_right(&text));
    });
}

fn count(what: &str, who: &str, run: impl FnOnce()) {
    let seen = measure(run);
    println!("{what} {who} {} {}", seen.count_total, seen.bytes_total);
}
