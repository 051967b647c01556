//! A scan: the request and the answer. `run` does the work.

mod block;
mod floors;
mod near;
mod packed;
mod pass;
mod prefetch;
mod run;
mod stream;
mod worker;

use crate::error::{Error, Result, RowProblem};
use crate::kernel::Kernel;
use crate::kernel::isa::Isa;
use crate::matrix::{Matrix, Prepared, Similarity};
use crate::ranks::{Counts, Targets};
use crate::topk::TopK;

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
    /// Place of the first document, for `places` of None.
    pub first_place: u32,
    /// Relevant documents, whose ranks are counted.
    pub targets: Targets<'a>,
    /// How vectors are compared.
    pub similarity: Similarity,
    /// Length of the result lists, 0 for none.
    pub k: usize,
    /// One list per query and language instead of one per query.
    pub per_language: bool,
    /// Arithmetic of the bulk of the work; the result does not depend on it.
    pub precision: Precision,
    /// How the work is cut; the result does not depend on it.
    pub shape: Shape,
}

/// Arithmetic of the bulk of the work. The result is the same in every bit.
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
    /// vectors without such a code and for dot products of rows of any length.
    Int16Certified,
}

/// How the work of a scan is cut.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Threads, 0 for as many as the process may use.
    pub threads: usize,
    /// Documents packed at a time.
    pub block: usize,
    /// Instruction set of the kernel.
    pub isa: Isa,
    /// Whether a thread of its own fetches documents before they are
    /// needed; for memory maps.
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
    /// Scores that a certified filter left to the canonical chain; 0 without
    /// a filter.
    pub rescored: u64,
}

impl Scan<'_> {
    #[inline(always)]
    pub(crate) fn place(&self, row: usize) -> u32 {
        self.places.map_or(self.first_place + row as u32, |places| places[row])
    }

    /// Writes a document, ready for scoring, into `out`.
    #[inline(always)]
    pub(crate) fn prepare<K: Kernel>(
        &self,
        kernel: K,
        row: usize,
        out: &mut [f32],
    ) -> std::result::Result<(), RowProblem> {
        self.documents.prepare_document(kernel, row, self.queries, self.similarity, out)
    }

    /// The list that a document of this language enters.
    #[inline(always)]
    pub(crate) fn list(&self, query: usize, language: usize) -> usize {
        if self.per_language { query * self.language_count + language } else { query }
    }

    /// Result lists of a query.
    pub(crate) fn lists_per_query(&self) -> usize {
        if self.per_language { self.language_count } else { 1 }
    }

    pub(crate) fn lists(&self) -> Result<usize> {
        self.queries.rows().checked_mul(self.lists_per_query()).ok_or(Error::Memory(None))
    }

    /// Documents packed at a time: at least one, and no more than there are.
    pub(crate) fn block(&self) -> usize {
        self.shape.block.min(self.documents.rows()).max(1)
    }
}
