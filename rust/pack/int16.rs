//! Vectors as 16-bit integers, with a proof of how far an integer dot product
//! can be from the canonical score.
//!
//! A row x becomes integers c with x = c / SCALE + e. For a query and a
//! document the integer dot product, divided by SCALE squared, differs from
//! the exact dot product by at most |q| |e_x| + |e_q| (|x| + |e_x|), and the
//! canonical chain of d fused multiply-adds from it by at most
//! d u / (1 - d u) |q| |x| with u = 2^-24. The norms are measured for each
//! row and rounded up, never assumed.
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

use crate::matrix::Prepared;
use crate::pack::panels::Panels;
use crate::pack::words::Words;

/// Integer steps in one. Products of rows of length one stay below 2^31, with
/// room for what rounding adds to their lengths.
const SCALE: f32 = 46_300.0;

/// The greatest component that fits 16 bits.
const GREATEST: f32 = 32_767.0 / SCALE;

/// Lanes of a sum of squares, for vector instructions.
const LANES: usize = 16;

/// Upper bounds of the length of one or more rows and of the length of what
/// their codes leave out.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Bound {
    norm: f64,
    error: f64,
}

impl Bound {
    pub(crate) fn max(self, other: Self) -> Self {
        Self { norm: self.norm.max(other.norm), error: self.error.max(other.error) }
    }
}

/// Writes the code of a row, filled up with zeros, and returns its bounds.
/// None if a component is too large.
#[inline(always)]
pub(crate) fn encode(row: &[f32], code: &mut [i16]) -> Option<Bound> {
    // Adding this rounds to an integer and leaves it in the low bits.
    const MAGIC: f32 = 12_582_912.0;
    let step = 1.0 / SCALE;
    let (mut squares, mut residues, mut greatest) = ([0.0_f32; LANES], [0.0_f32; LANES], [0.0_f32; LANES]);
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
            let shifted = value * SCALE + MAGIC;
            rounded[n] = shifted.to_bits().wrapping_sub(MAGIC.to_bits()) as i16;
            let residue = value - (shifted - MAGIC) * step;
            squares[n] += value * value;
            residues[n] += residue * residue;
            let size = value.abs();
            greatest[n] = if size > greatest[n] { size } else { greatest[n] };
        }
        match codes.first_chunk_mut() {
            Some(codes) => *codes = rounded,
            None => codes.copy_from_slice(&rounded[..codes.len()]),
        }
    }
    if greatest.iter().any(|value| *value > GREATEST) {
        return None;
    }
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
    Some(Bound { norm, error })
}

/// A query against documents.
pub(crate) struct Coded {
    pub(crate) query: Bound,
    pub(crate) documents: Bound,
    pub(crate) dimension: usize,
}

impl Coded {
    /// How far the integer score times SCALE squared can be from the
    /// canonical score and from a `center`; None if an integer sum could
    /// overflow.
    pub(crate) fn reach(&self) -> Option<i32> {
        let (q, x) = (self.query, self.documents);
        let square = f64::from(SCALE) * f64::from(SCALE);
        // By Cauchy and Schwarz no partial sum exceeds the product of the
        // lengths of the codes.
        if (q.norm + q.error) * (x.norm + x.error) * square >= f64::from(i32::MAX) {
            return None;
        }
        let roundings = self.dimension as f64 * 2.0_f64.powi(-24);
        if roundings >= 0.25 {
            return None;
        }
        let coding = q.norm * x.error + q.error * (x.norm + x.error);
        // Roundings below the normal numbers are absolute.
        let chain = roundings / (1.0 - roundings) * q.norm * x.norm + self.dimension as f64 * 1e-44;
        // A margin for the roundings of this formula, and one step for that
        // of the center.
        Some(((coding + chain) * square * (1.0 + 1e-9)).ceil() as i32 + 2)
    }
}

/// The integer score that stands for a canonical one; those that no integer
/// score can reach are clipped.
#[inline(always)]
pub(crate) fn center(score: f32) -> i32 {
    const SQUARE: f64 = SCALE as f64 * SCALE as f64;
    (f64::from(score) * SQUARE).round_ties_even() as i32
}

/// The codes of all queries, packed.
pub(crate) struct CodedQueries {
    panels: Panels,
    bounds: Vec<Bound>,
}

impl CodedQueries {
    /// None if a query has no code.
    pub(crate) fn new(queries: &Prepared, width: usize) -> Option<Self> {
        let depth = queries.dimension().div_ceil(2);
        let mut panels = Panels::new(queries.rows().div_ceil(width), width, depth);
        let mut words = Words::new(depth);
        let mut bounds = Vec::with_capacity(queries.rows());
        for row in 0..queries.rows() {
            bounds.push(encode(queries.row(row), words.i16_mut())?);
            panels.put(row, words.u32().iter().copied());
        }
        Some(Self { panels, bounds })
    }

    pub(crate) fn panel(&self, panel: usize) -> &[i32] {
        self.panels.i32(panel)
    }

    /// How far, in units of the integer score, each canonical score can be
    /// from it; None if an integer sum could overflow.
    pub(crate) fn reaches(&self, documents: Bound, dimension: usize, out: &mut Vec<i32>) -> Option<()> {
        out.clear();
        for bound in &self.bounds {
            out.push(Coded { query: *bound, documents, dimension }.reach()?);
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::chain;
    use crate::matrix::{Elements, Matrix, Similarity};
    use proptest::prelude::*;

    fn code(row: &[f32]) -> Option<(Vec<i16>, Bound)> {
        let mut code = vec![7; row.len() + row.len() % 2];
        encode(row, &mut code).map(|bound| (code, bound))
    }

    fn unit(row: &[f32]) -> Vec<f32> {
        let length = row.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
        row.iter().map(|v| (f64::from(*v) / length) as f32).collect()
    }

    #[test]
    fn components_lie_where_the_drawing_has_them() {
        let rows = [0.1, 0.2, 0.3, -0.4, 0.5, -0.6];
        let queries = Matrix::new(Elements::F32(&rows), 2, 3).unwrap().prepare(Similarity::Dot, "queries").unwrap();
        let coded = CodedQueries::new(&queries, 4).unwrap();
        let halves: Vec<i16> = coded.panel(0).iter().flat_map(|word| [*word as i16, (*word >> 16) as i16]).collect();
        for (n, value) in rows.iter().enumerate() {
            let (row, component) = (n / 3, n % 3);
            let code = halves[2 * (component / 2 * 4 + row) + component % 2];
            assert_eq!(f32::from(code), (value * SCALE).round());
        }
        assert_eq!((halves[10], halves.iter().filter(|half| **half != 0).count()), (-27_780, 6));
    }

    #[test]
    fn large_components_have_no_code() {
        assert!(code(&[0.7, 0.71]).is_none());
        assert!(code(&[0.7, -0.707]).is_some());
        assert!(code(&[1e30]).is_none());
    }

    #[test]
    fn long_rows_could_overflow() {
        let (_, bound) = code(&[0.7; 4]).unwrap();
        assert!(Coded { query: bound, documents: bound, dimension: 4 }.reach().is_none());
        let (_, bound) = code(&[0.5; 4]).unwrap();
        assert!(Coded { query: bound, documents: bound, dimension: 4 }.reach().is_some());
    }

    #[test]
    fn the_bound_can_nearly_be_reached() {
        // All errors of both codes have one sign and so have the components.
        let component = ((0.0625 * SCALE).floor() + 0.49) / SCALE;
        let row = [component; 256];
        let (a, bound) = code(&row).unwrap();
        let reach = Coded { query: bound, documents: bound, dimension: 256 }.reach().unwrap();
        let dot: i64 = a.iter().map(|a| i64::from(*a).pow(2)).sum();
        let off = i64::from(center(chain(&row, &row))) - dot;
        assert!(off <= i64::from(reach) && 10 * off > 9 * i64::from(reach), "{off} of {reach}");
    }

    proptest! {
        #[test]
        fn canonical_scores_lie_within_reach(
            dimension in 1_usize..600,
            seed in prop::collection::vec(prop_oneof![8 => -1.0_f32..1.0, 1 => Just(0.0), 1 => Just(1e-42), 1 => Just(0.500_01)], 3..50),
            worst: bool,
        ) {
            let row = |shift: usize| -> Vec<f32> {
                let mut row: Vec<f32> = (0..dimension).map(|k| seed[(k * 11 + shift * 5) % seed.len()]).collect();
                row[0] += 1e-3;
                let mut row = unit(&row);
                if worst {
                    // Every component halfway between two codes.
                    for value in &mut row {
                        *value = ((*value * SCALE).floor() + 0.499) / SCALE;
                    }
                }
                row
            };
            let (query, document) = (row(0), row(1));
            if let (Some((a, q)), Some((b, x))) = (code(&query), code(&document))
                && let Some(reach) = (Coded { query: q, documents: x, dimension }).reach()
            {
                let dot: i64 = a.iter().zip(&b).map(|(a, b)| i64::from(*a) * i64::from(*b)).sum();
                prop_assert!(i32::try_from(dot).is_ok());
                let off = (dot - i64::from(center(chain(&query, &document)))).abs();
                prop_assert!(off <= i64::from(reach), "{} beyond {}", off, reach);
                // The bound is of use only if it is small.
                prop_assert!(f64::from(reach) < 2e-3 * f64::from(SCALE).powi(2), "{}", reach);
            }
        }
    }
}
