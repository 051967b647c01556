//! Embeddings as rows of `f32` or `f16`, and the one rule that prepares a row
//! for scoring.

use std::hint::black_box;
use std::ops::Range;

use half::f16;

use crate::error::{BadRows, Error, Result, RowProblem};
use crate::kernel::isa::{Dispatch, Isa};
use crate::kernel::{self, Kernel};
use crate::mapped::span_of;
use crate::threads::{on_parts, thread_count, threads_worth};
use crate::words::Words;

/// Borrowed components, row after row.
#[derive(Debug, Clone, Copy)]
pub enum Elements<'a> {
    /// Single precision.
    F32(&'a [f32]),
    /// Half precision; widened exactly before anything is computed.
    F16(&'a [f16]),
}

impl Elements<'_> {
    fn len(self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::F16(values) => values.len(),
        }
    }
}

/// Rows of equal length, borrowed from the caller (often a memory map).
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a> {
    elements: Elements<'a>,
    rows: usize,
    dimension: usize,
    /// Components from the start of a row to that of the next one.
    stride: usize,
}

/// How two vectors are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Similarity {
    /// Dot product of rows scaled to length one.
    Cosine,
    /// Dot product of rows as they are.
    Dot,
}

/// Rows that may take part in scores: finite, and of length one for cosine.
#[derive(Debug, Clone)]
pub struct Prepared {
    values: Words,
    dimension: usize,
    longest: f64,
}

/// How many bad rows an error names.
const NAMED_ROWS: usize = 5;

impl<'a> Matrix<'a> {
    /// A view of `rows x dimension` components.
    ///
    /// # Errors
    /// The dimension is zero or the number of components differs.
    pub fn new(elements: Elements<'a>, rows: usize, dimension: usize) -> Result<Self> {
        let length = elements.len();
        if dimension == 0 || rows.checked_mul(dimension) != Some(length) {
            return Err(Error::Shape(format!("{length} components are not {rows} rows of dimension {dimension}")));
        }
        Ok(Self { elements, rows, dimension, stride: dimension })
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Components of a row.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// Where the rows lie, for `guarded`.
    #[must_use]
    pub fn span(&self) -> Range<usize> {
        match self.elements {
            Elements::F32(values) => span_of(values),
            Elements::F16(values) => span_of(values),
        }
    }

    pub(crate) fn elements(&self) -> Elements<'a> {
        self.elements
    }

    /// The first of each `step` rows, where they are.
    pub(crate) fn every(&self, step: usize) -> Self {
        Self { rows: self.rows.div_ceil(step), stride: self.stride * step, ..*self }
    }

    /// Which of the elements are the components of a row.
    #[inline(always)]
    pub(crate) fn components(&self, row: usize) -> Range<usize> {
        row * self.stride..row * self.stride + self.dimension
    }

    /// Fetches a row into the cache that will soon be read.
    #[inline(always)]
    pub(crate) fn prefetch(&self, row: usize) {
        match self.elements {
            Elements::F32(values) => prefetch(&values[self.components(row)]),
            Elements::F16(values) => prefetch(&values[self.components(row)]),
        }
    }

    /// Reads a component of each memory page of these rows, so that a memory
    /// map fetches them.
    pub(crate) fn touch(&self, rows: Range<usize>) {
        const PAGE: usize = 4096;
        let span = rows.start * self.stride..(rows.end * self.stride).min(self.elements.len());
        match self.elements {
            Elements::F32(values) => {
                black_box(values[span].iter().step_by(PAGE / 4).fold(0, |sum: u32, value| sum ^ value.to_bits()));
            }
            Elements::F16(values) => {
                black_box(values[span].iter().step_by(PAGE / 2).fold(0, |sum: u16, value| sum ^ value.to_bits()));
            }
        }
    }

    /// Writes row `row`, ready for scoring, into `out` and returns its
    /// original length.
    ///
    /// The rule: the squared length is summed in `f64` over eight interleaved
    /// lanes that are added pairwise at the end; cosine multiplies each
    /// component by the reciprocal length in `f64` and rounds once to `f32`.
    #[inline(always)]
    pub(crate) fn prepare_row<K: Kernel>(
        &self,
        kernel: K,
        row: usize,
        similarity: Similarity,
        out: &mut [f32],
    ) -> std::result::Result<f64, RowProblem> {
        let span = self.components(row);
        match self.elements {
            Elements::F32(values) => out.copy_from_slice(&values[span]),
            Elements::F16(values) => kernel.widen(&values[span], out),
        }
        let length = length(out);
        if !length.is_finite() {
            return Err(RowProblem::NotFinite);
        }
        if length == 0.0 {
            return Err(RowProblem::Zero);
        }
        if similarity == Similarity::Cosine {
            let scale = 1.0 / length;
            for value in out {
                *value = (f64::from(*value) * scale) as f32;
            }
        }
        Ok(length)
    }

    /// The same for a document, whose dot products with the queries must not
    /// overflow.
    #[inline(always)]
    pub(crate) fn prepare_document<K: Kernel>(
        &self,
        kernel: K,
        row: usize,
        queries: &Prepared,
        similarity: Similarity,
        out: &mut [f32],
    ) -> std::result::Result<(), RowProblem> {
        let length = self.prepare_row(kernel, row, similarity, out)?;
        let too_long = similarity == Similarity::Dot && queries.overflows_with(length);
        if too_long { Err(RowProblem::TooLong) } else { Ok(()) }
    }

    /// All rows, ready for scoring.
    ///
    /// # Errors
    /// Rows that are zero or not finite; the first five are named.
    pub fn prepare(&self, similarity: Similarity, input: &'static str) -> Result<Prepared> {
        self.prepare_on(1, similarity, input)
    }

    /// The same on several threads, 0 for as many as the process may use.
    ///
    /// # Errors
    /// Those of `prepare`.
    pub fn prepare_on(&self, threads: usize, similarity: Similarity, input: &'static str) -> Result<Prepared> {
        let threads = threads_worth(self.rows * self.dimension, thread_count(threads));
        // The arithmetic has one order, so the instructions show in the time only.
        Isa::detect().with(Preparation { matrix: self, threads, similarity, input })?
    }

    #[inline(always)]
    fn prepare_rows<K: Kernel>(
        &self,
        kernel: K,
        first: usize,
        similarity: Similarity,
        out: &mut [f32],
    ) -> PreparedRows {
        let mut rows = PreparedRows { longest: 0.0, bad: Vec::new() };
        for (row, out) in (first..).zip(out.chunks_exact_mut(self.dimension)) {
            match self.prepare_row(kernel, row, similarity, out) {
                Ok(length) => rows.longest = rows.longest.max(length),
                Err(problem) if rows.bad.len() < NAMED_ROWS => rows.bad.push((row as u64, problem)),
                Err(_) => {}
            }
        }
        rows
    }
}

/// What is known of some rows beside their components: the length of the
/// longest, and those that cannot be scored.
struct PreparedRows {
    longest: f64,
    bad: Vec<(u64, RowProblem)>,
}

/// The preparation of all rows, with a kernel still to be chosen.
struct Preparation<'a> {
    matrix: &'a Matrix<'a>,
    threads: usize,
    similarity: Similarity,
    input: &'static str,
}

impl Dispatch for Preparation<'_> {
    type Output = Result<Prepared>;

    fn run<K: Kernel>(self, kernel: K) -> Self::Output {
        let Self { matrix, threads, similarity, input } = self;
        let dimension = matrix.dimension;
        let mut values = Words::of_rows(matrix.rows, dimension)?;
        let rows_at_once = matrix.rows.div_ceil(4 * threads).max(1);
        let parts = values.f32_mut().chunks_mut(rows_at_once * dimension).enumerate();
        let mut parts = on_parts(threads, parts, |(part, out)| {
            Ok(kernel.enter(
                #[inline(always)]
                || matrix.prepare_rows(kernel, part * rows_at_once, similarity, out),
            ))
        })?;
        let longest = parts.iter().map(|rows| rows.longest).fold(0.0, f64::max);
        let bad: Vec<_> = parts.iter_mut().flat_map(|rows| rows.bad.drain(..)).collect();
        if bad.is_empty() { Ok(Prepared { values, dimension, longest }) } else { Err(first_bad(input, bad)) }
    }
}

impl Prepared {
    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.values.f32().len() / self.dimension
    }

    /// Components of a row.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// One row.
    #[must_use]
    pub fn row(&self, row: usize) -> &[f32] {
        &self.values.f32()[row * self.dimension..(row + 1) * self.dimension]
    }

    /// Some of the rows.
    pub(crate) fn select(&self, rows: &[usize]) -> Self {
        let mut values = Words::left_over(rows.len() * self.dimension);
        for (row, space) in rows.iter().zip(values.f32_mut().chunks_exact_mut(self.dimension)) {
            space.copy_from_slice(self.row(*row));
        }
        Self { values, ..*self }
    }

    /// Whether a document of this length could overflow a dot product with
    /// one of these rows; lengths bound the partial sums too.
    fn overflows_with(&self, length: f64) -> bool {
        self.longest * length >= f64::from(f32::MAX) / 2.0
    }
}

/// Sorts problem rows and keeps the first few, each once, for an error.
pub(crate) fn first_bad(input: &'static str, mut rows: Vec<(u64, RowProblem)>) -> Error {
    rows.sort_unstable();
    rows.dedup();
    rows.truncate(NAMED_ROWS);
    Error::Rows(BadRows { input, rows })
}

#[inline(always)]
fn prefetch<T>(values: &[T]) {
    values.chunks(64 / size_of::<T>()).for_each(|line| kernel::prefetch(line.as_ptr().cast()));
}

#[inline(always)]
fn length(row: &[f32]) -> f64 {
    let mut lanes = [0.0_f64; 8];
    let mut chunks = row.chunks_exact(8);
    for chunk in &mut chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            let value = f64::from(*value);
            *lane += value * value;
        }
    }
    for (lane, value) in lanes.iter_mut().zip(chunks.remainder()) {
        let value = f64::from(*value);
        *lane += value * value;
    }
    let [a, b, c, d, e, f, g, h] = lanes;
    (((a + b) + (c + d)) + ((e + f) + (g + h))).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cosine_rows_have_length_one_and_keep_direction() {
        let values = [3.0, 4.0, -0.0, 1e30, 0.0, 0.0];
        let matrix = Matrix::new(Elements::F32(&values), 2, 3).unwrap();
        let prepared = matrix.prepare(Similarity::Cosine, "queries").unwrap();
        assert_eq!(prepared.row(0), [0.6, 0.8, 0.0]);
        assert_eq!(prepared.row(1), [1.0, 0.0, 0.0]);
    }

    #[test]
    fn bad_rows_are_named_in_order() {
        let values = [1.0, f32::NAN, 0.0, -0.0, f32::INFINITY, 1.0, 1.0, 1.0];
        let matrix = Matrix::new(Elements::F32(&values), 4, 2).unwrap();
        let error = matrix.prepare(Similarity::Cosine, "queries").unwrap_err();
        let expected = vec![(0, RowProblem::NotFinite), (1, RowProblem::Zero), (2, RowProblem::NotFinite)];
        assert_eq!(error, Error::Rows(BadRows { input: "queries", rows: expected }));
    }

    #[test]
    fn threads_do_not_show() {
        let (rows, dimension) = (700, 600);
        let mut values: Vec<f32> = (0..rows * dimension).map(|n| ((n * 37 + 11) % 101) as f32 - 50.0).collect();
        let prepare = |values: &[f32], threads| {
            let matrix = Matrix::new(Elements::F32(values), rows, dimension).unwrap();
            matrix.prepare_on(threads, Similarity::Cosine, "queries")
        };
        let one = prepare(&values, 1).unwrap();
        let several = prepare(&values, 3).unwrap();
        assert!(several.values.f32() == one.values.f32() && several.longest == one.longest);
        for row in (0..rows).rev().step_by(90) {
            values[row * dimension + row % 7] = f32::NAN;
        }
        let error = prepare(&values, 1).unwrap_err();
        assert_eq!(prepare(&values, 3).unwrap_err(), error);
        let expected = [69, 159, 249, 339, 429].map(|row| (row, RowProblem::NotFinite)).to_vec();
        assert_eq!(error, Error::Rows(BadRows { input: "queries", rows: expected }));
    }

    #[test]
    fn half_precision_is_widened_exactly() {
        let halves: Vec<f16> = [0.1, 0.2, -0.3].iter().map(|v| f16::from_f32(*v)).collect();
        let wide: Vec<f32> = halves.iter().map(|v| v.to_f32()).collect();
        let a = Matrix::new(Elements::F16(&halves), 1, 3).unwrap().prepare(Similarity::Cosine, "queries").unwrap();
        let b = Matrix::new(Elements::F32(&wide), 1, 3).unwrap().prepare(Similarity::Cosine, "queries").unwrap();
        assert_eq!(a.row(0), b.row(0));
    }

    #[test]
    fn denormal_rows_have_a_direction() {
        let values = [1e-45_f32, 0.0];
        let matrix = Matrix::new(Elements::F32(&values), 1, 2).unwrap();
        assert_eq!(matrix.prepare(Similarity::Cosine, "queries").unwrap().row(0), [1.0, 0.0]);
    }

    #[test]
    fn every_few_rows_are_read_where_they_lie() {
        let values: Vec<f32> = (1..=21_i16).map(f32::from).collect();
        let matrix = Matrix::new(Elements::F32(&values), 7, 3).unwrap();
        for step in 1..9 {
            let few = matrix.every(step);
            assert_eq!(few.rows(), 7_usize.div_ceil(step));
            few.touch(0..few.rows());
            let rows = few.prepare(Similarity::Dot, "queries").unwrap();
            for row in 0..few.rows() {
                few.prefetch(row);
                assert_eq!(rows.row(row), &values[3 * step * row..][..3]);
            }
        }
    }

    #[test]
    fn shapes_must_agree() {
        assert!(Matrix::new(Elements::F32(&[1.0; 6]), 2, 4).is_err());
        assert!(Matrix::new(Elements::F32(&[]), 0, 0).is_err());
    }
}
