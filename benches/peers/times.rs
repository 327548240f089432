//! Times of each library. `cargo xtask bench-peers` reads the estimates by the names used here.

#![allow(
    missing_docs,
    reason = "criterion's macros generate undocumented functions"
)]
#![allow(clippy::expect_used, reason = "an invalid input stops the bench")]

use std::hint::black_box;

use bakong_bench_peers::{NOW, ORDER, agreed_text, ours, peer};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn reading(criterion: &mut Criterion) {
    let text = agreed_text();
    let mut group = criterion.benchmark_group("peers-read");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("ours", |bencher| {
        bencher.iter(|| ours::read(black_box(&text), black_box(NOW)).expect("payable"));
    });
    group.bench_function("peer", |bencher| {
        bencher.iter(|| peer::read(black_box(&text), black_box(NOW)).expect("payable"));
    });
    group.finish();
}

fn writing(criterion: &mut Criterion) {
    let mut buffer = [0; ours::MAX_LEN];
    let mut group = criterion.benchmark_group("peers-write");
    group.throughput(Throughput::Bytes(agreed_text().len() as u64));
    group.bench_function("ours", |bencher| {
        bencher.iter(|| {
            let text = ours::write(black_box(&ORDER), &mut buffer).expect("valid code");
            black_box(text);
        });
    });
    group.bench_function("peer", |bencher| {
        bencher.iter(|| peer::write(black_box(&ORDER)).expect("valid code"));
    });
    group.finish();
}

fn checksum(criterion: &mut Criterion) {
    let text = agreed_text();
    let mut group = criterion.benchmark_group("peers-crc");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("ours", |bencher| {
        bencher.iter(|| ours::checksum_is_right(black_box(&text)));
    });
    group.bench_function("peer", |bencher| {
        bencher.iter(|| peer::checksum_is_right(black_box(&text)));
    });
    group.finish();
}

criterion_group!(benches, reading, writing, checksum);
criterion_main!(benches);
