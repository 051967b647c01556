//! Near scores: those of a block of rows for a few queries, summed in the
//! order that is fastest, with a proof of how far each can be from the
//! canonical chain.
//!
//! Rows are read where they lie, from several places of a stretch in turn,
//! and never packed. Any other source of near scores with such a proof (rows
//! stored as integers, say) can take the place of `NearScores::read`.

use std::ops::Range;

use crate::kernel::{ABREAST, Component, Kernel, LANES, NearSums};
use crate::matrix::{Elements, Prepared, Similarity};
use crate::scan::Scan;

/// Rows of a block from each of `ABREAST` places of a stretch.
pub(crate) const RUN: usize = 64;

/// Positions of a block: `RUN` for each of the places.
const POSITIONS: usize = ABREAST * RUN;

/// Queries scored while a row is in registers.
const TOGETHER: usize = 4;

/// Rows this short or long have no proof: the canonical rules for them are
/// not those of sums of squares in `f32`.
const SHORTEST: f32 = 1e-9;
const LONGEST: f32 = 1e15;

/// Dot products up to here cannot overflow on the way.
const SAFE_PRODUCT: f32 = 1e37;

/// Near scores of one block. The canonical score of position `p` for query q
/// lies between `lows(q)[p]` and `highs(q)[p]`, which are NaN where there is
/// no proof, and where there is no row.
pub(crate) struct NearScores {
    /// Per query, its length times the relative error of a near score.
    reaches: Vec<f32>,
    /// What roundings below the normal numbers add to a reach.
    tiny: f32,
    /// A row of this length has no proof.
    too_long: f32,
    /// Lengths of the rows; NaN where there is no proof, and so no bound.
    lengths: Vec<f32>,
    lows: Vec<f32>,
    highs: Vec<f32>,
}

impl NearScores {
    pub(crate) fn new(queries: &Prepared) -> Self {
        let dimension = queries.dimension();
        let lengths: Vec<f64> = (0..queries.rows())
            .map(|query| queries.row(query).iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt())
            .collect();
        let longest = lengths.iter().fold(0.0, |most: f64, length| most.max(*length)) as f32;
        let error = relative_error(dimension);
        Self {
            reaches: lengths.iter().map(|length| (length * error) as f32).collect(),
            tiny: dimension as f32 * 1e-44,
            too_long: LONGEST.min(SAFE_PRODUCT / longest),
            lengths: vec![0.0; POSITIONS],
            lows: vec![0.0; POSITIONS * queries.rows()],
            highs: vec![0.0; POSITIONS * queries.rows()],
        }
    }

    pub(crate) fn lows(&self, query: usize) -> &[f32] {
        &self.lows[query * POSITIONS..(query + 1) * POSITIONS]
    }

    pub(crate) fn highs(&self, query: usize) -> &[f32] {
        &self.highs[query * POSITIONS..(query + 1) * POSITIONS]
    }

    /// One bit for each of some positions whose scores have a proof.
    #[inline(always)]
    pub(crate) fn proven<K: Kernel>(&self, kernel: K, positions: Range<usize>) -> u32 {
        kernel.at_least(&self.lengths[positions], SHORTEST)
    }

    /// Scores the rows of some runs of equal length, except the last, which
    /// may be shorter; run n is at positions `n * RUN` and on.
    #[inline(always)]
    pub(crate) fn read<K: Kernel>(&mut self, kernel: K, scan: &Scan<'_>, runs: &[Range<usize>; ABREAST]) {
        match scan.documents.elements() {
            Elements::F32(values) => self.sum(kernel, scan, values, runs),
            Elements::F16(values) => self.sum(kernel, scan, values, runs),
        }
        self.bound(scan.similarity);
    }

    /// Lengths into `lengths`, products into `lows`.
    #[inline(always)]
    fn sum<K: Kernel, C: Component>(
        &mut self,
        kernel: K,
        scan: &Scan<'_>,
        values: &[C],
        runs: &[Range<usize>; ABREAST],
    ) {
        let last = scan.documents.rows() - 1;
        let longest = runs.iter().map(ExactSizeIterator::len).fold(0, usize::max);
        for at in 0..longest {
            // Runs that have ended read any row; their positions are cleared.
            let rows = std::array::from_fn(|n| &values[scan.documents.components((runs[n].start + at).min(last))]);
            for first in (0..scan.queries.rows()).step_by(TOGETHER) {
                match scan.queries.rows() - first {
                    1 => self.keep(at, first, kernel.near(rows, few::<1>(scan.queries, first))),
                    2 => self.keep(at, first, kernel.near(rows, few::<2>(scan.queries, first))),
                    3 => self.keep(at, first, kernel.near(rows, few::<3>(scan.queries, first))),
                    _ => self.keep(at, first, kernel.near(rows, few::<TOGETHER>(scan.queries, first))),
                }
            }
        }
        for (run, lengths) in runs.iter().zip(self.lengths.chunks_exact_mut(RUN)) {
            lengths[run.len()..].fill(f32::NAN);
        }
    }

    #[inline(always)]
    fn keep<const N: usize>(&mut self, at: usize, first: usize, (squares, products): NearSums<N>) {
        for row in 0..ABREAST {
            self.lengths[row * RUN + at] = squares[row];
            for (n, products) in products.iter().enumerate() {
                self.lows[(first + n) * POSITIONS + row * RUN + at] = products[row];
            }
        }
    }

    /// Turns squares into lengths, and products into bounds of scores.
    #[inline(always)]
    fn bound(&mut self, similarity: Similarity) {
        let (too_long, tiny) = (self.too_long, self.tiny);
        for length in &mut self.lengths {
            let root = length.sqrt();
            *length = if (root >= SHORTEST) & (root < too_long) { root } else { f32::NAN };
        }
        let bounds = self.lows.chunks_exact_mut(POSITIONS).zip(self.highs.chunks_exact_mut(POSITIONS));
        for ((lows, highs), reach) in bounds.zip(&self.reaches) {
            for ((low, high), length) in lows.iter_mut().zip(highs).zip(&self.lengths) {
                let (scale, factor) = match similarity {
                    Similarity::Cosine => (1.0 / length, 1.0),
                    Similarity::Dot => (1.0, *length),
                };
                let (near, reach) = (*low * scale, reach * factor + tiny);
                *low = near - reach;
                *high = near + reach;
            }
        }
    }
}

#[inline(always)]
fn few<const N: usize>(queries: &Prepared, first: usize) -> [&[f32]; N] {
    std::array::from_fn(|n| queries.row(first + n))
}

/// How far a near score can be from the canonical one, in lengths of the
/// query and (for dot products) of the document.
///
/// With u = 2^-24: the canonical chain rounds d times, so it is off by at
/// most d u / (1 - d u); its row was rounded once more. A near score rounds
/// at most d / LANES + LANES + 4 times, the squared length as often, of which
/// the root halves the error. Six more for the root, the reciprocal, the
/// product and the comparison with a bar.
fn relative_error(dimension: usize) -> f64 {
    let unit = 2.0_f64.powi(-24);
    let gamma = |roundings: f64| {
        let error = roundings * unit;
        if error < 0.5 { error / (1.0 - error) } else { f64::INFINITY }
    };
    (gamma(dimension as f64) + 1.5 * gamma((dimension / LANES + LANES + 4) as f64) + 8.0 * unit) * 1.001
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::chain;
    use crate::kernel::isa::{Dispatch, Isa};
    use proptest::prelude::*;

    struct Check<'a>(&'a [f32], &'a [f32]);
    impl Dispatch for Check<'_> {
        type Output = ();

        fn run<K: Kernel>(self, kernel: K) {
            let (query, document) = (self.0, self.1);
            let (rows, queries) = ([document, query, query, document], [query, document]);
            let (squares, products) = kernel.enter(|| kernel.near(rows, queries));
            let length = |row: &[f32]| row.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
            let near = |sum: f32, a: &[f32], b: &[f32]| {
                let off = (f64::from(sum) - f64::from(chain(a, b))).abs();
                assert!(off <= relative_error(query.len()) * length(a) * length(b));
            };
            for (row, square) in rows.into_iter().zip(squares) {
                near(square, row, row);
            }
            for (query, products) in queries.into_iter().zip(products) {
                for (row, product) in rows.into_iter().zip(products) {
                    near(product, query, row);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn canonical_scores_lie_within_reach(
            seed in prop::collection::vec(-1.0_f32..1.0, 5..60),
            dimension in 1_usize..700,
        ) {
            let row = |shift: usize| -> Vec<f32> {
                (0..dimension).map(|k| 0.01 + seed[(k * 7 + shift * 3) % seed.len()].abs()).collect()
            };
            let (query, document) = (row(0), row(1));
            for isa in Isa::available() {
                isa.with(Check(&query, &document)).unwrap();
            }
        }
    }

    #[test]
    fn very_long_rows_have_no_proof() {
        assert!(relative_error(1 << 24).is_infinite());
        assert!(relative_error(384) < 3e-5);
    }
}
