//! Scores of 16-bit codes from products of tiles of bytes.
//!
//! A code is c = 256 h + l with two signed bytes, the limbs h and l. For a
//! query and a document
//!
//! ```text
//!   sum of c c' = 65,536 sum of h h' + 256 sum of (h l' + l h') + sum of l l'
//! ```
//!
//! The last sum is small beside the others: it is left out, and its bound is
//! part of the certified error (`pack::int16`). What remains is divided by
//! 256, so the score is 256 H + M with H = sum of h h', M = sum of h l' + l h',
//! and codes may be sixteen times as fine as those of whole dot products.
//! Sums are taken modulo 2^32; only their total must fit 32 bits.
//!
//! A tile is 16 rows of 64 bytes. A row of a left tile holds 64 components of
//! a query, one of a right tile 4 components of 16 documents, those of a
//! document side by side:
//!
//! ```text
//!   left    q0:  0  1 ... 63          right   d0: 0 1 2 3 | d1: 0 1 2 3 | ... d15
//!           q1:  0  1 ... 63                  d0: 4 5 6 7 | d1: 4 5 6 7 | ... d15
//! ```
//!
//! Any panel of words is a stack of right tiles if the bytes of a code stand
//! in the order of `arrange`: the high limbs of 64 components, then their low
//! limbs, then the next 64.

use half::f16;

use crate::kernel::{ABREAST, Coding, Component, Kernel, NearSums, RowPairs, SIDE_BY_SIDE};

/// Components that one product of tiles sums up.
const STEP: usize = 64;

/// Rows of a tile; queries in a left one, documents in a row of a right one.
pub(super) const ROWS: usize = 16;

/// Words in a row of a tile.
pub(super) const WORDS: usize = 16;

/// Words of a vector in a step: a row of high limbs and one of low limbs.
pub(super) const STEP_WORDS: usize = 2 * WORDS;

/// The products of tiles, by hardware or by emulation.
pub(super) trait Products: Copy + Send + Sync {
    /// What holds the tiles while they are in use.
    type On;

    /// Makes the tiles ready for this thread.
    fn switch_on(self) -> Self::On;

    /// 256 H + M of 16 queries and a panel of documents, and one bit for each
    /// query with a score above its bar.
    fn multiply(self, depth: usize, queries: &[i32], documents: &[i32], bars: &[i32], scores: &mut [i32]) -> u32;
}

/// A kernel for floats, and products of tiles for codes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tiled<F, P> {
    pub(super) floats: F,
    pub(super) products: P,
}

/// Brings the limbs of 64 components at a time into the order of tiles.
#[inline(always)]
fn arrange(code: &mut [i16]) {
    for step in code.as_chunks_mut::<STEP>().0 {
        let mut limbs = [[0_u8; STEP]; 2];
        for (n, value) in step.iter().enumerate() {
            // Half a step more rounds to the nearest high limb, which leaves
            // a signed low one.
            limbs[0][n] = (value.wrapping_add(128) >> 8) as u8;
            limbs[1][n] = *value as u8;
        }
        for (pair, bytes) in step.iter_mut().zip(limbs.as_flattened().as_chunks().0) {
            *pair = i16::from_ne_bytes(*bytes);
        }
    }
}

/// Packs 16 arranged codes as left tiles, each in one piece.
fn pack_left(depth: usize, codes: &[u32], panel: &mut [u32]) {
    for (row, code) in codes.chunks_exact(depth).enumerate() {
        for (tile, words) in panel.chunks_exact_mut(ROWS * WORDS).zip(code.chunks_exact(WORDS)) {
            tile[row * WORDS..(row + 1) * WORDS].copy_from_slice(words);
        }
    }
}

impl<F: Kernel, P: Products> Kernel for Tiled<F, P> {
    const QUERIES: usize = F::QUERIES;
    const DOCUMENTS: usize = F::DOCUMENTS;
    const CODED_QUERIES: usize = ROWS;
    // 32,639 is the greatest code whose high limb fits a byte. Rows of length
    // one have scores below 700,000^2 / 256 and what rounding adds, which
    // fits 31 bits.
    const CODING: Coding = Coding { greatest: 32_639.0, finest: 700_000.0, low_limbs_dropped: true, unit: 1.0 / 256.0 };

    #[inline(always)]
    fn enter<R>(self, body: impl FnOnce() -> R) -> R {
        let _on = self.products.switch_on();
        self.floats.enter(body)
    }

    #[inline(always)]
    fn pack(self, depth: usize, rows: &[u32], panel: &mut [u32]) {
        self.floats.pack(depth, rows, panel);
    }

    #[inline(always)]
    fn tile(self, depth: usize, queries: &[f32], documents: &[f32], scores: &mut [f32]) {
        self.floats.tile(depth, queries, documents, scores);
    }

    #[inline(always)]
    fn chains(self, pairs: RowPairs<'_>) -> [f32; SIDE_BY_SIDE] {
        self.floats.chains(pairs)
    }

    #[inline(always)]
    fn widen(self, halves: &[f16], wide: &mut [f32]) {
        self.floats.widen(halves, wide);
    }

    #[inline(always)]
    fn near<C: Component, const N: usize>(self, rows: [&[C]; ABREAST], queries: [&[f32]; N]) -> NearSums<N> {
        self.floats.near(rows, queries)
    }

    fn code_depth(dimension: usize) -> usize {
        dimension.div_ceil(STEP) * STEP_WORDS
    }

    #[inline(always)]
    fn arrange(self, code: &mut [i16]) {
        arrange(code);
    }

    fn pack_queries(self, depth: usize, codes: &[u32], panel: &mut [u32]) {
        pack_left(depth, codes, panel);
    }

    #[inline(always)]
    fn tile_of_codes(self, depth: usize, queries: &[i32], documents: &[i32], bars: &[i32], scores: &mut [i32]) -> u32 {
        self.products.multiply(depth, queries, documents, bars, scores)
    }

    #[inline(always)]
    fn above(self, scores: &[f32], threshold: f32) -> u32 {
        self.floats.above(scores, threshold)
    }

    #[inline(always)]
    fn at_least(self, scores: &[f32], threshold: f32) -> u32 {
        self.floats.at_least(scores, threshold)
    }

    #[inline(always)]
    fn integers_above(self, scores: &[i32], threshold: i32) -> u32 {
        self.floats.integers_above(scores, threshold)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limbs_lie_where_the_drawing_has_them() {
        let mut code: Vec<i16> = (0..128).map(|n| 300 * (n - 63)).collect();
        let before = code.clone();
        arrange(&mut code);
        let bytes: Vec<i8> = code.iter().flat_map(|pair| pair.to_ne_bytes()).map(|byte| byte as i8).collect();
        for (n, value) in before.iter().enumerate() {
            let (high, low) = (bytes[n / 64 * 128 + n % 64], bytes[n / 64 * 128 + 64 + n % 64]);
            assert_eq!(256 * i32::from(high) + i32::from(low), i32::from(*value));
        }
    }

    #[test]
    fn the_greatest_codes_have_limbs() {
        for value in [32_639, -32_639, 128, 127, -128, -129] {
            let mut code = [value; STEP];
            arrange(&mut code);
            let (high, low) = (code[0].to_ne_bytes()[0] as i8, code[STEP / 2].to_ne_bytes()[0] as i8);
            assert_eq!(256 * i32::from(high) + i32::from(low), i32::from(value));
        }
    }
}
