//! The canonical score and the kernels that compute it in tiles.
//!
//! The canonical score of two vectors is one chain of fused multiply-adds in
//! `f32`, from the first component to the last, starting at zero. A kernel
//! gives every document of a panel a lane of its own, so a tile holds
//! exactly these chains and no kernel can differ from another in a bit.

mod portable;
#[cfg(target_arch = "x86_64")]
mod x86;

pub(crate) use portable::Portable;
#[cfg(target_arch = "x86_64")]
pub(crate) use x86::Avx2;

/// Instruction sets for which there is a kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isa {
    /// Plain Rust; slow where the target has no fused multiply-add.
    Portable,
    /// x86-64 with AVX2 and FMA.
    Avx2,
}

impl Isa {
    /// The best instruction set of this machine.
    #[must_use]
    pub fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        if Avx2::detect().is_some() {
            return Self::Avx2;
        }
        Self::Portable
    }

    /// All that this machine can use, the best first.
    #[must_use]
    pub fn available() -> Vec<Self> {
        let mut sets = vec![Self::detect()];
        if sets[0] != Self::Portable {
            sets.push(Self::Portable);
        }
        sets
    }

    /// Its name, as used in options and results.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
        }
    }
}

/// The canonical score of two vectors of equal length.
///
/// ```
/// assert_eq!(clinometer::chain(&[0.5, 2.0], &[4.0, 0.25]), 2.5);
/// ```
#[must_use]
#[inline(always)]
pub fn chain(query: &[f32], document: &[f32]) -> f32 {
    query.iter().zip(document).fold(0.0, |sum, (q, d)| q.mul_add(*d, sum))
}

/// A way to compute tiles of canonical scores. A value of the type proves
/// that the machine has the instructions.
pub(crate) trait Kernel: Copy + Send + Sync {
    /// Queries in a tile.
    const QUERIES: usize;
    /// Documents in a tile, at most 32: a mask holds one bit for each.
    const DOCUMENTS: usize;

    /// Runs `body` compiled for this kernel's instructions.
    fn enter<R>(self, body: impl FnOnce() -> R) -> R;

    /// Scores a panel of queries against a panel of documents; panels hold
    /// component 0 of all their vectors, then component 1, and so on.
    /// `scores` gets one row of `DOCUMENTS` per query.
    fn tile(self, dimension: usize, queries: &[f32], documents: &[f32], scores: &mut [f32]);

    /// One bit per document of a row of scores: above, and equal to, the
    /// threshold.
    fn compare(self, scores: &[f32], threshold: f32) -> (u32, u32);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn panel(vectors: &[Vec<f32>], width: usize, dimension: usize) -> Vec<f32> {
        (0..dimension).flat_map(|k| (0..width).map(move |v| vectors[v][k])).collect()
    }

    fn check<K: Kernel>(kernel: K, dimension: usize, seed: &[f32]) {
        let vector = |shift: usize| (0..dimension).map(|k| seed[(k * 7 + shift * 13) % seed.len()]).collect();
        let queries: Vec<Vec<f32>> = (0..K::QUERIES).map(vector).collect();
        let documents: Vec<Vec<f32>> = (0..K::DOCUMENTS).map(|d| vector(d + 3)).collect();
        let mut scores = vec![0.0; K::QUERIES * K::DOCUMENTS];
        let (a, b) = (panel(&queries, K::QUERIES, dimension), panel(&documents, K::DOCUMENTS, dimension));
        kernel.enter(|| kernel.tile(dimension, &a, &b, &mut scores));
        for (q, query) in queries.iter().enumerate() {
            let row = &scores[q * K::DOCUMENTS..(q + 1) * K::DOCUMENTS];
            for (d, document) in documents.iter().enumerate() {
                assert_eq!(row[d].to_bits(), chain(query, document).to_bits());
            }
            let threshold = row[K::DOCUMENTS / 2];
            let bits = |keep: fn(f32, f32) -> bool| {
                row.iter().enumerate().filter(|(_, s)| keep(**s, threshold)).fold(0, |m, (d, _)| m | 1 << d)
            };
            let masks = kernel.enter(|| kernel.compare(row, threshold));
            assert_eq!(masks, (bits(|s, t| s > t), bits(|s, t| s == t)));
        }
    }

    proptest! {
        #[test]
        fn tiles_hold_canonical_scores(
            dimension in 1_usize..70,
            seed in prop::collection::vec(prop_oneof![-2.0_f32..2.0, Just(0.0), Just(-0.0), Just(1e-40), Just(1e15)], 5..40),
        ) {
            check(Portable, dimension, &seed);
            #[cfg(target_arch = "x86_64")]
            if let Some(kernel) = Avx2::detect() {
                check(kernel, dimension, &seed);
            }
        }
    }
}
