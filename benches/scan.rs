//! Criterion benches of the tile kernels and of whole scans; throughput is in
//! floating-point operations. `benches/share.rs` compares them with the peak
//! of the machine.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

#[allow(dead_code)]
mod contest;
mod pool;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

use clinometer::{Isa, Precision, exercise_kernel};
use contest::fast_kernels;
use pool::Pool;

const DIMENSION: usize = 384;

fn kernel(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("kernel");
    for isa in Isa::available() {
        for (dimension, integers) in [(384, false), (384, true), (768, false), (1024, false)] {
            let operations = exercise_kernel(isa, dimension, integers, 100);
            group.throughput(Throughput::Elements(operations));
            let name = if integers { format!("{} int16", isa.name()) } else { isa.name().to_owned() };
            group.bench_function(BenchmarkId::new(name, dimension), |bencher| {
                bencher.iter(|| exercise_kernel(isa, dimension, integers, 100));
            });
        }
    }
    group.finish();
}

fn scan(criterion: &mut Criterion) {
    let pool = Pool::new(240, 50_000, DIMENSION, 8);
    let mut group = criterion.benchmark_group("scan");
    group.sample_size(10);
    group.throughput(Throughput::Elements(pool.operations()));
    for isa in fast_kernels() {
        for precision in [Precision::Float32, Precision::Int16Certified] {
            for k in [0, 100, 1000] {
                let name = format!("{} {precision:?}", isa.name());
                group.bench_function(BenchmarkId::new(name, k), |bencher| {
                    bencher.iter(|| pool.scan(isa, precision, true, k, 1));
                });
            }
        }
    }
    group.finish();
}

criterion_group!(benches, kernel, scan);
criterion_main!(benches);
