//! Reading and writing the payload, in bytes a second.

#![allow(
    missing_docs,
    reason = "criterion's macros make undocumented functions"
)]
#![allow(clippy::expect_used, reason = "a bench that cannot run should stop")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use khqr_core::{
    AccountId, Amount, Crc, Currency, Khqr, KhqrBuilder, KhqrDraft, Md5Handle, Payload, Timestamp,
};

const CREATED: Timestamp = Timestamp::from_millis(1_795_000_000_000);
const EXPIRES: Timestamp = Timestamp::from_millis(1_795_000_600_000);

/// A shop's dynamic code as most are: ASCII, a bill number, both times.
fn draft() -> KhqrDraft<'static> {
    let account = AccountId::new("sokha@devb").expect("an account");
    KhqrBuilder::individual(account, "Sokha Coffee")
        .bill_number("INV-2041")
        .dynamic_code(
            Amount::from_minor_units(10_000, Currency::Khr),
            CREATED,
            EXPIRES,
        )
        .expect("a code")
}

/// The same with names in Khmer, so that lengths and bytes differ.
fn khmer() -> KhqrDraft<'static> {
    let account = AccountId::new("sokha@devb").expect("an account");
    KhqrBuilder::merchant(account, "123456", "Dev Bank", "ហាងកាហ្វេ សុខា")
        .merchant_city("ភ្នំពេញ")
        .second_language("km", "ចន ស្មីន", Some("ភ្នំពេញ"))
        .dynamic_code(
            Amount::from_minor_units(150, Currency::Usd),
            CREATED,
            EXPIRES,
        )
        .expect("a code")
}

fn reading(criterion: &mut Criterion) {
    for (name, draft) in [("ascii", draft()), ("khmer", khmer())] {
        let text = draft.to_text();
        let mut group = criterion.benchmark_group(format!("read/{name}"));
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function("crc", |bencher| {
            bencher.iter(|| Crc::of(black_box(text.as_bytes())));
        });
        group.bench_function("payload", |bencher| {
            bencher.iter(|| Payload::parse(black_box(&text)).expect("a payload"));
        });
        group.bench_function("khqr", |bencher| {
            bencher.iter(|| Khqr::parse(black_box(&text)).expect("a KHQR"));
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
        ("ascii", draft as fn() -> KhqrDraft<'static>),
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
