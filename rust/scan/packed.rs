//! A worker for many queries, which waits for arithmetic.
//!
//! It groups a stretch by language, packs panels, scores tiles, and compares
//! a tile while it is in the first-level cache. With integers, a
//! score that is certain to lie above a target is counted at once, one that
//! is certain to lie below is passed over, and the few in doubt are scored
//! again canonically, several at a time, while their block is in cache.

use std::ops::Range;

use crate::error::{Result, RowProblem};
use crate::kernel::{Kernel, SIDE_BY_SIDE};
use crate::pack::int16::{CodedQueries, center};
use crate::pack::panels::{Groups, Panels};
use crate::scan::Scan;
use crate::scan::block::{Block, Head};
use crate::scan::worker::{Share, Shared, Worker};
use crate::topk::Hit;
use crate::words::Words;

/// Bytes of query panels that stay in the second-level cache while the
/// panels of a block pass them.
const QUERY_BYTES: usize = 256 << 10;

/// Doubts that are settled before the end of their block.
const DOUBTS: usize = 1 << 14;

/// Integer scores that save about the time of one canonical score.
const DOUBT_COST: usize = 32;

/// Most blocks without integers after one with too many doubts; their number
/// doubles each time.
const LONGEST_REST: u32 = 64;

/// The working memory and the results of one thread.
pub(crate) struct PackedWorker<'s, K> {
    shared: &'s Shared<'s, K>,
    groups: Groups,
    block: Block,
    panels_per_block: usize,
    scores: Words,
    /// Per query, how far integer scores of this block may be off.
    reaches: Vec<i32>,
    /// Per list, an integer score that must be exceeded to enter it.
    bars: Vec<i32>,
    /// Per query and padding, an integer score that must be exceeded for
    /// anything to happen.
    lowest: Vec<i32>,
    /// Per query, the unit of integer scores in this block.
    units: Vec<f64>,
    /// Per target, integer scores that must be exceeded to reach it perhaps,
    /// and to surpass it for certain.
    lows: Vec<i32>,
    highs: Vec<i32>,
    doubts: Vec<Doubt>,
    rest: u32,
    next_rest: u32,
    share: Share<'s>,
}

/// A score that integers leave open.
#[derive(Debug, Clone, Copy)]
struct Doubt {
    query: u32,
    /// Row of the block.
    row: u32,
    /// The integer score.
    near: i32,
}

impl<'s, K: Kernel> Worker<'s, K> for PackedWorker<'s, K> {
    fn new(shared: &'s Shared<'s, K>) -> Result<Self> {
        let scan = shared.scan;
        let panels_per_block = panels_per_block::<K>(scan);
        let coded = shared.codes.is_some();
        Ok(Self {
            shared,
            groups: Groups::default(),
            block: Block::new::<K>(panels_per_block, scan.documents.dimension(), coded),
            panels_per_block,
            scores: Words::new(K::QUERIES.max(K::CODED_QUERIES) * K::DOCUMENTS),
            reaches: Vec::new(),
            bars: Vec::new(),
            lowest: Vec::new(),
            lows: Vec::new(),
            highs: Vec::new(),
            units: Vec::new(),
            doubts: Vec::new(),
            rest: 0,
            next_rest: 1,
            share: Share::new(shared)?,
        })
    }

    fn finish(self) -> Share<'s> {
        self.share
    }

    fn scan(&mut self, rows: Range<usize>) -> Result<Vec<(u64, RowProblem)>> {
        let shared = self.shared;
        shared.kernel.enter(
            #[inline(always)]
            || self.scan_inside(rows),
        )
    }
}

impl<'s, K: Kernel> PackedWorker<'s, K> {
    #[inline(always)]
    fn scan_inside(&mut self, rows: Range<usize>) -> Result<Vec<(u64, RowProblem)>> {
        let scan = self.shared.scan;
        let first = rows.start;
        let mut groups = std::mem::take(&mut self.groups);
        groups.sort(scan.languages, rows, scan.language_count);
        let mut bad = Vec::new();
        self.block.clear();
        for (language, rows) in groups.panels(K::DOCUMENTS) {
            let rows = rows.iter().map(|row| first + *row as usize);
            self.block.push(self.shared.kernel, scan, language, rows, &mut bad);
            if !bad.is_empty() {
                self.block.clear();
            } else if self.block.len() == self.panels_per_block {
                self.score_block()?;
            }
        }
        if bad.is_empty() {
            self.score_block()?;
        }
        self.groups = groups;
        Ok(bad)
    }

    #[inline(always)]
    fn score_block(&mut self) -> Result<()> {
        let shared = self.shared;
        let dimension = shared.scan.documents.dimension();
        let coded = self.code_block();
        if coded.is_none() {
            self.block.pack(shared.kernel);
        }
        let (width, words) =
            if coded.is_some() { (K::CODED_QUERIES, K::code_depth(dimension)) } else { (K::QUERIES, dimension) };
        let query_panels = shared.scan.queries.rows().div_ceil(width);
        let together = (QUERY_BYTES / (4 * width * words)).max(1);
        let before = self.share.rescored;
        for first in (0..query_panels).step_by(together) {
            shared.control.check()?;
            let panels = first..(first + together).min(query_panels);
            for documents in 0..self.block.len() {
                match coded {
                    Some(codes) => self.sift_panel(codes, panels.clone(), documents),
                    None => self.score_panel(panels.clone(), documents),
                }
            }
        }
        self.settle();
        if coded.is_some() {
            self.judge(self.share.rescored - before);
        }
        if let Some(progress) = shared.progress {
            progress.advance(self.block.documents());
        }
        self.block.clear();
        Ok(())
    }

    /// Codes the block, unless integers rest or cannot be used for it.
    #[inline(always)]
    fn code_block(&mut self) -> Option<&'s CodedQueries> {
        let shared = self.shared;
        let codes = shared.codes.as_ref()?;
        if self.rest > 0 {
            self.rest -= 1;
            return None;
        }
        let (bound, document_unit) = self.block.pack_codes(shared.kernel)?;
        codes.reaches(bound, document_unit, shared.scan.documents.dimension(), &mut self.reaches)?;
        self.units.clear();
        self.bars.clear();
        self.lowest.clear();
        self.lows.clear();
        self.highs.clear();
        let lists = if shared.scan.k > 0 { shared.scan.lists_per_query() } else { 0 };
        for (query, reach) in self.reaches.iter().copied().enumerate() {
            let unit = codes.unit(query, document_unit);
            self.units.push(unit);
            let thresholds = (query * lists..(query + 1) * lists).map(|list| self.shared.candidates.threshold(list));
            self.bars.extend(thresholds.map(|score| center(score, unit).saturating_sub(reach + 1)));
            let mut lowest = self.bars[query * lists..].iter().copied().fold(i32::MAX, i32::min);
            for score in shared.scan.targets.scores(shared.scan.targets.of_query(query)) {
                let center = center(*score, unit);
                let low = center.saturating_sub(reach + 1);
                lowest = lowest.min(low);
                self.lows.push(low);
                self.highs.push(center.saturating_add(reach));
            }
            self.lowest.push(lowest);
        }
        self.lowest.resize(self.lowest.len().next_multiple_of(K::CODED_QUERIES), i32::MAX);
        Some(codes)
    }

    /// Rests the integers after a block in which they decided too little.
    fn judge(&mut self, rescored: u64) {
        let pairs = self.block.documents() * self.shared.scan.queries.rows();
        if rescored as usize > pairs / DOUBT_COST {
            self.rest = self.next_rest;
            self.next_rest = (2 * self.next_rest).min(LONGEST_REST);
        } else {
            self.next_rest = 1;
        }
    }

    #[inline(always)]
    fn queries_of(&self, panel: usize) -> Range<usize> {
        panel * K::QUERIES..((panel + 1) * K::QUERIES).min(self.shared.scan.queries.rows())
    }

    /// Canonical scores of one panel of documents.
    #[inline(always)]
    fn score_panel(&mut self, panels: Range<usize>, documents: usize) {
        let shared = self.shared;
        let head = self.block.head(documents);
        let queries = shared.queries.get_or_init(|| Panels::of_queries(shared.scan.queries, K::QUERIES));
        for panel in panels {
            let scores = &mut self.scores.f32_mut()[..K::QUERIES * K::DOCUMENTS];
            shared.kernel.tile(queries.depth(), queries.f32(panel), self.block.panel(documents), scores);
            for (lane, query) in self.queries_of(panel).enumerate() {
                self.count(query, lane, head, documents);
            }
        }
    }

    /// Counts and offers a row of canonical scores.
    #[inline(always)]
    fn count(&mut self, query: usize, lane: usize, head: Head, documents: usize) {
        let shared = self.shared;
        let scores = &self.scores.f32()[lane * K::DOCUMENTS..(lane + 1) * K::DOCUMENTS];
        let places = self.block.places::<K>(documents);
        let filled = head.filled();
        if shared.scan.k > 0 {
            let list = shared.scan.list(query, head.language);
            let hits = shared.kernel.at_least(scores, self.shared.candidates.threshold(list));
            for lane in bits(hits & filled) {
                self.shared.candidates.offer(list, Hit { score: scores[lane], place: places[lane] });
            }
        }
        let targets = shared.scan.targets.of_query(query);
        let mut tied = 0;
        let bars = shared.scan.targets.scores(targets.clone());
        for (bar, greater) in bars.iter().zip(self.share.counts.greater_of(head.language, targets.clone())) {
            // No branch: whether anything reaches a target is hard to guess.
            let above = shared.kernel.above(scores, *bar);
            *greater += (above & filled).count_ones();
            tied |= above ^ shared.kernel.at_least(scores, *bar);
        }
        for lane in bits(tied & filled) {
            for target in targets.clone() {
                if scores[lane] == shared.scan.targets.score(target) {
                    self.share.counts.add_tie(head.language, target, shared.scan.targets.place(target), places[lane]);
                }
            }
        }
    }

    /// Integer scores of one panel of documents.
    #[inline(always)]
    fn sift_panel(&mut self, codes: &CodedQueries, panels: Range<usize>, documents: usize) {
        let shared = self.shared;
        let head = self.block.head(documents);
        let depth = K::code_depth(shared.scan.queries.dimension());
        for panel in panels {
            let queries = panel * K::CODED_QUERIES..(panel + 1) * K::CODED_QUERIES;
            let scores = &mut self.scores.i32_mut()[..K::CODED_QUERIES * K::DOCUMENTS];
            let (codes, documents_codes) = (codes.panel(panel), self.block.codes(documents));
            let bars = &self.lowest[queries.clone()];
            for lane in bits(shared.kernel.tile_of_codes(depth, codes, documents_codes, bars, scores)) {
                self.sift(queries.start + lane, lane, head, documents);
            }
            if self.doubts.len() > DOUBTS {
                self.settle();
            }
        }
    }

    /// Counts what a row of integer scores decides and notes the rest.
    #[inline(always)]
    fn sift(&mut self, query: usize, lane: usize, head: Head, documents: usize) {
        let shared = self.shared;
        let scores = &self.scores.i32()[lane * K::DOCUMENTS..(lane + 1) * K::DOCUMENTS];
        let filled = head.filled();
        let mut open = 0;
        if shared.scan.k > 0 {
            open = shared.kernel.integers_above(scores, self.bars[shared.scan.list(query, head.language)]);
        }
        let targets = shared.scan.targets.of_query(query);
        let bars = self.lows[targets.clone()].iter().zip(&self.highs[targets.clone()]);
        for ((low, high), greater) in bars.zip(self.share.counts.greater_of(head.language, targets)) {
            let reached = shared.kernel.integers_above(scores, *low);
            if reached != 0 {
                let above = shared.kernel.integers_above(scores, *high);
                *greater += (above & filled).count_ones();
                open |= above ^ reached;
            }
        }
        for lane in bits(open & filled) {
            let row = (documents * K::DOCUMENTS + lane) as u32;
            self.doubts.push(Doubt { query: query as u32, row, near: scores[lane] });
        }
    }

    /// Scores what is in doubt canonically, then counts and offers it.
    #[inline(always)]
    fn settle(&mut self) {
        let mut doubts = std::mem::take(&mut self.doubts);
        // The score of a target is known.
        doubts.retain(|doubt| {
            let known = self.known_score(*doubt);
            known.map(|score| self.decide(*doubt, score)).is_none()
        });
        // Pairs of one query are scored faster than others.
        doubts.sort_unstable_by_key(|doubt| doubt.query);
        for few in doubts.chunks(SIDE_BY_SIDE) {
            let pairs = std::array::from_fn(|n| {
                let doubt = few[n.min(few.len() - 1)];
                (self.shared.scan.queries.row(doubt.query as usize), self.block.row(doubt.row as usize))
            });
            let scores = self.shared.kernel.chains(pairs);
            for (doubt, score) in few.iter().zip(scores) {
                self.decide(*doubt, score);
            }
        }
        self.share.rescored += doubts.len() as u64;
        self.doubts = doubts;
        self.doubts.clear();
    }

    /// The canonical score of a document that is a target of the query.
    #[inline(always)]
    fn known_score(&self, doubt: Doubt) -> Option<f32> {
        let targets = self.shared.scan.targets;
        let place = self.block.place(doubt.row as usize);
        targets.of_query(doubt.query as usize).find(|target| targets.place(*target) == place).map(|t| targets.score(t))
    }

    #[inline(always)]
    fn decide(&mut self, doubt: Doubt, score: f32) {
        let scan = self.shared.scan;
        let (query, row) = (doubt.query as usize, doubt.row as usize);
        let language = self.block.head(row / K::DOCUMENTS).language;
        let hit = Hit { score, place: self.block.place(row) };
        if scan.k > 0 {
            let list = scan.list(query, language);
            self.shared.candidates.offer(list, hit);
            self.bars[list] = center(self.shared.candidates.threshold(list), self.units[query])
                .saturating_sub(self.reaches[query] + 1);
        }
        for target in scan.targets.of_query(query) {
            // Outside this range it has been counted, or never will be.
            if doubt.near > self.highs[target] || doubt.near <= self.lows[target] {
                continue;
            }
            self.share.compare(scan, language, target, hit);
        }
    }
}

/// Panels of a block. A pool of one block has a few more, so that the last
/// panel of each language does not make a second block; half as many at most,
/// for which the estimate of a scan's memory has room.
fn panels_per_block<K: Kernel>(scan: &Scan<'_>) -> usize {
    let filled = scan.block().div_ceil(K::DOCUMENTS);
    let only_block = scan.documents.rows() <= scan.shape.block;
    if only_block { filled + filled.div_ceil(2).min(scan.language_count) } else { filled }
}

/// Positions of the one bits, ascending.
#[inline(always)]
pub(super) fn bits(mut mask: u32) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = (mask != 0).then(|| mask.trailing_zeros() as usize);
        mask &= mask.wrapping_sub(1);
        bit
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::isa::Isa;
    use crate::kernel::portable::Portable;
    use crate::matrix::{Elements, Matrix, Similarity};
    use crate::ranks::Targets;
    use crate::scan::{Precision, Shape};

    #[test]
    fn a_block_has_room_for_its_languages_within_the_estimate_of_memory() {
        for rows in [96, 300, 512, 513] {
            let (values, languages) = (vec![1.0; rows], vec![0; rows]);
            let documents = Matrix::new(Elements::F32(&values), rows, 1).unwrap();
            let queries = documents.prepare(Similarity::Cosine, "queries").unwrap();
            let panels = |language_count| {
                panels_per_block::<Portable>(&Scan {
                    queries: &queries,
                    documents,
                    languages: &languages,
                    language_count,
                    places: None,
                    first_place: 0,
                    targets: Targets::NONE,
                    similarity: Similarity::Cosine,
                    k: 0,
                    per_language: false,
                    precision: Precision::Auto,
                    shape: Shape { isa: Isa::Portable, ..Shape::default() },
                })
            };
            let filled = rows.min(512).div_ceil(Portable::DOCUMENTS);
            assert_eq!(panels(3), if rows <= 512 { filled + 3 } else { filled });
            // A component is held as it is, in panels and as an integer: 10 bytes of the 16 of `bytes_needed`.
            for language_count in [1, 100, 5000] {
                assert!(10 * panels(language_count) * Portable::DOCUMENTS <= 16 * rows);
            }
        }
    }
}
