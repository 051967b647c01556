//! Vectors as 16-bit integers, with a proof of how far an integer dot product
//! can be from the canonical score.
//!
//! A row x becomes integers c with x = c / S + e, where S is the scale: the
//! greatest for which components fit 16 bits and scores 32 (`Coding`). Each
//! query has its own, the documents of a block share one. For a query and a
//! document the integer score, divided by its unit S S' u, differs from the
//! exact dot product by at most
//!
//! ```text
//!   |q| |e_x| + |e_q| (|x| + |e_x|) + |l_q| |l_x|
//! ```
//!
//! where l are the low limbs divided by the scale, for kernels that leave out
//! their product. The canonical chain of d fused multiply-adds differs from
//! the exact dot product by at most d u / (1 - d u) |q| |x| with u = 2^-24.
//! The norms are measured for each row and rounded up, never assumed.
//!
//! A word holds two components, so a row of dimension d has depth
//! `d.div_ceil(2)`; an odd row ends with a zero. Dimension 3 in panels of
//! width 4, of which two rows are in use:
//!
//! ```text
//!   row 0   a0 a1 | a2 0       line 0   a0 a1 | b0 b1 | 0 0 | 0 0
//!   row 1   b0 b1 | b2 0       line 1   a2  0 | b2  0 | 0 0 | 0 0
//! ```
//!
//! Component c of a row is half `c % 2` of its word `c / 2`, the first in
//! memory for 0: as 16-bit integers, b2 is number 2 * (1 * 4 + 1) + 0 = 10.

use crate::error::Result;
use crate::kernel::{Coding, Kernel};
use crate::matrix::Prepared;
use crate::pack::panels::Panels;
use crate::threads::{on_parts, threads_worth};
use crate::words::Words;

/// Lanes of a sum of squares, for vector instructions.
const LANES: usize = 16;

/// Upper bounds of the lengths of one or more rows, of what their codes leave
/// out, and of their low limbs if these are left out too.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Bound {
    norm: f64,
    error: f64,
    low: f64,
}

impl Bound {
    pub(crate) fn max(self, other: Self) -> Self {
        Self { norm: self.norm.max(other.norm), error: self.error.max(other.error), low: self.low.max(other.low) }
    }
}

/// The greatest size of a component; rows have no NaN.
#[inline(always)]
pub(crate) fn greatest(row: &[f32]) -> f32 {
    let larger = |a: f32, b: f32| if a > b { a } else { b };
    let mut lanes = [0.0_f32; LANES];
    let chunks = row.chunks_exact(LANES);
    let rest = chunks.remainder().iter().fold(0.0, |most, value| larger(value.abs(), most));
    for values in chunks {
        for (lane, value) in lanes.iter_mut().zip(values) {
            *lane = larger(value.abs(), *lane);
        }
    }
    lanes.into_iter().fold(rest, larger)
}

impl Coding {
    /// The scale for components up to this size.
    pub(crate) fn scale(self, greatest: f32) -> f32 {
        (self.greatest / greatest).min(self.finest)
    }
}

/// Writes the code of a row, filled up with zeros, and returns its bounds.
/// The scale must suit its greatest component.
#[inline(always)]
pub(crate) fn encode(coding: Coding, scale: f32, row: &[f32], code: &mut [i16]) -> Bound {
    // Adding this rounds to an integer and leaves it in the low bits.
    const MAGIC: f32 = 12_582_912.0;
    let step = 1.0 / scale;
    let (mut squares, mut residues, mut lows) = ([0.0_f32; LANES], [0.0_f32; LANES], [0.0_f32; LANES]);
    for (values, codes) in row.chunks(LANES).zip(code.chunks_mut(LANES)) {
        let mut whole = [0.0_f32; LANES];
        let values = match values.try_into() {
            Ok(values) => values,
            Err(_) => {
                whole[..values.len()].copy_from_slice(values);
                &whole
            }
        };
        let mut rounded = [0_i16; LANES];
        for n in 0..LANES {
            let value: f32 = values[n];
            let shifted = value * scale + MAGIC;
            let integer = shifted.to_bits().wrapping_sub(MAGIC.to_bits());
            rounded[n] = integer as i16;
            let residue = value - (shifted - MAGIC) * step;
            squares[n] += value * value;
            residues[n] += residue * residue;
            if coding.low_limbs_dropped {
                let low = f32::from(integer as i8);
                lows[n] += low * low;
            }
        }
        match codes.first_chunk_mut() {
            Some(codes) => *codes = rounded,
            None => codes.copy_from_slice(&rounded[..codes.len()]),
        }
    }
    code[row.len()..].fill(0);
    let length = |lanes: [f32; LANES]| lanes.iter().map(|sum| f64::from(*sum)).sum::<f64>().sqrt();
    // Each lane adds about d / LANES non-negative terms in f32, each rounded
    // twice; squares below the normal numbers lose at most 2^-149 apiece.
    let steps = (row.len() / LANES + 4) as f64;
    let slack = 1.0 + steps * 2.0_f64.powi(-23);
    let tiny = 1e-22 * (row.len() as f64).sqrt();
    let norm = length(squares) * slack + tiny;
    // A residue is off by the roundings of `step` and of the product, which
    // is at most twice the component.
    let error = length(residues) * slack + norm * 5.0 * 2.0_f64.powi(-24) + tiny;
    let low = length(lows) * slack / f64::from(scale) * (1.0 + 1e-12);
    Bound { norm, error, low }
}

/// A query against documents.
pub(crate) struct Coded {
    pub(crate) query: Bound,
    pub(crate) documents: Bound,
    pub(crate) dimension: usize,
    /// The score of 1.
    pub(crate) unit: f64,
}

impl Coded {
    /// How far the integer score can be from the canonical score times the
    /// unit and from a `center`; None if an integer score could overflow.
    pub(crate) fn reach(&self) -> Option<i32> {
        let (q, x) = (self.query, self.documents);
        // By Cauchy and Schwarz no sum exceeds the product of the lengths of
        // the codes.
        let low = q.low * x.low;
        if ((q.norm + q.error) * (x.norm + x.error) + low) * self.unit >= f64::from(i32::MAX) {
            return None;
        }
        let roundings = self.dimension as f64 * 2.0_f64.powi(-24);
        if roundings >= 0.25 {
            return None;
        }
        let coding = q.norm * x.error + q.error * (x.norm + x.error) + low;
        // Roundings below the normal numbers are absolute.
        let chain = roundings / (1.0 - roundings) * q.norm * x.norm + self.dimension as f64 * 1e-44;
        // A margin for the roundings of this formula, and one step for that
        // of the center.
        Some(((coding + chain) * self.unit * (1.0 + 1e-9)).ceil() as i32 + 2)
    }
}

/// The integer score that stands for a canonical one; those that no integer
/// score can reach are clipped.
#[inline(always)]
pub(crate) fn center(score: f32, unit: f64) -> i32 {
    (f64::from(score) * unit).round_ties_even() as i32
}

/// The codes of all queries, packed.
pub(crate) struct CodedQueries {
    panels: Panels,
    rows: Vec<CodedRow>,
}

/// What is known of the code of a query.
#[derive(Debug, Clone, Copy, Default)]
struct CodedRow {
    bound: Bound,
    scale: f32,
}

impl CodedQueries {
    /// Codes them on at most so many threads.
    pub(crate) fn new<K: Kernel>(kernel: K, queries: &Prepared, threads: usize) -> Result<Self> {
        let (width, depth) = (K::CODED_QUERIES, K::code_depth(queries.dimension()));
        let panel_count = queries.rows().div_ceil(width);
        let threads = threads_worth(queries.rows() * queries.dimension(), threads);
        let at_once = panel_count.div_ceil(4 * threads).max(1);
        let mut panels = Panels::left_over(panel_count, width, depth);
        let mut rows = vec![CodedRow::default(); queries.rows()];
        let parts = panels.chunks_mut(at_once).zip(rows.chunks_mut(at_once * width)).enumerate();
        on_parts(threads, parts, |(part, (panels, rows))| {
            let first = part * at_once * width;
            kernel.enter(
                #[inline(always)]
                || code_rows(kernel, queries, first, rows, panels),
            );
            Ok(())
        })?;
        Ok(Self { panels, rows })
    }

    pub(crate) fn panel(&self, panel: usize) -> &[i32] {
        self.panels.i32(panel)
    }

    /// The unit of a query's scores against documents with this unit.
    pub(crate) fn unit(&self, query: usize, document_unit: f64) -> f64 {
        f64::from(self.rows[query].scale) * document_unit
    }

    /// How far, in units of the integer score, each canonical score can be
    /// from it; None if an integer sum could overflow.
    pub(crate) fn reaches(
        &self,
        documents: Bound,
        document_unit: f64,
        dimension: usize,
        out: &mut Vec<i32>,
    ) -> Option<()> {
        out.clear();
        for (query, row) in self.rows.iter().enumerate() {
            let unit = self.unit(query, document_unit);
            out.push(Coded { query: row.bound, documents, dimension, unit }.reach()?);
        }
        Some(())
    }
}

/// Codes and packs some queries, from the row `first` on.
#[inline(always)]
fn code_rows<K: Kernel>(kernel: K, queries: &Prepared, first: usize, rows: &mut [CodedRow], panels: &mut [u32]) {
    let (width, depth) = (K::CODED_QUERIES, K::code_depth(queries.dimension()));
    let mut codes = Words::left_over(width * depth);
    let mut row_number = first;
    for (panel, rows) in panels.chunks_exact_mut(width * depth).zip(rows.chunks_mut(width)) {
        let space = codes.i16_mut();
        space[2 * depth * rows.len()..].fill(0);
        for (coded, code) in rows.iter_mut().zip(space.chunks_exact_mut(2 * depth)) {
            let row = queries.row(row_number);
            coded.scale = K::CODING.scale(greatest(row));
            coded.bound = encode(K::CODING, coded.scale, row, code);
            kernel.arrange(code);
            row_number += 1;
        }
        kernel.pack_queries(depth, codes.u32(), panel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::chain;
    use crate::kernel::emulated::Emulated;
    use crate::kernel::portable::Portable;
    use crate::matrix::{Elements, Matrix, Similarity};
    use proptest::prelude::*;

    const LIMBS: Coding = Emulated::CODING;

    /// A code, its scale and its bounds.
    fn code(coding: Coding, row: &[f32]) -> (Vec<i16>, f32, Bound) {
        let mut code = vec![7; row.len() + row.len() % 2];
        let scale = coding.scale(greatest(row));
        let bound = encode(coding, scale, row, &mut code);
        (code, scale, bound)
    }

    /// The integer score of two rows, what it stands for, and how far it may
    /// be off.
    fn score(coding: Coding, query: &[f32], document: &[f32]) -> Option<(i64, i64, i64)> {
        let ((a, scale, q), (b, other_scale, x)) = (code(coding, query), code(coding, document));
        let unit = f64::from(scale) * (f64::from(other_scale) * coding.unit);
        let reach = Coded { query: q, documents: x, dimension: query.len(), unit }.reach()?;
        let product = |limb: fn(i16) -> i64| a.iter().zip(&b).map(|(a, b)| limb(*a) * limb(*b)).sum::<i64>();
        let low = if coding.low_limbs_dropped { product(|code| i64::from(code as i8)) } else { 0 };
        let sum = ((product(i64::from) - low) as f64 * coding.unit) as i64;
        Some((sum, i64::from(center(chain(query, document), unit)), i64::from(reach)))
    }

    fn unit(row: &[f32]) -> Vec<f32> {
        let length = row.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
        row.iter().map(|v| (f64::from(*v) / length) as f32).collect()
    }

    #[test]
    fn components_lie_where_the_drawing_has_them() {
        let rows = [0.1, 0.2, 0.3, -0.4, 0.5, -0.6];
        let queries = Matrix::new(Elements::F32(&rows), 2, 3).unwrap().prepare(Similarity::Dot, "queries").unwrap();
        let coded = CodedQueries::new(Portable, &queries, 1).unwrap();
        let halves: Vec<i16> = coded.panel(0).iter().flat_map(|word| [*word as i16, (*word >> 16) as i16]).collect();
        for (n, value) in rows.iter().enumerate() {
            let (row, component) = (n / 3, n % 3);
            let code = halves[2 * (component / 2 * 4 + row) + component % 2];
            assert_eq!(f32::from(code), (value * Coding::WHOLE.finest).round());
        }
        assert_eq!((halves[10], halves.iter().filter(|half| **half != 0).count()), (-27_780, 6));
    }

    #[test]
    fn threads_do_not_show() {
        let (rows, dimension) = (1003, 400);
        let values: Vec<f32> = (0..rows * dimension).map(|n| ((n * 37 + 11) % 101) as f32 - 50.0).collect();
        let queries = Matrix::new(Elements::F32(&values), rows, dimension).unwrap();
        let queries = queries.prepare(Similarity::Cosine, "queries").unwrap();
        let [one, several] = [1, 3].map(|threads| CodedQueries::new(Portable, &queries, threads).unwrap());
        for panel in 0..rows.div_ceil(Portable::CODED_QUERIES) {
            assert_eq!(several.panel(panel), one.panel(panel));
        }
        assert_eq!(format!("{:?}", several.rows), format!("{:?}", one.rows));
    }

    #[test]
    fn the_greatest_component_has_the_greatest_code() {
        for (coding, most) in [(Coding::WHOLE, 32_767), (LIMBS, 32_639)] {
            for component in [0.9, 1.0, 0.999_999_94, 3e7, 1.0 / 3.0 + 0.5] {
                let (codes, ..) = code(coding, &[component * 0.5, -component]);
                assert_eq!(codes[1], -most);
            }
            // Fine codes stop where scores would not fit.
            assert_eq!(code(coding, &[1e-3; 4]).1, coding.finest);
        }
    }

    #[test]
    fn long_rows_could_overflow() {
        for coding in [Coding::WHOLE, LIMBS] {
            let length = 1.0 / 1.001_f32;
            for (length, fits) in [(length, true), (1.06, false)] {
                let row = vec![length / 32.0; 1024];
                assert_eq!(score(coding, &row, &row).is_some(), fits, "{coding:?}");
            }
        }
    }

    #[test]
    fn the_bound_can_nearly_be_reached() {
        // All errors of both codes have one sign and so have the components.
        for coding in [Coding::WHOLE, LIMBS] {
            let (component, dimension) = if coding.low_limbs_dropped {
                // All low limbs have one sign too; few dimensions, so that the
                // bound of the chain is small beside that of the finer codes.
                (((0.04 * coding.finest / 256.0).floor() * 256.0 + 100.49) / coding.finest, 16)
            } else {
                (((0.0625 * coding.finest).floor() + 0.49) / coding.finest, 256)
            };
            let row = vec![component; dimension];
            let (sum, center, reach) = score(coding, &row, &row).unwrap();
            assert!(center - sum <= reach && 10 * (center - sum) > 9 * reach, "{} of {reach}", center - sum);
        }
    }

    proptest! {
        #[test]
        fn canonical_scores_lie_within_reach(
            dimension in 1_usize..600,
            seed in prop::collection::vec(prop_oneof![8 => -1.0_f32..1.0, 1 => Just(0.0), 1 => Just(1e-42), 1 => Just(0.500_01)], 3..50),
            worst: bool,
            limbs: bool,
        ) {
            let coding = if limbs { LIMBS } else { Coding::WHOLE };
            let row = |shift: usize| -> Vec<f32> {
                let mut row: Vec<f32> = (0..dimension).map(|k| seed[(k * 11 + shift * 5) % seed.len()]).collect();
                row[0] += 1e-3;
                let mut row = unit(&row);
                if worst {
                    // Every component halfway between two codes.
                    let scale = coding.scale(greatest(&row));
                    for value in &mut row {
                        *value = ((*value * scale).floor() + 0.499) / scale;
                    }
                }
                row
            };
            let (query, document) = (row(0), row(1));
            if let Some((sum, center, reach)) = score(coding, &query, &document) {
                prop_assert!(i32::try_from(sum).is_ok());
                prop_assert!((sum - center).abs() <= reach, "{} beyond {}", sum - center, reach);
                // The bound is of use only if it is small.
                let (.., bound) = code(coding, &query);
                let unit = f64::from(code(coding, &query).1) * f64::from(code(coding, &document).1) * coding.unit;
                prop_assert!((reach as f64) < 2e-3 * unit + 10.0, "{} of {}: {:?}", reach, unit, bound);
            }
        }
    }
}
