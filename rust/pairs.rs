//! Canonical scores of single pairs of rows.

use crate::error::{Error, Result, RowProblem};
use crate::kernel::isa::{Dispatch, Isa};
use crate::kernel::{Kernel, SIDE_BY_SIDE};
use crate::matrix::{Matrix, Prepared, Similarity, first_bad};
use crate::ranks::check_indptr;
use crate::threads::{on_parts, thread_count, threads_worth};

/// Canonical scores of relevant documents that are rows of one matrix: those of
/// query q are `rows[indptr[q]..indptr[q + 1]]`.
///
/// # Errors
/// Those of `score_pairs`, and an `indptr` that does not ascend from 0 to the
/// number of rows, one step for each query.
pub fn score_targets(
    queries: &Prepared,
    documents: &Matrix<'_>,
    similarity: Similarity,
    indptr: &[i64],
    rows: &[u32],
    threads: usize,
    isa: Isa,
) -> Result<Vec<f32>> {
    check_indptr(indptr, rows.len())?;
    let mut pairs = Vec::with_capacity(rows.len());
    for (query, ends) in indptr.windows(2).enumerate() {
        pairs.extend(rows[ends[0] as usize..ends[1] as usize].iter().map(|row| (query as u32, *row)));
    }
    score_pairs(queries, documents, similarity, &pairs, threads, isa)
}

/// Canonical scores of pairs of rows, on several threads, 0 for as many as the
/// process may use.
///
/// # Errors
/// Dimensions or the numbers of rows differ, a row is absent, or a document
/// cannot be scored.
pub fn score_pairs(
    queries: &Prepared,
    documents: &Matrix<'_>,
    similarity: Similarity,
    pairs: &[(u32, u32)],
    threads: usize,
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
    let threads = threads_worth(pairs.len() * documents.dimension(), thread_count(threads));
    isa.with(Pairs { queries, documents, similarity, pairs, threads })?
}

struct Pairs<'a> {
    queries: &'a Prepared,
    documents: &'a Matrix<'a>,
    similarity: Similarity,
    pairs: &'a [(u32, u32)],
    threads: usize,
}

impl Dispatch for Pairs<'_> {
    type Output = Result<Vec<f32>>;

    fn run<K: Kernel>(self, kernel: K) -> Self::Output {
        // By document, so that one with several queries is prepared once and
        // a map is read from front to back.
        let mut order: Vec<usize> = (0..self.pairs.len()).collect();
        order.sort_unstable_by_key(|pair| self.pairs[*pair].1);
        let at_once = order.len().div_ceil(4 * self.threads).next_multiple_of(SIDE_BY_SIDE).max(SIDE_BY_SIDE);
        let parts = on_parts(self.threads, order.chunks(at_once), |part| {
            Ok(kernel.enter(
                #[inline(always)]
                || self.scores(kernel, part),
            ))
        })?;
        let (mut scores, mut bad) = (vec![0.0; self.pairs.len()], Vec::new());
        for (part, part_scores, part_bad) in parts {
            part.iter().zip(part_scores).for_each(|(pair, score)| scores[*pair] = score);
            bad.extend(part_bad);
        }
        if bad.is_empty() { Ok(scores) } else { Err(first_bad("documents", bad)) }
    }
}

/// Some pairs, by document: their numbers, their scores, and the documents
/// that cannot be scored.
type Part<'o> = (&'o [usize], Vec<f32>, Vec<(u64, RowProblem)>);

impl Pairs<'_> {
    #[inline(always)]
    fn scores<'o, K: Kernel>(&self, kernel: K, order: &'o [usize]) -> Part<'o> {
        let dimension = self.documents.dimension();
        let mut rows = vec![0.0; SIDE_BY_SIDE * dimension];
        let mut scores = Vec::with_capacity(order.len());
        let mut bad = Vec::new();
        for group in order.chunks(SIDE_BY_SIDE) {
            let (mut row_of, mut prepared) = ([0; SIDE_BY_SIDE], 0);
            for (at, pair) in group.iter().enumerate() {
                let document = self.pairs[*pair].1;
                if at == 0 || self.pairs[group[at - 1]].1 != document {
                    let row = &mut rows[prepared * dimension..(prepared + 1) * dimension];
                    let Self { queries, similarity, .. } = *self;
                    let ready = self.documents.prepare_document(kernel, document as usize, queries, similarity, row);
                    if let Err(problem) = ready {
                        bad.push((u64::from(document), problem));
                    }
                    prepared += 1;
                }
                row_of[at] = prepared - 1;
            }
            let chains = kernel.chains(std::array::from_fn(|at| {
                // The last group is filled up with its last pair.
                let at = at.min(group.len() - 1);
                let row = row_of[at] * dimension;
                (self.queries.row(self.pairs[group[at]].0 as usize), &rows[row..row + dimension])
            }));
            scores.extend_from_slice(&chains[..group.len()]);
        }
        (order, scores, bad)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::chain;
    use crate::matrix::Elements;

    #[test]
    fn every_pair_has_the_score_of_its_rows_in_any_order_and_number() {
        let values: Vec<f32> = (0..23 * 19).map(|n| ((n * 37 + 11) % 101) as f32 - 50.0).collect();
        let matrix = Matrix::new(Elements::F32(&values), 23, 19).unwrap();
        for similarity in [Similarity::Cosine, Similarity::Dot] {
            let rows = matrix.prepare(similarity, "queries").unwrap();
            for count in 0..40_u32 {
                let pairs: Vec<(u32, u32)> = (0..count).map(|n| (n * 7 % 23, n * n % 11)).collect();
                let expected: Vec<f32> =
                    pairs.iter().map(|(q, d)| chain(rows.row(*q as usize), rows.row(*d as usize))).collect();
                for isa in Isa::available() {
                    assert_eq!(score_pairs(&rows, &matrix, similarity, &pairs, 2, isa).unwrap(), expected);
                }
            }
        }
    }

    #[test]
    fn targets_are_the_pairs_of_their_queries() {
        let values: Vec<f32> = (0..7 * 5).map(|n| ((n * 29 + 3) % 41) as f32 - 20.0).collect();
        let matrix = Matrix::new(Elements::F32(&values), 7, 5).unwrap();
        let queries = matrix.prepare(Similarity::Cosine, "queries").unwrap();
        let scores = |indptr: &[i64], rows: &[u32]| {
            score_targets(&queries, &matrix, Similarity::Cosine, indptr, rows, 1, Isa::Portable)
        };
        let pairs = [(0, 4), (0, 1), (2, 6), (2, 2), (2, 0), (6, 3)];
        let expected = score_pairs(&queries, &matrix, Similarity::Cosine, &pairs, 1, Isa::Portable).unwrap();
        assert_eq!(scores(&[0, 2, 2, 5, 5, 5, 5, 6], &[4, 1, 6, 2, 0, 3]).unwrap(), expected);
        for indptr in [&[0, 2, 1, 6][..], &[0, 5], &[1, 6], &[0, -1, 6], &[0, 7, 6], &[]] {
            assert!(scores(indptr, &[4, 1, 6, 2, 0, 3]).is_err());
        }
        assert!(scores(&[0, 1], &[7]).is_err(), "no such row");
        assert!(scores(&[0, 0, 0, 0, 0, 0, 0, 0, 1], &[0]).is_err(), "no such query");
    }

    #[test]
    fn threads_do_not_show() {
        let (rows, dimension) = (300, 400);
        let mut values: Vec<f32> = (0..rows * dimension).map(|n| ((n * 37 + 11) % 101) as f32 - 50.0).collect();
        let pairs: Vec<(u32, u32)> = (0..1003).map(|n| (n * 7 % 300, n * n % 299)).collect();
        let queries = Matrix::new(Elements::F32(&values), rows, dimension).unwrap();
        let queries = queries.prepare(Similarity::Cosine, "queries").unwrap();
        let scores = |values: &[f32], threads| {
            let documents = Matrix::new(Elements::F32(values), rows, dimension).unwrap();
            score_pairs(&queries, &documents, Similarity::Cosine, &pairs, threads, Isa::detect())
        };
        assert_eq!(scores(&values, 3).unwrap(), scores(&values, 1).unwrap());
        for row in [1, 4, 9, 16, 25, 36, 100] {
            values[row * dimension] = f32::INFINITY;
        }
        let error = scores(&values, 1).unwrap_err();
        assert_eq!(scores(&values, 3).unwrap_err(), error);
        let first = [1, 4, 9, 16, 25].map(|row| (row, RowProblem::NotFinite)).to_vec();
        assert_eq!(error, first_bad("documents", first));
    }

    #[test]
    fn a_bad_document_of_many_pairs_is_named_once() {
        let values = [1.0, 0.0, f32::NAN, 1.0, 0.0, 0.0];
        let documents = Matrix::new(Elements::F32(&values), 3, 2).unwrap();
        let queries =
            Matrix::new(Elements::F32(&values[..2]), 1, 2).unwrap().prepare(Similarity::Cosine, "queries").unwrap();
        let pairs: Vec<(u32, u32)> = (0..30).map(|n| (0, n % 3)).collect();
        let error = score_pairs(&queries, &documents, Similarity::Cosine, &pairs, 1, Isa::Portable).unwrap_err();
        assert_eq!(error, first_bad("documents", vec![(1, RowProblem::NotFinite), (2, RowProblem::Zero)]));
    }
}
