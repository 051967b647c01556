//! What the threads of a pass share, do and return. `packed` and `stream` are
//! the two ways of doing it.

use std::ops::Range;
use std::sync::OnceLock;

use crate::cancel::Control;
use crate::error::{Result, RowProblem};
use crate::pack::int16::CodedQueries;
use crate::pack::panels::Panels;
use crate::ranks::Counts;
use crate::scan::Scan;
use crate::topk::Candidates;

/// What all threads read.
pub(crate) struct Shared<'s, K> {
    pub(crate) scan: &'s Scan<'s>,
    pub(crate) kernel: K,
    /// Packed when first needed: with integers, perhaps never.
    pub(crate) queries: OnceLock<Panels>,
    /// None: canonical scores only.
    pub(crate) codes: Option<CodedQueries>,
    /// Scores below which a list keeps nothing.
    pub(crate) floors: Option<&'s [f32]>,
    pub(crate) progress: Option<&'s Control>,
    pub(crate) control: &'s Control,
}

/// The result for the documents of one thread.
pub(crate) struct Share {
    pub(crate) counts: Counts,
    pub(crate) candidates: Candidates,
    /// Scores that a filter left to the canonical chain.
    pub(crate) rescored: u64,
}

impl Share {
    pub(crate) fn new<K>(shared: &Shared<'_, K>) -> Result<Self> {
        let scan = shared.scan;
        Ok(Self {
            counts: Counts::new(scan.targets.len(), scan.language_count)?,
            candidates: Candidates::new(scan.lists()?, scan.k, shared.floors)?,
            rescored: 0,
        })
    }
}

/// The work of one thread on the stretches of documents that it takes.
pub(crate) trait Worker<'s, K>: Sized {
    /// The working memory of a thread.
    fn new(shared: &'s Shared<'s, K>) -> Result<Self>;

    /// Scans a stretch of documents; returns those that cannot be scored.
    fn scan(&mut self, rows: Range<usize>) -> Result<Vec<(u64, RowProblem)>>;

    fn finish(self) -> Share;
}
