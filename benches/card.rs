//! The time to draw a card and a bare code, on one core.

#![allow(
    missing_docs,
    reason = "criterion's macros generate undocumented functions"
)]
#![allow(clippy::expect_used, reason = "an invalid input stops the bench")]

mod codes;

use std::hint::black_box;

use codes::{ascii, khmer};
use criterion::{Criterion, criterion_group, criterion_main};
use khqr_card::{BareCode, Card, ErrorCorrection, Modules};
use khqr_core::Khqr;

fn drawing(criterion: &mut Criterion) {
    for (name, draft) in [("ascii", ascii()), ("khmer", khmer())] {
        let text = draft.to_text();
        let khqr = Khqr::parse(&text).expect("valid KHQR");
        let card = || Card::new(black_box(&khqr)).expect("valid card");
        let mut group = criterion.benchmark_group(format!("card/{name}"));
        group.bench_function("modules", |bencher| {
            bencher.iter(|| Modules::encode(black_box(&text), ErrorCorrection::Medium));
        });
        group.bench_function("svg", |bencher| {
            bencher.iter(|| card().to_svg().expect("an image"));
        });
        group.bench_function("svg of the bare code", |bencher| {
            bencher.iter(|| BareCode::new(black_box(&khqr)).to_svg().expect("an image"));
        });
        for width in [300, 800] {
            group.bench_function(format!("png {width}"), |bencher| {
                bencher.iter(|| card().width(width).to_png().expect("an image"));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, drawing);
criterion_main!(benches);
