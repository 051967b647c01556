//! The kernel for any machine: `f32::mul_add` on arrays, which compilers turn
//! into vector instructions where the target has them and which is exact,
//! though slow, where it has not.

use super::Kernel;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Portable;

impl Kernel for Portable {
    const QUERIES: usize = 4;
    const DOCUMENTS: usize = 16;

    fn enter<R>(self, body: impl FnOnce() -> R) -> R {
        body()
    }

    #[inline(always)]
    fn tile(self, dimension: usize, queries: &[f32], documents: &[f32], scores: &mut [f32]) {
        let mut sums = [[0.0_f32; Self::DOCUMENTS]; Self::QUERIES];
        let components = queries.chunks_exact(Self::QUERIES).zip(documents.chunks_exact(Self::DOCUMENTS));
        for (query, document) in components.take(dimension) {
            for (row, q) in sums.iter_mut().zip(query) {
                for (sum, d) in row.iter_mut().zip(document) {
                    *sum = q.mul_add(*d, *sum);
                }
            }
        }
        scores.copy_from_slice(sums.as_flattened());
    }

    #[inline(always)]
    fn compare(self, scores: &[f32], threshold: f32) -> (u32, u32) {
        let (mut above, mut equal) = (0, 0);
        for (bit, score) in scores.iter().enumerate() {
            above |= u32::from(*score > threshold) << bit;
            equal |= u32::from(*score == threshold) << bit;
        }
        (above, equal)
    }
}
