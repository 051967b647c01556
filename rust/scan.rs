//! The scan: every document against every query once, counted against the
//! targets and offered to the result lists.
//!
//! Threads take stretches of documents from a counter; `worker` says what
//! they do with them. There is no score matrix and no sort. Partial results
//! add up, so neither the number of threads nor the size of a stretch can
//! show in the result.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};

use crate::ahead;
use crate::block::CodedQueries;
use crate::cancel::Control;
use crate::error::{Error, Result};
use crate::floors;
use crate::kernel::{Dispatch, Isa, Kernel};
use crate::matrix::{Matrix, Prepared, Similarity, first_bad};
use crate::ranks::{Counts, Targets};
use crate::stream;
use crate::threads::{self, on_threads};
use crate::topk::TopK;
use crate::worker::{self, Part, Work};

/// Integers pay if there are so many documents for each that is listed.
const SCORED_TWICE: usize = 250;

/// So many queries are served while memory delivers a row.
const STREAMED_QUERIES: usize = 4;

/// Coding documents pays if there are so many queries.
const FEW_QUERIES: usize = 64;

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
    /// Which arithmetic does the bulk of the work; never shows in the result.
    pub precision: Precision,
    /// How the work is cut; never shows in the result.
    pub shape: Shape,
}

/// Which arithmetic does the bulk of the work. The result is the same in
/// every bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// Whichever is faster for the shape of the problem. Few queries are
    /// scored in the fastest order of sums, with a certified error too.
    #[default]
    Auto,
    /// Canonical scores of everything.
    Float32,
    /// Dot products of 16-bit integers with a certified error; canonical
    /// scores wherever they do not decide. Falls back to `Float32` for
    /// vectors that have no such code and for dot products of rows of any
    /// length.
    Int16Certified,
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
    /// Whether a thread of its own fetches documents before they are wanted;
    /// for memory maps.
    pub read_ahead: bool,
}

impl Default for Shape {
    fn default() -> Self {
        Self { threads: 0, block: 512, isa: Isa::detect(), read_ahead: false }
    }
}

/// What a scan yields.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Counts of each target.
    pub counts: Counts,
    /// List `query`, or `query * language_count + language`.
    pub top: TopK,
    /// Canonical scores that a certified filter could not spare; 0 without.
    pub rescored: u64,
}

impl Scan<'_> {
    /// Scans all documents.
    ///
    /// # Errors
    /// Inputs that do not fit together, documents that cannot be scored, or
    /// cancellation through `control`.
    pub fn run(&self, control: &Control) -> Result<Outcome> {
        self.check()?;
        let floors = floors::estimate(self, control)?;
        let mut outcome = self.pass(floors.as_deref(), Some(control), control)?;
        if let Some(floors) = floors {
            floors::repair(self, &floors, &mut outcome, control)?;
        }
        Ok(outcome)
    }

    /// One pass, without what a result list needs of no document below its
    /// floor; reports to `progress`.
    pub(crate) fn pass(
        &self,
        floors: Option<&[f32]>,
        progress: Option<&Control>,
        control: &Control,
    ) -> Result<Outcome> {
        self.shape.isa.with(Pass { scan: self, floors, progress, control })?
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

    /// Documents that a thread takes at a time. Longer stretches waste fewer
    /// lanes in the last panel of each language; several for each thread
    /// keep all of them busy.
    fn stretch(&self, threads: usize) -> usize {
        let long = 4096 + 1024 * self.language_count;
        let fair = self.documents.rows().div_ceil(4 * threads);
        long.min(fair).max(self.shape.block).max(1)
    }

    #[inline(always)]
    pub(crate) fn place(&self, row: usize) -> u32 {
        self.places.map_or(self.first_place + row as u32, |places| places[row])
    }

    /// Whether a document of this length can be scored.
    #[inline(always)]
    pub(crate) fn fits(&self, length: f64) -> bool {
        self.similarity == Similarity::Cosine || !self.queries.overflows_with(length)
    }

    /// Result lists of a query.
    pub(crate) fn lists_per_query(&self) -> usize {
        if self.per_language { self.language_count } else { 1 }
    }

    pub(crate) fn lists(&self) -> usize {
        self.queries.rows() * self.lists_per_query()
    }
}

/// A scan with a kernel still to be chosen.
struct Pass<'a> {
    scan: &'a Scan<'a>,
    floors: Option<&'a [f32]>,
    progress: Option<&'a Control>,
    control: &'a Control,
}

impl Dispatch for Pass<'_> {
    type Output = Result<Outcome>;

    fn run<K: Kernel>(self, kernel: K) -> Result<Outcome> {
        let scan = self.scan;
        let streamed = scan.precision == Precision::Auto && scan.queries.rows() <= STREAMED_QUERIES;
        let codes = self.codes::<K>();
        let part = Part {
            scan,
            kernel,
            queries: &OnceLock::new(),
            codes: codes.as_ref(),
            floors: self.floors,
            progress: self.progress,
            control: self.control,
        };
        if streamed {
            share_out::<K, stream::Worker<'_, K>>(&part)
        } else {
            share_out::<K, worker::Worker<'_, K>>(&part)
        }
    }
}

/// Has threads take stretches of documents until none are left.
fn share_out<'s, K: Kernel, W: Work<'s, K>>(part: &'s Part<'s, K>) -> Result<Outcome> {
    let scan = part.scan;
    let threads = threads::count(scan.shape.threads);
    let stretch = scan.stretch(threads);
    let stretches = scan.documents.rows().div_ceil(stretch);
    let next = AtomicUsize::new(0);
    let bad = Mutex::new(Vec::new());
    let work = || -> Result<_> {
        let mut worker = W::new(part);
        loop {
            // Stretches are handed out in order, so all before a bad one
            // are finished and the rows that are named are the first.
            let clean = bad.lock().map_err(|_| Error::Worker)?.is_empty();
            let n = next.fetch_add(1, Ordering::Relaxed);
            if n >= stretches || !clean {
                return Ok(worker.finish());
            }
            let rows = n * stretch..((n + 1) * stretch).min(scan.documents.rows());
            let found = worker.scan(rows)?;
            bad.lock().map_err(|_| Error::Worker)?.extend(found);
        }
    };
    let share_work = || on_threads(threads.min(stretches.max(1)), work);
    let parts = if scan.shape.read_ahead {
        ahead::reading(&scan.documents, stretch, threads, &next, share_work)?
    } else {
        share_work()?
    };
    let bad = bad.into_inner().map_err(|_| Error::Worker)?;
    if !bad.is_empty() {
        return Err(first_bad(bad));
    }
    let mut counts = Counts::new(scan.targets.len(), scan.language_count);
    let (mut lists, mut rescored) = (Vec::new(), 0);
    for (part, candidates, exact) in parts {
        counts.merge(&part);
        lists.push(candidates);
        rescored += exact;
    }
    let top = TopK::join(&lists, scan.lists(), scan.k, threads)?;
    Ok(Outcome { counts, top, rescored })
}

impl Pass<'_> {
    /// Queries as integers, if they can be had and are of use.
    fn codes<K: Kernel>(&self) -> Option<CodedQueries> {
        // What enters a list is scored twice, and without floors too much
        // does before the list is full.
        let long_lists = SCORED_TWICE * self.scan.k * self.scan.lists_per_query() > self.scan.documents.rows();
        let pays = match self.scan.precision {
            Precision::Float32 => false,
            Precision::Int16Certified => true,
            Precision::Auto => {
                let listing = self.scan.k == 0 || self.floors.is_some() && !long_lists;
                self.scan.queries.rows() >= FEW_QUERIES && listing
            }
        };
        (pays && self.scan.similarity == Similarity::Cosine).then(|| CodedQueries::new::<K>(self.scan.queries))?
    }
}
