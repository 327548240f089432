//! Throughput of parsing and writing payloads.

#![allow(
    missing_docs,
    reason = "criterion's macros generate undocumented functions"
)]
#![allow(clippy::expect_used, reason = "an invalid input stops the bench")]

mod codes;

use std::hint::black_box;

use codes::{CREATED, ascii, khmer};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use khqr_core::{Crc, Khqr, KhqrDraft, Md5Handle, Payload};

fn reading(criterion: &mut Criterion) {
    for (name, draft) in [("ascii", ascii()), ("khmer", khmer())] {
        let text = draft.to_text();
        let mut group = criterion.benchmark_group(format!("read/{name}"));
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function("crc", |bencher| {
            bencher.iter(|| Crc::of(black_box(text.as_bytes())));
        });
        group.bench_function("payload", |bencher| {
            bencher.iter(|| Payload::parse(black_box(&text)).expect("valid payload"));
        });
        group.bench_function("khqr", |bencher| {
            bencher.iter(|| Khqr::parse(black_box(&text)).expect("valid KHQR"));
        });
        group.bench_function("khqr and verify", |bencher| {
            bencher.iter(|| Khqr::parse(black_box(&text)).and_then(|khqr| khqr.verify(CREATED)));
        });
        group.bench_function("md5", |bencher| {
            bencher.iter(|| Md5Handle::of(black_box(&text)));
        });
        group.finish();
    }
}

fn writing(criterion: &mut Criterion) {
    for (name, make) in [
        ("ascii", ascii as fn() -> KhqrDraft<'static>),
        ("khmer", khmer),
    ] {
        let mut buffer = [0; KhqrDraft::MAX_LEN];
        let mut group = criterion.benchmark_group(format!("write/{name}"));
        group.throughput(Throughput::Bytes(make().len() as u64));
        group.bench_function("build and write to a slice", |bencher| {
            bencher.iter(|| {
                let text = make().write_to_slice(&mut buffer).expect("room");
                black_box(text.len())
            });
        });
        group.bench_function("build and write to a string", |bencher| {
            bencher.iter(|| black_box(make().to_text()));
        });
        group.finish();
    }
}

criterion_group!(benches, reading, writing);
criterion_main!(benches);
