//! A worker for few queries, which waits for memory.
//!
//! Every row is read once, where it lies. Only where its near scores do not
//! decide (`near` says how far they can be trusted) is it made ready and
//! scored canonically.

use std::ops::Range;

use crate::error::{Result, RowProblem};
use crate::kernel::{ABREAST, Kernel, SIDE_BY_SIDE};
use crate::memory::zeros;
use crate::scan::near::{NearScores, RUN};
use crate::scan::packed::bits;
use crate::scan::worker::{Share, Shared, Worker};
use crate::topk::Hit;

/// The working memory and the results of one thread.
pub(crate) struct StreamWorker<'s, K> {
    shared: &'s Shared<'s, K>,
    near: NearScores,
    /// Per query, the lowest score that can still enter one of its lists.
    entries: Vec<f32>,
    /// Per query, one bit for each row of a panel that is in doubt.
    open: Vec<u32>,
    doubts: Vec<Doubt>,
    /// Rows made ready, for canonical scores.
    ready: Vec<f32>,
    share: Share<'s>,
}

/// A score that its near score leaves open.
#[derive(Debug, Clone, Copy)]
struct Doubt {
    row: usize,
    query: usize,
    /// The canonical score is not below it; NaN without a proof.
    low: f32,
}

impl<'s, K: Kernel> Worker<'s, K> for StreamWorker<'s, K> {
    fn new(shared: &'s Shared<'s, K>) -> Result<Self> {
        let queries = shared.scan.queries;
        Ok(Self {
            shared,
            near: NearScores::new(queries),
            entries: vec![f32::INFINITY; queries.rows()],
            open: vec![0; queries.rows()],
            doubts: Vec::new(),
            ready: zeros(&[SIDE_BY_SIDE, queries.dimension()])?,
            share: Share::new(shared)?,
        })
    }

    fn finish(self) -> Share<'s> {
        self.share
    }

    fn scan(&mut self, rows: Range<usize>) -> Result<Vec<(u64, RowProblem)>> {
        let shared = self.shared;
        shared.control.check()?;
        let bad = shared.kernel.enter(
            #[inline(always)]
            || self.scan_inside(rows.clone()),
        );
        if let Some(progress) = shared.progress {
            progress.advance(rows.len());
        }
        Ok(bad)
    }
}

impl<K: Kernel> StreamWorker<'_, K> {
    #[inline(always)]
    fn scan_inside(&mut self, rows: Range<usize>) -> Vec<(u64, RowProblem)> {
        let mut bad = Vec::new();
        // Parts of the stretch are read side by side, a run of each at a time.
        let part = rows.len().div_ceil(ABREAST);
        for done in (0..part).step_by(RUN) {
            let runs = std::array::from_fn(|n| {
                let start = rows.start + n * part;
                let end = (start + part).min(rows.end);
                (start + done).min(end)..(start + done + RUN).min(end)
            });
            self.near.read(self.shared.kernel, self.shared.scan, &runs);
            self.judge(&runs);
            self.settle(&mut bad);
        }
        bad
    }

    /// Counts what near scores decide, and notes the rest.
    #[inline(always)]
    fn judge(&mut self, runs: &[Range<usize>; ABREAST]) {
        let scan = self.shared.scan;
        if scan.k > 0 {
            let per_query = scan.lists_per_query();
            for (query, entry) in self.entries.iter_mut().enumerate() {
                let lists = query * per_query..(query + 1) * per_query;
                *entry = lists.map(|list| self.shared.candidates.threshold(list)).fold(f32::INFINITY, f32::min);
            }
        }
        for (n, run) in runs.iter().enumerate() {
            for at in (0..run.len()).step_by(K::DOCUMENTS) {
                let rows = run.start + at..run.end.min(run.start + at + K::DOCUMENTS);
                self.judge_panel(rows, n * RUN + at);
            }
        }
    }

    /// The same for neighbouring rows, as many as the kernel compares at a
    /// time, which are at this position of the block.
    #[inline(always)]
    fn judge_panel(&mut self, rows: Range<usize>, position: usize) {
        let Shared { scan, kernel, .. } = *self.shared;
        let panel = position..position + K::DOCUMENTS;
        let languages = &scan.languages[rows.clone()];
        let first = usize::from(languages[0]);
        let alike = languages.iter().all(|language| usize::from(*language) == first);
        let filled = u32::MAX >> (32 - rows.len() as u32);
        let unproven = filled & !self.near.proven(kernel, panel.clone());
        let mut in_doubt = unproven;
        for query in 0..self.open.len() {
            let (lows, highs) = (&self.near.lows(query)[panel.clone()], &self.near.highs(query)[panel.clone()]);
            // Whatever has no row, or no proof, is NaN, which is above nothing.
            let mut open = kernel.at_least(highs, self.entries[query]);
            let targets = scan.targets.of_query(query);
            for (target, bar) in targets.clone().zip(scan.targets.scores(targets)) {
                let above = kernel.above(lows, *bar);
                open |= above ^ kernel.at_least(highs, *bar);
                if alike {
                    self.share.counts.greater_of(first, target..target + 1)[0] += above.count_ones();
                } else {
                    for lane in bits(above) {
                        let language = usize::from(languages[lane]);
                        self.share.counts.greater_of(language, target..target + 1)[0] += 1;
                    }
                }
            }
            self.open[query] = open;
            in_doubt |= open;
        }
        for lane in bits(in_doubt) {
            let row = rows.start + lane;
            for query in 0..self.open.len() {
                if (self.open[query] | unproven) >> lane & 1 == 1 {
                    self.doubts.push(Doubt { row, query, low: self.near.lows(query)[position + lane] });
                }
            }
        }
    }

    /// Scores what is in doubt canonically; rows that cannot be scored go to
    /// `bad`.
    #[inline(always)]
    fn settle(&mut self, bad: &mut Vec<(u64, RowProblem)>) {
        let scan = self.shared.scan;
        let dimension = scan.queries.dimension();
        let mut doubts = std::mem::take(&mut self.doubts);
        // Each with the place of its row in `ready`: a row in doubt for
        // several queries is made ready once.
        let mut few: Vec<(Doubt, usize)> = Vec::with_capacity(SIDE_BY_SIDE);
        for doubt in doubts.drain(..) {
            let row = doubt.row as u64;
            if bad.last().is_some_and(|(last, _)| *last == row) {
                continue;
            }
            if few.len() == SIDE_BY_SIDE {
                self.decide(&few);
                few.clear();
            }
            let place = match few.last() {
                Some((before, place)) if before.row == doubt.row => *place,
                _ => {
                    let space = &mut self.ready[few.len() * dimension..(few.len() + 1) * dimension];
                    if let Err(problem) = scan.prepare(self.shared.kernel, doubt.row, space) {
                        bad.push((row, problem));
                        continue;
                    }
                    few.len()
                }
            };
            few.push((doubt, place));
        }
        self.decide(&few);
        self.doubts = doubts;
    }

    /// Scores a few doubts canonically, then counts and offers them.
    #[inline(always)]
    fn decide(&mut self, few: &[(Doubt, usize)]) {
        let Some(last) = few.last() else { return };
        let Shared { scan, kernel, .. } = *self.shared;
        let dimension = scan.queries.dimension();
        let pairs = std::array::from_fn(|n| {
            let (doubt, place) = few.get(n).unwrap_or(last);
            (scan.queries.row(doubt.query), &self.ready[place * dimension..(place + 1) * dimension])
        });
        let scores = kernel.chains(pairs);
        for ((doubt, _), score) in few.iter().zip(scores) {
            let (language, hit) = (usize::from(scan.languages[doubt.row]), Hit { score, place: scan.place(doubt.row) });
            if scan.k > 0 {
                self.shared.candidates.offer(scan.list(doubt.query, language), hit);
            }
            for target in scan.targets.of_query(doubt.query) {
                if doubt.low > scan.targets.score(target) {
                    continue; // counted before
                }
                self.share.compare(scan, language, target, hit);
            }
        }
        self.share.rescored += few.len() as u64;
    }
}
