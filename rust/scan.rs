//! The scan: every document against every query once, counted against the
//! targets and offered to the result lists.
//!
//! Threads take stretches of documents from a counter. Each groups its
//! stretch by language, packs panels, scores tiles, and compares the tile
//! while it is in the first-level cache. There is no score matrix and no
//! sort. Partial results add up, so neither the number of threads nor the
//! size of a stretch can show in the result.

use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::cancel::Control;
use crate::error::{Error, Result, RowProblem};
use crate::kernel::{self, Isa, Kernel, chain};
use crate::matrix::{Matrix, Prepared, Similarity, first_bad};
use crate::panels::{Block, Groups, Panels};
use crate::ranks::{Counts, Targets};
use crate::topk::{Hit, TopK};

/// One pass over documents.
#[derive(Debug, Clone)]
pub struct Scan<'a> {
    /// Prepared with the same similarity as the documents will be.
    pub queries: &'a Prepared,
    /// The documents.
    pub documents: Matrix<'a>,
    /// Language code of each document, below `language_count`.
    pub languages: &'a [u16],
    /// Number of languages.
    pub language_count: usize,
    /// Place of each document in the tie order, all different; without it,
    /// document i has the place `first_place + i`.
    pub places: Option<&'a [u32]>,
    /// Place of the first document, where `places` is not given.
    pub first_place: u32,
    /// Documents whose ranks are wanted.
    pub targets: Targets<'a>,
    /// How vectors are compared.
    pub similarity: Similarity,
    /// Length of the result lists, 0 for none.
    pub k: usize,
    /// One list per query and language instead of one per query.
    pub per_language: bool,
    /// How the work is cut; never shows in the result.
    pub shape: Shape,
}

/// How the work of a scan is cut.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Threads, 0 for as many as the process may use.
    pub threads: usize,
    /// Documents packed at a time.
    pub block: usize,
    /// Which kernel.
    pub isa: Isa,
}

impl Default for Shape {
    fn default() -> Self {
        Self { threads: 0, block: 512, isa: Isa::detect() }
    }
}

/// What a scan yields.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Counts of each target.
    pub counts: Counts,
    /// List `query`, or `query * language_count + language`.
    pub top: TopK,
}

/// Queries packed at a time: their panels stay in the second-level cache
/// while a panel of documents passes them.
const QUERY_BYTES: usize = 256 << 10;

impl Scan<'_> {
    /// Scans all documents.
    ///
    /// # Errors
    /// Inputs that do not fit together, documents that cannot be scored, or
    /// cancellation through `control`.
    pub fn run(&self, control: &Control) -> Result<Outcome> {
        self.check()?;
        match self.shape.isa {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => match kernel::Avx2::detect() {
                Some(avx2) => self.run_with(avx2, control),
                None => Err(Error::Shape("this machine has no AVX2 and FMA; use the portable kernel".into())),
            },
            _ => self.run_with(kernel::Portable, control),
        }
    }

    fn check(&self) -> Result<()> {
        let (queries, documents) = (self.queries, &self.documents);
        let problem = if queries.dimension() != documents.dimension() {
            format!("queries have dimension {}, documents {}", queries.dimension(), documents.dimension())
        } else if self.languages.len() != documents.rows() {
            format!("{} language codes for {} documents", self.languages.len(), documents.rows())
        } else if self.targets.queries() != queries.rows() {
            format!("relevant documents for {} queries, but {} queries", self.targets.queries(), queries.rows())
        } else if self.languages.iter().any(|code| usize::from(*code) >= self.language_count) {
            format!("a language code is not below the number of languages ({})", self.language_count)
        } else if self.places.is_some_and(|places| places.len() != documents.rows()) {
            format!("the tie order does not have {} places", documents.rows())
        } else if self.first_place as usize + documents.rows() > u32::MAX as usize {
            "more than 2^32 - 1 documents".to_owned()
        } else {
            return Ok(());
        };
        Err(Error::Shape(problem))
    }

    fn run_with<K: Kernel>(&self, kernel: K, control: &Control) -> Result<Outcome> {
        let packed = Panels::of_queries(self.queries, K::QUERIES);
        let threads = threads(self.shape.threads);
        let stretch = self.stretch(threads);
        let stretches = self.documents.rows().div_ceil(stretch);
        let next = AtomicUsize::new(0);
        let bad = Mutex::new(Vec::new());
        let work = || -> Result<Outcome> {
            let mut worker = Worker::new(self, kernel, &packed, control);
            loop {
                // Stretches are handed out in order, so all before a bad one
                // are finished and the rows that are named are the first.
                let clean = bad.lock().map_err(|_| Error::Worker)?.is_empty();
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= stretches || !clean {
                    return Ok(worker.outcome);
                }
                let rows = n * stretch..((n + 1) * stretch).min(self.documents.rows());
                let found = kernel.enter(|| worker.scan(rows))?;
                bad.lock().map_err(|_| Error::Worker)?.extend(found);
            }
        };
        let outcomes = on_threads(threads.min(stretches.max(1)), work)?;
        let bad = bad.into_inner().map_err(|_| Error::Worker)?;
        if !bad.is_empty() {
            return Err(first_bad(bad));
        }
        let merged = outcomes.into_iter().reduce(|mut sum, part| {
            sum.counts.merge(&part.counts);
            sum.top.merge(&part.top);
            sum
        });
        merged.ok_or(Error::Worker)
    }

    /// Documents that a thread takes at a time. Longer stretches waste fewer
    /// lanes in the last panel of each language; several for each thread
    /// keep all of them busy.
    fn stretch(&self, threads: usize) -> usize {
        let long = 4096 + 128 * self.language_count;
        let fair = self.documents.rows().div_ceil(4 * threads);
        long.min(fair).max(self.shape.block).max(1)
    }

    fn lists(&self) -> usize {
        let per_query = if self.per_language { self.language_count } else { 1 };
        self.queries.rows() * per_query
    }
}

/// One thread's share of a scan.
struct Worker<'s, K> {
    scan: &'s Scan<'s>,
    kernel: K,
    queries: &'s Panels,
    control: &'s Control,
    groups: Groups,
    block: Block,
    panels_per_block: usize,
    scores: Vec<f32>,
    outcome: Outcome,
}

impl<'s, K: Kernel> Worker<'s, K> {
    fn new(scan: &'s Scan<'s>, kernel: K, queries: &'s Panels, control: &'s Control) -> Self {
        let panels_per_block = scan.shape.block.div_ceil(K::DOCUMENTS).max(1);
        Self {
            scan,
            kernel,
            queries,
            control,
            groups: Groups::default(),
            block: Block::new(panels_per_block, K::DOCUMENTS, scan.documents.dimension()),
            panels_per_block,
            scores: vec![0.0; K::QUERIES * K::DOCUMENTS],
            outcome: Outcome {
                counts: Counts::new(scan.targets.len(), scan.language_count),
                top: TopK::new(scan.lists(), scan.k),
            },
        }
    }

    /// Scans a stretch of documents; returns those that cannot be scored.
    #[inline(always)]
    fn scan(&mut self, rows: Range<usize>) -> Result<Vec<(u64, RowProblem)>> {
        let scan = self.scan;
        let first = rows.start;
        let mut groups = std::mem::take(&mut self.groups);
        groups.sort(scan.languages, rows, scan.language_count);
        let mut bad = Vec::new();
        let place = |row: usize| scan.places.map_or(scan.first_place + row as u32, |places| places[row]);
        self.block.clear();
        for (language, rows) in groups.panels(K::DOCUMENTS) {
            match self.block.push(&scan.documents, scan.similarity, language, rows, first, place) {
                Ok(length) if scan.similarity == Similarity::Dot && scan.queries.overflows_with(length) => {
                    bad.push(((first + rows[0] as usize) as u64, RowProblem::TooLong));
                }
                Ok(_) => {}
                Err(problem) => bad.push(problem),
            }
            if !bad.is_empty() {
                self.block.clear();
                continue;
            }
            if self.block.len() == self.panels_per_block {
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
        let dimension = self.scan.documents.dimension();
        let query_count = self.scan.queries.rows();
        let query_panels = query_count.div_ceil(K::QUERIES);
        let together = (QUERY_BYTES / (K::QUERIES * dimension * size_of::<f32>())).max(1);
        for first in (0..query_panels).step_by(together) {
            self.control.check()?;
            for documents in 0..self.block.len() {
                let (head, vectors, places) = self.block.panel(documents);
                for panel in first..(first + together).min(query_panels) {
                    self.kernel.tile(dimension, self.queries.panel(panel), vectors, &mut self.scores);
                    let queries = panel * K::QUERIES..((panel + 1) * K::QUERIES).min(query_count);
                    for (query, scores) in queries.zip(self.scores.chunks_exact(K::DOCUMENTS)) {
                        let list = if self.scan.per_language {
                            query * self.scan.language_count + head.language
                        } else {
                            query
                        };
                        let tile = Row { kernel: self.kernel, scores, documents: head.documents, places };
                        if self.scan.k > 0 {
                            tile.offer(list, &mut self.outcome.top);
                        }
                        tile.count(query, head.language, &self.scan.targets, &mut self.outcome.counts);
                    }
                }
            }
        }
        self.control.advance(self.block.documents());
        self.block.clear();
        Ok(())
    }
}

/// The scores of one query against one panel of documents.
struct Row<'t, K> {
    kernel: K,
    scores: &'t [f32],
    documents: usize,
    places: &'t [u32],
}

impl<K: Kernel> Row<'_, K> {
    /// Bits of the scores above and equal to a threshold.
    #[inline(always)]
    fn compare(&self, threshold: f32) -> (u32, u32) {
        let filled = u32::MAX >> (32 - self.documents as u32);
        let (above, equal) = self.kernel.compare(self.scores, threshold);
        (above & filled, equal & filled)
    }

    #[inline(always)]
    fn count(&self, query: usize, language: usize, targets: &Targets<'_>, counts: &mut Counts) {
        for target in targets.of_query(query) {
            let (above, equal) = self.compare(targets.score(target));
            counts.add_greater(language, target, above.count_ones());
            for lane in bits(equal) {
                counts.add_tie(language, target, targets.place(target), self.places[lane]);
            }
        }
    }

    #[inline(always)]
    fn offer(&self, list: usize, top: &mut TopK) {
        let (above, equal) = self.compare(top.threshold(list));
        for lane in bits(above | equal) {
            let score = self.scores[lane];
            if score >= top.threshold(list) {
                top.push(list, Hit { score, place: self.places[lane] });
            }
        }
    }
}

/// Positions of the one bits, ascending.
#[inline(always)]
fn bits(mut mask: u32) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = (mask != 0).then(|| mask.trailing_zeros() as usize);
        mask &= mask.wrapping_sub(1);
        bit
    })
}

/// Canonical scores of pairs of rows.
///
/// # Errors
/// Dimensions or the numbers of rows differ, a row is absent, or a document
/// cannot be scored.
pub fn score_pairs(
    queries: &Prepared,
    documents: &Matrix<'_>,
    similarity: Similarity,
    pairs: &[(u32, u32)],
    shape: Shape,
) -> Result<Vec<f32>> {
    if queries.dimension() != documents.dimension() {
        return Err(Error::Shape(format!(
            "queries have dimension {}, documents {}",
            queries.dimension(),
            documents.dimension()
        )));
    }
    let absent = |&&(q, d): &&(u32, u32)| q as usize >= queries.rows() || d as usize >= documents.rows();
    if let Some((query, document)) = pairs.iter().find(absent) {
        return Err(Error::Shape(format!("query row {query} or document row {document} does not exist")));
    }
    let one_by_one = || -> Result<Vec<f32>> {
        let mut vector = vec![0.0; documents.dimension()];
        let mut scores = Vec::with_capacity(pairs.len());
        let mut bad = Vec::new();
        for (query, document) in pairs {
            match documents.prepare_row(*document as usize, similarity, &mut vector) {
                Ok(length) if similarity == Similarity::Dot && queries.overflows_with(length) => {
                    bad.push((u64::from(*document), RowProblem::TooLong));
                }
                Ok(_) => scores.push(chain(queries.row(*query as usize), &vector)),
                Err(problem) => bad.push((u64::from(*document), problem)),
            }
        }
        if bad.is_empty() { Ok(scores) } else { Err(first_bad(bad)) }
    };
    match shape.isa {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => match kernel::Avx2::detect() {
            Some(avx2) => avx2.enter(one_by_one),
            None => one_by_one(),
        },
        _ => one_by_one(),
    }
}

fn threads(wanted: usize) -> usize {
    if wanted > 0 { wanted } else { thread::available_parallelism().map_or(1, usize::from) }
}

/// Runs the same work on several threads of its own and collects what they
/// return, the first error first. Threads live for one call, so a fork
/// before or after it is harmless.
fn on_threads<T: Send>(threads: usize, work: impl Fn() -> Result<T> + Sync) -> Result<Vec<T>> {
    if threads == 1 {
        return work().map(|only| vec![only]);
    }
    thread::scope(|scope| {
        let handles: Vec<_> = (0..threads).map(|_| scope.spawn(&work)).collect();
        handles.into_iter().map(|handle| handle.join().map_err(|_| Error::Worker)?).collect()
    })
}
