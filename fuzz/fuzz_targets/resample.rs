//! Bootstrap and permutation of arbitrary values: the same with any number of threads, within the range of the values,
//! and counts no greater than the number of resamples.

#![no_main]

use arbitrary::Arbitrary;
use clinometer::{bootstrap_means, permutation_counts};
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Arbitrary)]
struct Input {
    values: Vec<f32>,
    columns: u8,
    resamples: u8,
    seed: u64,
    threads: u8,
}

fuzz_target!(|input: Input| {
    let columns = usize::from(input.columns % 6) + 1;
    let finite = |value: &f32| if value.is_infinite() { f64::NAN } else { f64::from(*value) };
    let mut values: Vec<f64> = input.values.iter().map(finite).collect();
    values.truncate(values.len() / columns * columns);
    if values.is_empty() {
        return;
    }
    let (resamples, threads) = (usize::from(input.resamples), usize::from(input.threads % 4) + 2);
    let bits = |numbers: &[f64]| numbers.iter().map(|number| number.to_bits()).collect::<Vec<_>>();
    let means = bootstrap_means(&values, columns, resamples, input.seed, 1).unwrap();
    assert_eq!(bits(&means), bits(&bootstrap_means(&values, columns, resamples, input.seed, threads).unwrap()));
    for column in 0..columns {
        let own = values.iter().skip(column).step_by(columns).filter(|value| !value.is_nan());
        let (low, high) = own.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(*v), high.max(*v)));
        let slack = 1e-9 * low.abs().max(high.abs());
        for mean in means.iter().skip(column).step_by(columns).filter(|mean| !mean.is_nan()) {
            assert!((low - slack..=high + slack).contains(mean));
        }
    }
    let counts = permutation_counts(&values, columns, resamples, input.seed, 1).unwrap();
    assert_eq!(counts, permutation_counts(&values, columns, resamples, input.seed, threads).unwrap());
    assert!(counts.iter().all(|count| *count <= resamples as u64));
});
