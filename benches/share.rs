//! How much of the machine's fused multiply-add peak the kernels and whole
//! scans reach. Contenders take turns in one process and the peak is probed
//! around each, so other load shows in both.
//!
//! `cargo bench --bench share -- [queries documents dimension threads rounds] [words]`;
//! only contenders with all the words in their name take part.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

mod contest;
#[allow(dead_code)]
mod pool;

use std::hint::black_box;
use std::thread;
use std::time::Instant;

use clinometer::{Isa, Precision, exercise_kernel, exercise_peak};
use contest::{fast_kernels, number, processor_time, takes_part};
use pool::Pool;

fn main() {
    let (queries, documents, dimension) = (number(0, 1000), number(1, 200_000), number(2, 384));
    let (threads, rounds) = (number(3, 1), number(4, 3));
    let pool = Pool::new(queries, documents, dimension, 8);
    println!("{queries} queries, {documents} documents, dimension {dimension}, {threads} threads");
    for isa in fast_kernels() {
        for precision in [Precision::Float32, Precision::Int16Certified, Precision::Auto] {
            let integers = precision == Precision::Int16Certified;
            if precision != Precision::Auto {
                report(isa, &format!("{precision:?} kernel alone"), rounds, threads, || {
                    on_each(threads, || exercise_kernel(isa, dimension, integers, 100_000))
                });
            }
            for (relevant, k) in [(false, 0), (true, 0), (true, 100), (true, 1000)] {
                let what = format!("{precision:?} scan, {} relevant, k={k}.", if relevant { 4 } else { 0 });
                report(isa, &what, rounds, threads, || {
                    black_box(pool.scan(isa, precision, relevant, k, threads));
                    pool.operations()
                });
            }
        }
    }
}

/// Best of some rounds, each between two probes of the peak.
fn report(isa: Isa, what: &str, rounds: usize, threads: usize, work: impl Fn() -> u64) {
    let title = format!("{} {what}", isa.name());
    if !takes_part(&title) {
        return;
    }
    let (mut best, mut share) = (0.0_f64, Vec::new());
    for _ in 0..rounds {
        let before = rate(threads, || exercise_peak(isa, threads, 30_000_000));
        let speed = rate(threads, &work);
        let after = rate(threads, || exercise_peak(isa, threads, 30_000_000));
        best = best.max(speed);
        share.push(speed / (0.5 * (before + after)));
    }
    share.sort_by(f64::total_cmp);
    println!("{title:48} best {best:6.1} GFLOP/s, share of peak {:.2} (median)", share[rounds / 2]);
}

fn rate(threads: usize, work: impl Fn() -> u64) -> f64 {
    let (start, used) = (Instant::now(), processor_time());
    let operations = work();
    // A thread that works alone is timed by what it used, so that it does
    // not matter who else wants the processor.
    let used = processor_time().zip(used).map(|(now, then)| now - then).filter(|_| threads == 1);
    operations as f64 / used.unwrap_or(start.elapsed().as_secs_f64()) / 1e9
}

/// The same on several threads; returns the sum.
fn on_each(threads: usize, work: impl Fn() -> u64 + Sync) -> u64 {
    if threads == 1 {
        return work();
    }
    thread::scope(|scope| {
        let handles: Vec<_> = (0..threads).map(|_| scope.spawn(&work)).collect();
        handles.into_iter().map(|handle| handle.join().unwrap()).sum()
    })
}
