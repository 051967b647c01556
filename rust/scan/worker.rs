//! What the threads of a pass share, do and return. `packed` and `stream` are
//! the two ways of doing it.

use std::ops::Range;
use std::sync::OnceLock;

use crate::cancel::Control;
use crate::error::{Result, RowProblem};
use crate::pack::int16::CodedQueries;
use crate::pack::panels::Panels;
use crate::ranks::{ThreadCounts, Ties};
use crate::scan::Scan;
use crate::topk::{Candidates, Hit};

/// What all threads read.
pub(crate) struct Shared<'s, K> {
    pub(crate) scan: &'s Scan<'s>,
    pub(crate) kernel: K,
    /// Packed when first needed: with integers, perhaps never.
    pub(crate) queries: OnceLock<Panels>,
    /// None: canonical scores only.
    pub(crate) codes: Option<CodedQueries>,
    pub(crate) candidates: Candidates,
    pub(crate) ties: Ties,
    pub(crate) progress: Option<&'s Control>,
    pub(crate) control: &'s Control,
}

/// The result for the documents of one thread, beside what all of them fill.
pub(crate) struct Share<'s> {
    pub(crate) counts: ThreadCounts<'s>,
    /// Scores that a filter left to the canonical chain.
    pub(crate) rescored: u64,
}

impl<'s> Share<'s> {
    /// Counts a canonical score against a target.
    #[inline(always)]
    pub(crate) fn compare(&mut self, scan: &Scan<'_>, language: usize, target: usize, hit: Hit) {
        let bar = scan.targets.score(target);
        if hit.score > bar {
            self.counts.greater_of(language, target..target + 1)[0] += 1;
        } else if hit.score == bar {
            self.counts.add_tie(language, target, scan.targets.place(target), hit.place);
        }
    }

    pub(crate) fn new<K>(shared: &'s Shared<'s, K>) -> Result<Self> {
        Ok(Self { counts: ThreadCounts::new(shared.scan.language_count, &shared.ties)?, rescored: 0 })
    }
}

/// The work of one thread on the stretches of documents that it takes.
pub(crate) trait Worker<'s, K>: Sized {
    /// The working memory of a thread.
    fn new(shared: &'s Shared<'s, K>) -> Result<Self>;

    /// Scans a stretch of documents; returns those that cannot be scored.
    fn scan(&mut self, rows: Range<usize>) -> Result<Vec<(u64, RowProblem)>>;

    fn finish(self) -> Share<'s>;
}
