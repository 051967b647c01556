//! Bootstrap intervals of means, independent of the number of threads.
//!
//! Draw i of resample b comes from a counter-based generator keyed by (seed,
//! b, i), so no draw depends on another and the work can be cut anywhere.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Means of `columns` over `resamples` draws of the rows with replacement.
///
/// `values` holds one row after the other, NaN where a row has no value in a
/// column; such rows leave the column's mean alone. The result is one row of
/// column means per resample, NaN where nothing of a column was drawn.
#[must_use]
pub fn bootstrap_means(values: &[f64], columns: usize, resamples: usize, seed: u64, threads: usize) -> Vec<f64> {
    if columns == 0 || resamples == 0 {
        return Vec::new();
    }
    let rows = values.len() / columns;
    let whole = values.iter().all(|value| !value.is_nan());
    let mut means = vec![f64::NAN; resamples * columns];
    let threads = if threads > 0 { threads } else { thread::available_parallelism().map_or(1, usize::from) };
    let next = AtomicUsize::new(0);
    let slots: Vec<std::sync::Mutex<&mut [f64]>> = means.chunks_mut(columns).map(std::sync::Mutex::new).collect();
    let work = || {
        let mut drawn = vec![0_u32; rows];
        let (mut sums, mut weights) = (vec![0.0; columns], vec![0.0; columns]);
        loop {
            let resample = next.fetch_add(1, Ordering::Relaxed);
            let Some(Ok(mut slot)) = slots.get(resample).map(std::sync::Mutex::lock) else { return };
            drawn.fill(0);
            for draw in 0..rows {
                drawn[below(rows as u64, random(seed, resample as u64, draw as u64)) as usize] += 1;
            }
            sums.fill(0.0);
            weights.fill(0.0);
            for (row, times) in values.chunks_exact(columns).zip(&drawn) {
                if *times > 0 {
                    add(row, f64::from(*times), whole, &mut sums, &mut weights);
                }
            }
            for column in 0..columns {
                let weight = if whole { rows as f64 } else { weights[column] };
                slot[column] = if weight > 0.0 { sums[column] / weight } else { f64::NAN };
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads.min(resamples) {
            scope.spawn(work);
        }
        work();
    });
    drop(slots);
    means
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
        let one = bootstrap_means(&values, 3, 64, 7, 1);
        for threads in [2, 3, 8] {
            assert_eq!(one, bootstrap_means(&values, 3, 64, 7, threads));
        }
        assert_ne!(one, bootstrap_means(&values, 3, 64, 8, 1));
    }

    #[test]
    fn resampled_means_scatter_as_theory_says() {
        let values: Vec<f64> = (0..1000).map(f64::from).collect();
        let means = bootstrap_means(&values, 1, 4000, 1, 0);
        let mean = means.iter().sum::<f64>() / 4000.0;
        let variance = means.iter().map(|m| (m - mean).powi(2)).sum::<f64>() / 3999.0;
        let expected = (1000.0_f64 * 1000.0 - 1.0) / 12.0 / 1000.0;
        assert!((mean - 499.5).abs() < 0.7, "{mean}");
        assert!((variance / expected - 1.0).abs() < 0.1, "{variance} {expected}");
    }

    #[test]
    fn missing_values_leave_the_mean_alone() {
        let means = bootstrap_means(&[1.0, f64::NAN, 1.0, 5.0, 1.0, f64::NAN], 2, 50, 3, 1);
        for pair in means.chunks(2) {
            assert_eq!(pair[0], 1.0);
            assert!(pair[1].is_nan() || pair[1] == 5.0);
        }
    }
}
