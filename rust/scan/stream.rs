//! A worker for few queries, which waits for memory.
//!
//! Every row is read once, where it lies, and never packed. Its score is
//! first summed in the order that is fastest, with a proof of how far that
//! can be from the canonical chain; only where this does not decide, the row
//! is made ready and scored canonically. Any other source of near scores
//! with such a proof (rows stored as integers, say) can take the place of
//! `StreamWorker::near`.

use std::ops::Range;

use crate::error::{Result, RowProblem};
use crate::kernel::{Kernel, LANES, SIDE_BY_SIDE, TOGETHER};
use crate::matrix::Similarity;
use crate::scan::worker::{Share, Shared, Worker};
use crate::topk::Hit;

/// Rows this short or long are left to the canonical score, whose rules for
/// them are not those of sums of squares in `f32`.
const LENGTHS: Range<f32> = 1e-9..1e15;

/// Dot products up to here cannot overflow on the way.
const SAFE_PRODUCT: f32 = 1e37;

/// The working memory and the results of one thread.
pub(crate) struct StreamWorker<'s, K> {
    shared: &'s Shared<'s, K>,
    /// Per query, its length times the relative error of a near score.
    reaches: Vec<f32>,
    longest: f32,
    /// What roundings below the normal numbers add to a reach.
    tiny: f32,
    wide: Vec<f32>,
    ready: Vec<f32>,
    near: Vec<f32>,
    doubts: Vec<u32>,
    share: Share,
}

impl<'s, K: Kernel> Worker<'s, K> for StreamWorker<'s, K> {
    fn new(shared: &'s Shared<'s, K>) -> Result<Self> {
        let scan = shared.scan;
        let dimension = scan.documents.dimension();
        let lengths: Vec<f64> = (0..scan.queries.rows())
            .map(|query| scan.queries.row(query).iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt())
            .collect();
        let error = relative_error(dimension);
        Ok(Self {
            shared,
            reaches: lengths.iter().map(|length| (length * error) as f32).collect(),
            longest: lengths.iter().fold(0.0, |most: f64, length| most.max(*length)) as f32,
            tiny: dimension as f32 * 1e-44,
            wide: Vec::new(),
            ready: vec![0.0; dimension],
            near: vec![0.0; scan.queries.rows()],
            doubts: Vec::new(),
            share: Share::new(shared)?,
        })
    }

    fn finish(self) -> Share {
        self.share
    }

    fn scan(&mut self, rows: Range<usize>) -> Result<Vec<(u64, RowProblem)>> {
        let shared = self.shared;
        shared.control.check()?;
        let documents = rows.len();
        let mut bad = Vec::new();
        shared.kernel.enter(
            #[inline(always)]
            || {
                for row in rows {
                    let length = self.near(row);
                    if let Err(problem) = self.judge(row, length) {
                        bad.push((row as u64, problem));
                    }
                }
            },
        );
        if let Some(progress) = shared.progress {
            progress.advance(documents);
        }
        Ok(bad)
    }
}

impl<K: Kernel> StreamWorker<'_, K> {
    /// Near scores of a row for all queries. Returns what the reaches must
    /// be multiplied by, or None if the scores mean nothing.
    #[inline(always)]
    fn near(&mut self, row: usize) -> Option<f32> {
        let scan = self.shared.scan;
        let vector = scan.documents.widen(self.shared.kernel, row, &mut self.wide);
        let queries = scan.queries.rows();
        // The row itself is the first of those that it is multiplied with.
        let mut length = 0.0;
        if queries == 1 {
            let [square, product] = self.shared.kernel.dots(vector, [vector, scan.queries.row(0)]);
            length = square.sqrt();
            self.near[0] = product;
        } else {
            for first in (0..=queries).step_by(TOGETHER) {
                let others: [&[f32]; TOGETHER] = std::array::from_fn(|n| match (first + n).min(queries) {
                    0 => vector,
                    query => scan.queries.row(query - 1),
                });
                for (n, product) in (first..=queries).zip(self.shared.kernel.dots(vector, others)) {
                    match n {
                        0 => length = product.sqrt(),
                        query => self.near[query - 1] = product,
                    }
                }
            }
        }
        if !LENGTHS.contains(&length) || length * self.longest > SAFE_PRODUCT {
            return None;
        }
        let (scale, factor) = match scan.similarity {
            Similarity::Cosine => (1.0 / length, 1.0),
            Similarity::Dot => (1.0, length),
        };
        self.near.iter_mut().for_each(|near| *near *= scale);
        Some(factor)
    }

    /// The canonical score of the row is in this range.
    #[inline(always)]
    fn range(&self, query: usize, factor: Option<f32>) -> (f32, f32) {
        let Some(factor) = factor else { return (f32::NEG_INFINITY, f32::INFINITY) };
        let reach = self.reaches[query] * factor + self.tiny;
        (self.near[query] - reach, self.near[query] + reach)
    }

    /// Counts what near scores decide; the rest is scored canonically.
    #[inline(always)]
    fn judge(&mut self, row: usize, factor: Option<f32>) -> std::result::Result<(), RowProblem> {
        let scan = self.shared.scan;
        let language = usize::from(scan.languages[row]);
        self.doubts.clear();
        for query in 0..self.near.len() {
            let (low, high) = self.range(query, factor);
            let mut open = (scan.k > 0) && high >= self.share.candidates.threshold(scan.list(query, language));
            let targets = scan.targets.of_query(query);
            let bars = scan.targets.scores(targets.clone());
            for (bar, greater) in bars.iter().zip(self.share.counts.greater_of(language, targets)) {
                *greater += u32::from(low > *bar);
                // No branch: scores near a bar are hard to guess.
                open |= (low <= *bar) & (high >= *bar);
            }
            if open || factor.is_none() {
                self.doubts.push(query as u32);
            }
        }
        if self.doubts.is_empty() && factor.is_some() { Ok(()) } else { self.settle(row, factor) }
    }

    /// Scores a row canonically for the queries in doubt.
    #[inline(never)]
    fn settle(&mut self, row: usize, factor: Option<f32>) -> std::result::Result<(), RowProblem> {
        let scan = self.shared.scan;
        let length = scan.documents.prepare_row(row, scan.similarity, &mut self.ready)?;
        if !scan.fits(length) {
            return Err(RowProblem::TooLong);
        }
        let language = usize::from(scan.languages[row]);
        let place = scan.place(row);
        let doubts = std::mem::take(&mut self.doubts);
        for few in doubts.chunks(SIDE_BY_SIDE) {
            let pairs =
                std::array::from_fn(|n| (scan.queries.row(few[n.min(few.len() - 1)] as usize), self.ready.as_slice()));
            let scores = self.shared.kernel.enter(
                #[inline(always)]
                || self.shared.kernel.chains(pairs),
            );
            for (query, score) in few.iter().map(|query| *query as usize).zip(scores) {
                if scan.k > 0 {
                    self.share.candidates.offer(scan.list(query, language), Hit { score, place });
                }
                let (low, _) = self.range(query, factor);
                for target in scan.targets.of_query(query) {
                    let bar = scan.targets.score(target);
                    if low > bar {
                        continue; // counted before
                    }
                    if score > bar {
                        self.share.counts.greater_of(language, target..target + 1)[0] += 1;
                    } else if score == bar {
                        self.share.counts.add_tie(language, target, scan.targets.place(target), place);
                    }
                }
            }
        }
        self.share.rescored += doubts.len() as u64;
        self.doubts = doubts;
        Ok(())
    }
}

/// How far a near score can be from the canonical one, in lengths of the
/// query and (for dot products) of the document.
///
/// With u = 2^-24: the canonical chain rounds d times, so it is off by at
/// most d u / (1 - d u); its row was rounded once more. A near score rounds
/// at most d / LANES + LANES + 4 times, the squared length as often, of which the root halves
/// the error. Six more for the root, the reciprocal, the product and the
/// comparison with a bar.
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
            let others = [document, query, query, document];
            let near = kernel.enter(|| kernel.dots(document, others));
            let length = |row: &[f32]| row.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
            for (near, other) in near.into_iter().zip(others) {
                let off = (f64::from(near) - f64::from(chain(other, document))).abs();
                assert!(off <= relative_error(query.len()) * length(other) * length(document));
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
