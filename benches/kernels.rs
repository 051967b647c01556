//! Whole scans with each kernel and precision, which take turns: seconds of
//! processor time of one thread, and how many times as fast as the first.
//!
//! `cargo bench --bench kernels -- queries documents dimension k rounds [words]`;
//! only contenders with all the words in their name take part.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod contest;
#[allow(dead_code)]
mod pool;

use clinometer::{Isa, Precision};
use contest::{fast_kernels, number, processor_time, takes_part};
use pool::Pool;

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let (queries, documents, dimension) = (number(0, 1000), number(1, 100_000), number(2, 384));
    let (k, rounds) = (number(3, 100), number(4, 3));
    let pool = Pool::new(queries, documents, dimension, 8);
    println!("{queries} queries, {documents} documents, dimension {dimension}, k={k}");
    let mut contenders = Vec::new();
    for isa in fast_kernels() {
        for precision in [Precision::Float32, Precision::Int16Certified] {
            let name = format!("{} {precision:?}", isa.name());
            if takes_part(&name) && (isa, precision) != (Isa::Amx, Precision::Float32) {
                contenders.push((name, isa, precision));
            }
        }
    }
    let mut times = vec![Vec::new(); contenders.len()];
    let mut rescored = vec![0; contenders.len()];
    for _ in 0..rounds {
        for (n, (_, isa, precision)) in contenders.iter().enumerate() {
            let start = processor_time().unwrap();
            rescored[n] = pool.scan(*isa, *precision, true, k, 1).rescored;
            times[n].push(processor_time().unwrap() - start);
        }
    }
    for (n, (name, ..)) in contenders.iter().enumerate() {
        let ratios = times[n].iter().zip(&times[0]).map(|(time, first)| first / time).collect();
        let least = times[n].iter().fold(f64::INFINITY, |a, b| a.min(*b));
        println!(
            "{name:24} median {:.3} s, least {least:.3} s, {:.2} times the first, {} scored twice",
            median(times[n].clone()),
            median(ratios),
            rescored[n]
        );
    }
}
