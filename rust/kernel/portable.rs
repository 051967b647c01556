//! The kernel for any machine: `f32::mul_add` on arrays, which compilers turn
//! into vector instructions where the target has them; elsewhere it is slow
//! but still exact.

use half::f16;
use half::slice::HalfFloatSliceExt;

use crate::kernel::{Kernel, LANES, RowPairs, SIDE_BY_SIDE, chain};

#[derive(Debug, Clone, Copy)]
pub(crate) struct Portable;

impl Kernel for Portable {
    const QUERIES: usize = 4;
    const DOCUMENTS: usize = 16;

    fn enter<R>(self, body: impl FnOnce() -> R) -> R {
        body()
    }

    fn pack(self, depth: usize, rows: &[u32], panel: &mut [u32]) {
        pack_word_by_word(Self::DOCUMENTS, depth, rows, panel);
    }

    #[inline(always)]
    fn tile(self, depth: usize, queries: &[f32], documents: &[f32], scores: &mut [f32]) {
        let mut sums = [[0.0_f32; Self::DOCUMENTS]; Self::QUERIES];
        let components = queries.chunks_exact(Self::QUERIES).zip(documents.chunks_exact(Self::DOCUMENTS));
        for (query, document) in components.take(depth) {
            for (row, q) in sums.iter_mut().zip(query) {
                for (sum, d) in row.iter_mut().zip(document) {
                    *sum = q.mul_add(*d, *sum);
                }
            }
        }
        scores.copy_from_slice(sums.as_flattened());
    }

    #[inline(always)]
    fn chains(self, pairs: RowPairs<'_>) -> [f32; SIDE_BY_SIDE] {
        pairs.map(|(query, document)| chain(query, document))
    }

    fn widen(self, halves: &[f16], wide: &mut [f32]) {
        halves.convert_to_f32_slice(wide);
    }

    fn dots<const N: usize>(self, row: &[f32], others: [&[f32]; N]) -> [f32; N] {
        others.map(|other| {
            let (rows, others) = (row.chunks_exact(LANES), other.chunks_exact(LANES));
            let rest = rows.remainder().iter().zip(others.remainder());
            let mut sums = [0.0_f32; LANES];
            for (a, b) in rows.zip(others) {
                for (n, sum) in sums.iter_mut().enumerate() {
                    *sum = a[n].mul_add(b[n], *sum);
                }
            }
            let eight: [f32; 8] = std::array::from_fn(|n| sums[n] + sums[n + 8]);
            let four: [f32; 4] = std::array::from_fn(|n| eight[n] + eight[n + 4]);
            rest.fold((four[0] + four[2]) + (four[1] + four[3]), |sum, (a, b)| a.mul_add(*b, sum))
        })
    }

    #[inline(always)]
    fn tile_of_codes(self, depth: usize, queries: &[i32], documents: &[i32], bars: &[i32], scores: &mut [i32]) -> u32 {
        let mut sums = [[0_i32; Self::DOCUMENTS]; Self::QUERIES];
        let components = queries.chunks_exact(Self::QUERIES).zip(documents.chunks_exact(Self::DOCUMENTS));
        for (query, document) in components.take(depth) {
            for (row, q) in sums.iter_mut().zip(query) {
                for (sum, d) in row.iter_mut().zip(document) {
                    let low = i32::from(*q as i16) * i32::from(*d as i16);
                    *sum = sum.wrapping_add(low + (q >> 16) * (d >> 16));
                }
            }
        }
        scores.copy_from_slice(sums.as_flattened());
        rows_above(scores, bars)
    }

    #[inline(always)]
    fn above(self, scores: &[f32], threshold: f32) -> u32 {
        mask(scores, |score| score > threshold)
    }

    #[inline(always)]
    fn at_least(self, scores: &[f32], threshold: f32) -> u32 {
        mask(scores, |score| score >= threshold)
    }

    #[inline(always)]
    fn integers_above(self, scores: &[i32], threshold: i32) -> u32 {
        mask(scores, |score| score > threshold)
    }
}

#[inline(always)]
fn mask<T: Copy>(scores: &[T], keep: impl Fn(T) -> bool) -> u32 {
    scores.iter().enumerate().fold(0, |mask, (bit, score)| mask | u32::from(keep(*score)) << bit)
}

/// One bit for each row of scores with one above its bar.
pub(super) fn rows_above(scores: &[i32], bars: &[i32]) -> u32 {
    let rows = scores.chunks_exact(scores.len() / bars.len()).zip(bars);
    rows.enumerate().fold(0, |open, (n, (row, bar))| open | u32::from(row.iter().any(|score| score > bar)) << n)
}

/// Packs rows word by word.
pub(crate) fn pack_word_by_word(width: usize, depth: usize, rows: &[u32], panel: &mut [u32]) {
    for (lane, row) in rows.chunks_exact(depth).take(width).enumerate() {
        for (line, word) in panel.chunks_exact_mut(width).zip(row) {
            line[lane] = *word;
        }
    }
}
