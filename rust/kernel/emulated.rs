//! The AMX kernel for any machine: the same codes, limbs, panels and steps,
//! with products of tiles in plain Rust. It is for tests, and slow.

use crate::kernel::limbs::{Products, ROWS, STEP_WORDS, Tiled, WORDS};
use crate::kernel::portable::{Portable, rows_above};

/// The portable kernel with emulated tiles.
pub(crate) type Emulated = Tiled<Portable, Emulation>;

/// Products of tiles in plain Rust.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Emulation;

impl Emulated {
    pub(crate) const NEW: Self = Self { floats: Portable, products: Emulation };
}

/// The sums of a tile register.
type Sums = [[i32; WORDS]; ROWS];

/// `tdpbssd`: adds the products of a left and a right tile of signed bytes.
/// Rows of the right one are `stride` words apart.
fn add_product(sums: &mut Sums, left: &[i32], right: &[i32], stride: usize) {
    for (row, sums) in left.chunks_exact(WORDS).zip(sums) {
        for (four, line) in row.iter().zip(right.chunks(stride)) {
            for (sum, others) in sums.iter_mut().zip(line) {
                for (a, b) in four.to_ne_bytes().into_iter().zip(others.to_ne_bytes()) {
                    *sum = sum.wrapping_add(i32::from(a as i8) * i32::from(b as i8));
                }
            }
        }
    }
}

impl Products for Emulation {
    type On = ();

    fn switch_on(self) {}

    fn multiply(self, depth: usize, queries: &[i32], documents: &[i32], bars: &[i32], scores: &mut [i32]) -> u32 {
        let width = scores.len() / ROWS;
        assert!(queries.len() == depth * ROWS && documents.len() == depth * width);
        let tile = ROWS * WORDS;
        for column in (0..width).step_by(WORDS) {
            let mut sums = [[[0; WORDS]; ROWS]; 2];
            let steps = queries.chunks_exact(ROWS * STEP_WORDS).zip(documents.chunks_exact(width * STEP_WORDS));
            for (left, right) in steps {
                let (left_high, left_low) = left.split_at(tile);
                let (right_high, right_low) = right.split_at(width * WORDS);
                add_product(&mut sums[0], left_high, &right_high[column..], width);
                add_product(&mut sums[1], left_high, &right_low[column..], width);
                add_product(&mut sums[1], left_low, &right_high[column..], width);
            }
            let [high, middle] = sums;
            for ((row, high), middle) in scores.chunks_exact_mut(width).zip(high).zip(middle) {
                for ((score, high), middle) in row[column..].iter_mut().zip(high).zip(middle) {
                    *score = (high << 8).wrapping_add(middle);
                }
            }
        }
        rows_above(scores, bars)
    }
}
