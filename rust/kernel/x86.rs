//! The AVX2 + FMA kernel: 6 queries by 16 documents, twelve accumulators in
//! registers, the whole dimension in one pass.

use std::arch::x86_64::{
    __m256, _CMP_EQ_OQ, _CMP_GT_OQ, _mm256_broadcast_ss, _mm256_cmp_ps, _mm256_fmadd_ps, _mm256_loadu_ps,
    _mm256_movemask_ps, _mm256_set1_ps, _mm256_setzero_ps, _mm256_storeu_ps,
};

use super::Kernel;

/// Proof that this machine has AVX2 and FMA.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Avx2(());

impl Avx2 {
    pub(crate) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(Self(()))
    }
}

#[target_feature(enable = "avx2,fma,popcnt,bmi1")]
fn with_avx2<R>(body: impl FnOnce() -> R) -> R {
    body()
}

#[inline(always)]
fn masks(low: __m256, high: __m256) -> u32 {
    // SAFETY: only reached with a value of `Avx2`, so the machine has AVX.
    let (low, high) = unsafe { (_mm256_movemask_ps(low), _mm256_movemask_ps(high)) };
    low as u32 | (high as u32) << 8
}

impl Kernel for Avx2 {
    const QUERIES: usize = 6;
    const DOCUMENTS: usize = 16;

    #[inline(always)]
    fn enter<R>(self, body: impl FnOnce() -> R) -> R {
        // SAFETY: a value of `Avx2` exists only where detection found AVX2
        // and FMA; all such processors have POPCNT and BMI1 too.
        unsafe { with_avx2(body) }
    }

    #[inline(always)]
    fn tile(self, dimension: usize, queries: &[f32], documents: &[f32], scores: &mut [f32]) {
        assert!(queries.len() == dimension * Self::QUERIES);
        assert!(documents.len() == dimension * Self::DOCUMENTS);
        assert!(scores.len() == Self::QUERIES * Self::DOCUMENTS);
        // SAFETY: the machine has the instructions (`self` exists), and the
        // assertions above bound every load and store: component k < dimension
        // of the panels, row i < QUERIES of the tile.
        unsafe {
            let mut sums = [[_mm256_setzero_ps(); 2]; Self::QUERIES];
            let (mut query, mut document) = (queries.as_ptr(), documents.as_ptr());
            for _ in 0..dimension {
                let low = _mm256_loadu_ps(document);
                let high = _mm256_loadu_ps(document.add(8));
                for (i, sum) in sums.iter_mut().enumerate() {
                    let q = _mm256_broadcast_ss(&*query.add(i));
                    sum[0] = _mm256_fmadd_ps(q, low, sum[0]);
                    sum[1] = _mm256_fmadd_ps(q, high, sum[1]);
                }
                query = query.add(Self::QUERIES);
                document = document.add(Self::DOCUMENTS);
            }
            for (i, sum) in sums.iter().enumerate() {
                let row = scores.as_mut_ptr().add(i * Self::DOCUMENTS);
                _mm256_storeu_ps(row, sum[0]);
                _mm256_storeu_ps(row.add(8), sum[1]);
            }
        }
    }

    #[inline(always)]
    fn compare(self, scores: &[f32], threshold: f32) -> (u32, u32) {
        assert!(scores.len() == Self::DOCUMENTS);
        // SAFETY: the machine has AVX (`self` exists); the assertion bounds
        // both loads.
        unsafe {
            let threshold = _mm256_set1_ps(threshold);
            let low = _mm256_loadu_ps(scores.as_ptr());
            let high = _mm256_loadu_ps(scores.as_ptr().add(8));
            let above =
                masks(_mm256_cmp_ps::<_CMP_GT_OQ>(low, threshold), _mm256_cmp_ps::<_CMP_GT_OQ>(high, threshold));
            let equal =
                masks(_mm256_cmp_ps::<_CMP_EQ_OQ>(low, threshold), _mm256_cmp_ps::<_CMP_EQ_OQ>(high, threshold));
            (above, equal)
        }
    }
}
