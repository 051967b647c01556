//! Products of rows with a matrix that stays, such as a layer of a network.
//!
//! Each is a canonical chain. So a row's products have the same bits whatever
//! rows come with it, on any number of threads and with any kernel, which no
//! library of linear algebra promises.

use crate::error::{Error, Result};
use crate::kernel::Kernel;
use crate::kernel::isa::{Dispatch, Isa};
use crate::pack::panels::Panels;
use crate::threads::{on_parts, thread_count};
use crate::words::Words;

/// Components of rows that stay in the second-level cache while the panels
/// of the matrix pass them.
const ROWS_AT_ONCE: usize = 1 << 16;

/// A matrix of `depth x columns`, packed for one kernel.
pub struct Weights {
    isa: Isa,
    panels: Panels,
    depth: usize,
    columns: usize,
}

impl Weights {
    /// Packs a matrix, whose values are given row after row.
    ///
    /// # Errors
    /// It is empty, has another number of values, or the machine lacks the
    /// kernel.
    pub fn new(values: &[f32], depth: usize, columns: usize, isa: Isa) -> Result<Self> {
        if values.is_empty() || depth.checked_mul(columns) != Some(values.len()) {
            return Err(Error::Shape(format!("{} values are not a matrix of {depth} x {columns}", values.len())));
        }
        isa.with(Packing { values, depth, columns, isa })
    }

    /// Columns of the matrix.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Products of each row, `columns` for each.
    ///
    /// # Errors
    /// The values are not whole rows of `depth`.
    pub fn products(&self, rows: &[f32], threads: usize) -> Result<Vec<f32>> {
        if !rows.len().is_multiple_of(self.depth) {
            return Err(Error::Shape(format!("{} values are not rows of {}", rows.len(), self.depth)));
        }
        self.isa.with(Product { weights: self, rows, threads: thread_count(threads) })?
    }
}

struct Packing<'a> {
    values: &'a [f32],
    depth: usize,
    columns: usize,
    isa: Isa,
}

impl Dispatch for Packing<'_> {
    type Output = Weights;

    fn run<K: Kernel>(self, _: K) -> Weights {
        let Self { values, depth, columns, isa } = self;
        let mut panels = Panels::new(columns.div_ceil(K::DOCUMENTS), K::DOCUMENTS, depth);
        for (panel, first) in (0..columns).step_by(K::DOCUMENTS).enumerate() {
            // A line of a panel is a part of a row.
            let lines = panels.panel_mut(panel).chunks_exact_mut(K::DOCUMENTS);
            for (line, row) in lines.zip(values.chunks_exact(columns)) {
                line.iter_mut().zip(&row[first..]).for_each(|(word, value)| *word = value.to_bits());
            }
        }
        Weights { isa, panels, depth, columns }
    }
}

struct Product<'a> {
    weights: &'a Weights,
    rows: &'a [f32],
    threads: usize,
}

impl Dispatch for Product<'_> {
    type Output = Result<Vec<f32>>;

    fn run<K: Kernel>(self, kernel: K) -> Self::Output {
        let Self { weights, rows, threads } = self;
        let Weights { depth, columns, .. } = *weights;
        let mut products = vec![0.0; rows.len() / depth * columns];
        let at_once = (ROWS_AT_ONCE / depth).next_multiple_of(K::QUERIES).max(K::QUERIES);
        let parts = rows.chunks(at_once * depth).zip(products.chunks_mut(at_once * columns));
        on_parts(threads, parts, |(rows, products)| {
            kernel.enter(
                #[inline(always)]
                || weights.multiply(kernel, rows, products),
            );
            Ok(())
        })?;
        Ok(products)
    }
}

impl Weights {
    #[inline(always)]
    fn multiply<K: Kernel>(&self, kernel: K, rows: &[f32], products: &mut [f32]) {
        let (depth, columns) = (self.depth, self.columns);
        let mut packed = Panels::left_over((rows.len() / depth).div_ceil(K::QUERIES), K::QUERIES, depth);
        for (row, values) in rows.chunks_exact(depth).enumerate() {
            packed.put(row, values.iter().map(|value| value.to_bits()));
        }
        let mut scores = Words::new(K::QUERIES * K::DOCUMENTS);
        for (panel, first) in (0..columns).step_by(K::DOCUMENTS).enumerate() {
            let width = K::DOCUMENTS.min(columns - first);
            for (few, out) in products.chunks_mut(K::QUERIES * columns).enumerate() {
                kernel.tile(depth, packed.f32(few), self.panels.f32(panel), scores.f32_mut());
                for (row, scores) in out.chunks_exact_mut(columns).zip(scores.f32().chunks_exact(K::DOCUMENTS)) {
                    row[first..first + width].copy_from_slice(&scores[..width]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::chain;

    #[test]
    fn products_are_chains_on_any_kernel_with_any_rows_and_threads() {
        for (rows, depth, columns) in [(1, 1, 1), (7, 5, 3), (40, 33, 70), (600, 200, 31)] {
            let value = |n: usize| ((n * 37 + 11) % 101) as f32 / 64.0 - 0.75;
            let matrix: Vec<f32> = (0..depth * columns).map(value).collect();
            let values: Vec<f32> = (3..3 + rows * depth).map(value).collect();
            let column = |c: usize| -> Vec<f32> { matrix.iter().skip(c).step_by(columns).copied().collect() };
            let expected: Vec<f32> = values
                .chunks_exact(depth)
                .flat_map(|row| (0..columns).map(move |c| (row, c)))
                .map(|(row, c)| chain(row, &column(c)))
                .collect();
            for isa in Isa::available() {
                let weights = Weights::new(&matrix, depth, columns, isa).unwrap();
                for threads in [1, 3] {
                    assert_eq!(weights.products(&values, threads).unwrap(), expected);
                }
                let last = (rows - 1) * depth;
                assert_eq!(weights.products(&values[last..], 1).unwrap(), expected[(rows - 1) * columns..]);
                assert!(weights.products(&[], 1).unwrap().is_empty());
            }
        }
    }

    #[test]
    fn shapes_must_agree() {
        assert!(Weights::new(&[1.0; 6], 2, 4, Isa::Portable).is_err());
        assert!(Weights::new(&[], 0, 3, Isa::Portable).is_err());
        assert!(Weights::new(&[1.0; 6], 2, 3, Isa::Portable).unwrap().products(&[1.0; 3], 1).is_err());
    }
}
