//! The kernel for any machine: `f32::mul_add` on arrays, which compilers turn
//! into vector instructions where the target has them; elsewhere it is slow
//! but still exact.

use half::f16;
use half::slice::HalfFloatSliceExt;

use crate::kernel::{ABREAST, Component, Kernel, LANES, NearSums, RowPairs, SIDE_BY_SIDE, chain};

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

    #[inline(always)]
    fn near<C: Component, const N: usize>(self, rows: [&[C]; ABREAST], queries: [&[f32]; N]) -> NearSums<N> {
        let product = |row: &[C], other: &dyn Fn(usize) -> f32| {
            let whole = row.len() - row.len() % LANES;
            let mut sums = [0.0_f32; LANES];
            for (k, components) in row[..whole].chunks_exact(LANES).enumerate() {
                for (lane, component) in components.iter().enumerate() {
                    sums[lane] = component.wide().mul_add(other(k * LANES + lane), sums[lane]);
                }
            }
            let four: [f32; 4] = std::array::from_fn(|n| sums[n] + sums[n + 4]);
            let sum = (four[0] + four[2]) + (four[1] + four[3]);
            (whole..row.len()).fold(sum, |sum, k| row[k].wide().mul_add(other(k), sum))
        };
        (
            rows.map(|row| product(row, &|k| row[k].wide())),
            queries.map(|query| rows.map(|row| product(row, &|k| query[k]))),
        )
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
