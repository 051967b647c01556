//! What benches compare a scan with: the machine's peak of fused
//! multiply-adds in `f32`, and a kernel on panels in cache.

use crate::kernel::Kernel;
use crate::kernel::isa::{Dispatch, Isa};
use crate::threads::on_threads;
use crate::words::Words;

/// Keeps the units of some threads busy with independent chains in registers;
/// returns the floating-point operations done. Nothing is faster.
#[must_use]
pub fn exercise_peak(isa: Isa, threads: usize, steps: u64) -> u64 {
    let each = || Ok(probe(isa, steps));
    on_threads(threads, each).map_or(0, |done| done.into_iter().sum())
}

#[cfg(target_arch = "x86_64")]
fn probe(isa: Isa, steps: u64) -> u64 {
    let available = Isa::available();
    if matches!(isa, Isa::Avx512 | Isa::Amx) && available.contains(&isa) {
        // SAFETY: the machine has AVX-512.
        unsafe { avx512(steps) }
    } else if available.contains(&Isa::Avx2) {
        // SAFETY: the machine has AVX2 and FMA.
        unsafe { avx2(steps) }
    } else {
        portable(steps)
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn probe(_: Isa, steps: u64) -> u64 {
    portable(steps)
}

/// Chains in flight, enough to hide the latency of one.
const CHAINS: usize = 12;

fn portable(steps: u64) -> u64 {
    let mut sums = [1.0_f32; CHAINS];
    for _ in 0..steps {
        for sum in &mut sums {
            *sum = sum.mul_add(0.999, 1e-7);
        }
    }
    std::hint::black_box(sums);
    steps * CHAINS as u64 * 2
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn avx2(steps: u64) -> u64 {
    use std::arch::x86_64::{_mm256_fmadd_ps, _mm256_set1_ps};
    let (factor, term) = (_mm256_set1_ps(0.999), _mm256_set1_ps(1e-7));
    let mut sums = [_mm256_set1_ps(1.0); CHAINS];
    for _ in 0..steps {
        for sum in &mut sums {
            *sum = _mm256_fmadd_ps(*sum, factor, term);
        }
    }
    std::hint::black_box(sums);
    steps * CHAINS as u64 * 16
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn avx512(steps: u64) -> u64 {
    use std::arch::x86_64::{_mm512_fmadd_ps, _mm512_set1_ps};
    let (factor, term) = (_mm512_set1_ps(0.999), _mm512_set1_ps(1e-7));
    let mut sums = [_mm512_set1_ps(1.0); CHAINS];
    for _ in 0..steps {
        for sum in &mut sums {
            *sum = _mm512_fmadd_ps(*sum, factor, term);
        }
    }
    std::hint::black_box(sums);
    steps * CHAINS as u64 * 32
}

/// Runs one kernel on panels in cache; returns the arithmetic operations
/// done.
#[doc(hidden)]
#[must_use]
pub fn exercise_kernel(isa: Isa, dimension: usize, integers: bool, tiles: usize) -> u64 {
    struct Exercise(usize, bool, usize);
    impl Dispatch for Exercise {
        type Output = u64;

        fn run<K: Kernel>(self, kernel: K) -> u64 {
            let Self(dimension, integers, tiles) = self;
            let (width, depth) =
                if integers { (K::CODED_QUERIES, K::code_depth(dimension)) } else { (K::QUERIES, dimension) };
            let (queries, documents) = (Words::new(width * depth), Words::new(K::DOCUMENTS * depth));
            let mut scores = Words::new(width * K::DOCUMENTS);
            let bars = vec![0; width];
            kernel.enter(|| {
                for _ in 0..tiles {
                    if integers {
                        kernel.tile_of_codes(depth, queries.i32(), documents.i32(), &bars, scores.i32_mut());
                    } else {
                        kernel.tile(depth, queries.f32(), documents.f32(), scores.f32_mut());
                    }
                    std::hint::black_box(&mut scores);
                }
            });
            2 * (dimension * width * K::DOCUMENTS * tiles) as u64
        }
    }
    isa.with(Exercise(dimension, integers, tiles)).unwrap_or(0)
}
