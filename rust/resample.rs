//! Bootstrap and permutation of means, independent of the number of threads.
//!
//! Draw i of resample b comes from a counter-based generator keyed by (seed,
//! b, i), so no draw depends on another and the work can be cut anywhere.

use std::sync::Mutex;

use crate::error::{Error, Result};
use crate::memory::repeated;
use crate::threads::{on_threads, thread_count};

/// Means of `columns` over `resamples` draws of the rows with replacement.
///
/// `values` holds one row after the other, NaN where a row has no value in a
/// column; such rows leave the column's mean alone. The result is one row of
/// column means per resample, NaN where nothing of a column was drawn.
///
/// # Errors
/// The result does not fit into memory.
pub fn bootstrap_means(
    values: &[f64],
    columns: usize,
    resamples: usize,
    seed: u64,
    threads: usize,
) -> Result<Vec<f64>> {
    if columns == 0 {
        return Ok(Vec::new());
    }
    let rows = values.len() / columns;
    let whole = values.iter().all(|value| !value.is_nan());
    let mut means = repeated(f64::NAN, &[resamples, columns])?;
    for_each_resample(&mut means, columns, threads, |resample, means, scratch| {
        let Scratch { drawn, weights } = scratch;
        drawn.clear();
        drawn.resize(rows, 0);
        for draw in 0..rows {
            drawn[below(rows as u64, random(seed, resample as u64, draw as u64)) as usize] += 1;
        }
        weights.clear();
        weights.resize(columns, 0.0);
        means.fill(0.0);
        for (row, times) in values.chunks_exact(columns).zip(drawn) {
            if *times > 0 {
                add(row, f64::from(*times), whole, means, weights);
            }
        }
        for (mean, weight) in means.iter_mut().zip(weights) {
            let weight = if whole { rows as f64 } else { *weight };
            *mean = if weight > 0.0 { *mean / weight } else { f64::NAN };
        }
    })?;
    Ok(means)
}

/// How often random signs make the mean of a column at least as far from
/// zero as it is: the paired permutation test, two-sided.
///
/// `differences` holds one row of paired differences after the other, NaN
/// where a pair is not defined. A row has one sign for all its columns. Sums
/// that differ only by rounding count as equal. The p-value of a column is
/// (count + 1) / (resamples + 1).
///
/// # Errors
/// The sums do not fit into memory.
pub fn permutation_counts(
    differences: &[f64],
    columns: usize,
    resamples: usize,
    seed: u64,
    threads: usize,
) -> Result<Vec<u64>> {
    if columns == 0 {
        return Ok(Vec::new());
    }
    let sum = |sums: &mut [f64], sign: &dyn Fn(usize) -> f64| {
        sums.fill(0.0);
        for (row, values) in differences.chunks_exact(columns).enumerate() {
            let sign = sign(row);
            for (sum, value) in sums.iter_mut().zip(values) {
                *sum += if value.is_nan() { 0.0 } else { sign * value };
            }
        }
    };
    let mut observed = vec![0.0; columns];
    sum(&mut observed, &|_| 1.0);
    let magnitude: Vec<f64> = (0..columns)
        .map(|column| differences.iter().skip(column).step_by(columns).filter(|d| !d.is_nan()).map(|d| d.abs()).sum())
        .collect();
    let mut sums = repeated(0.0, &[resamples, columns])?;
    for_each_resample(&mut sums, columns, threads, |resample, sums, _| {
        sum(sums, &|row| {
            // One draw gives the signs of 64 rows.
            let bits = random(seed, resample as u64, row as u64 / 64);
            if bits >> (row % 64) & 1 == 1 { 1.0 } else { -1.0 }
        });
    })?;
    let mut counts = vec![0; columns];
    for resampled in sums.chunks_exact(columns) {
        for column in 0..columns {
            let slack = 1e-12 * magnitude[column];
            counts[column] += u64::from(resampled[column].abs() >= observed[column].abs() - slack);
        }
    }
    Ok(counts)
}

/// Memory that a thread uses again for each resample.
#[derive(Default)]
struct Scratch {
    drawn: Vec<u32>,
    weights: Vec<f64>,
}

/// Fills one row of `table` per resample; the result does not depend on which
/// thread does it.
fn for_each_resample(
    table: &mut [f64],
    columns: usize,
    threads: usize,
    fill: impl Fn(usize, &mut [f64], &mut Scratch) + Sync,
) -> Result<()> {
    let rows = Mutex::new(table.chunks_mut(columns).enumerate());
    on_threads(thread_count(threads), || {
        let mut scratch = Scratch::default();
        loop {
            let next = rows.lock().map_err(|_| Error::Worker)?.next();
            let Some((resample, row)) = next else { return Ok(()) };
            fill(resample, row, &mut scratch);
        }
    })?;
    Ok(())
}

fn add(row: &[f64], times: f64, whole: bool, sums: &mut [f64], weights: &mut [f64]) {
    if whole {
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += times * value;
        }
        return;
    }
    for ((sum, weight), value) in sums.iter_mut().zip(weights).zip(row) {
        let known = !value.is_nan();
        *sum += if known { times * value } else { 0.0 };
        *weight += if known { times } else { 0.0 };
    }
}

/// 64 random bits for a counter: three rounds of the SplitMix64 finalizer,
/// one for each part of the key.
fn random(seed: u64, stream: u64, counter: u64) -> u64 {
    mix(mix(mix(seed).wrapping_add(stream)).wrapping_add(counter))
}

fn mix(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Scales 64 random bits to a number below `bound`; the bias is below
/// bound / 2^64.
fn below(bound: u64, random: u64) -> u64 {
    ((u128::from(random) * u128::from(bound)) >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_do_not_show() {
        let values: Vec<f64> = (0..300).map(|i| f64::from(i * 37 % 101)).collect();
        let one = bootstrap_means(&values, 3, 64, 7, 1).unwrap();
        for threads in [2, 3, 8] {
            assert_eq!(one, bootstrap_means(&values, 3, 64, 7, threads).unwrap());
        }
        assert_ne!(one, bootstrap_means(&values, 3, 64, 8, 1).unwrap());
    }

    #[test]
    fn resampled_means_scatter_as_theory_says() {
        let values: Vec<f64> = (0..1000).map(f64::from).collect();
        let means = bootstrap_means(&values, 1, 4000, 1, 0).unwrap();
        let mean = means.iter().sum::<f64>() / 4000.0;
        let variance = means.iter().map(|m| (m - mean).powi(2)).sum::<f64>() / 3999.0;
        let expected = (1000.0_f64 * 1000.0 - 1.0) / 12.0 / 1000.0;
        assert!((mean - 499.5).abs() < 0.7, "{mean}");
        assert!((variance / expected - 1.0).abs() < 0.1, "{variance} {expected}");
    }

    #[test]
    fn permutation_counts_approach_the_exact_share() {
        // Four differences of 1: only the two patterns of equal signs, of
        // sixteen, reach the observed mean.
        let counts = permutation_counts(&[1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0], 2, 16_000, 5, 0).unwrap();
        assert!((counts[0] as f64 / 16_000.0 - 0.125).abs() < 0.01, "{counts:?}");
        assert_eq!(counts[1], 16_000);
        assert_eq!(counts, permutation_counts(&[1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0], 2, 16_000, 5, 1).unwrap());
    }

    #[test]
    fn undefined_pairs_do_not_count() {
        let with = permutation_counts(&[2.0, f64::NAN, -1.0, 0.5], 1, 500, 9, 1).unwrap();
        let without = permutation_counts(&[2.0, 0.0, -1.0, 0.5], 1, 500, 9, 1).unwrap();
        assert_eq!(with, without);
    }

    #[test]
    fn missing_values_leave_the_mean_alone() {
        let means = bootstrap_means(&[1.0, f64::NAN, 1.0, 5.0, 1.0, f64::NAN], 2, 50, 3, 1).unwrap();
        for pair in means.chunks(2) {
            assert_eq!(pair[0], 1.0);
            assert!(pair[1].is_nan() || pair[1] == 5.0);
        }
    }

    #[test]
    fn more_resamples_than_memory_holds_are_an_error() {
        assert!(matches!(bootstrap_means(&[1.0], 1, usize::MAX / 16, 0, 1), Err(Error::Memory(_))));
        assert!(matches!(permutation_counts(&[1.0, 2.0], 2, usize::MAX / 2, 0, 1), Err(Error::Memory(_))));
    }
}
