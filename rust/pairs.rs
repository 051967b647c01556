//! Canonical scores of single pairs of rows.

use crate::error::{Error, Result, RowProblem};
use crate::kernel::isa::{Dispatch, Isa};
use crate::kernel::{Kernel, chain};
use crate::matrix::{Matrix, Prepared, Similarity, first_bad};

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
    isa: Isa,
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
        return Err(Error::Shape(format!(
            "a pair is query row {query} and document row {document}, but there are {} and {} rows",
            queries.rows(),
            documents.rows()
        )));
    }
    isa.with(Pairs { queries, documents, similarity, pairs })?
}

struct Pairs<'a> {
    queries: &'a Prepared,
    documents: &'a Matrix<'a>,
    similarity: Similarity,
    pairs: &'a [(u32, u32)],
}

impl Dispatch for Pairs<'_> {
    type Output = Result<Vec<f32>>;

    fn run<K: Kernel>(self, kernel: K) -> Self::Output {
        kernel.enter(
            #[inline(always)]
            || {
                let mut vector = vec![0.0; self.documents.dimension()];
                let mut scores = Vec::with_capacity(self.pairs.len());
                let mut bad = Vec::new();
                for (query, document) in self.pairs {
                    match self.documents.prepare_row(*document as usize, self.similarity, &mut vector) {
                        Ok(length) if self.similarity == Similarity::Dot && self.queries.overflows_with(length) => {
                            bad.push((u64::from(*document), RowProblem::TooLong));
                        }
                        Ok(_) => scores.push(chain(self.queries.row(*query as usize), &vector)),
                        Err(problem) => bad.push((u64::from(*document), problem)),
                    }
                }
                if bad.is_empty() { Ok(scores) } else { Err(first_bad(bad)) }
            },
        )
    }
}
