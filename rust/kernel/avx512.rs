//! The AVX-512 kernel: 12 queries by 32 documents, 24 accumulators in
//! registers, the whole dimension in one pass.

use std::arch::asm;
use std::arch::x86_64::{
    __m256, __m512, __m512i, _CMP_GE_OQ, _CMP_GT_OQ, _mm256_add_ps, _mm256_maskz_loadu_epi16, _mm256_setzero_ps,
    _mm512_castps512_ps256, _mm512_cmp_ps_mask, _mm512_cmpgt_epi32_mask, _mm512_cvtph_ps, _mm512_dpwssd_epi32,
    _mm512_extractf32x8_ps, _mm512_fmadd_ps, _mm512_load_ps, _mm512_load_si512, _mm512_loadu_ps, _mm512_maskz_loadu_ps,
    _mm512_max_epi32, _mm512_set1_epi32, _mm512_set1_ps, _mm512_setzero_ps, _mm512_setzero_si512, _mm512_store_ps,
    _mm512_store_si512, _mm512_storeu_ps,
};

use half::f16;

use crate::kernel::avx2::{Avx2, across, chains, pack};
use crate::kernel::forward::forward_kernel;
use crate::kernel::{ABREAST, Component, Kernel, NearSums, RowPairs, SIDE_BY_SIDE, fetch_ahead};

/// Proof that this machine has the instructions named at `enter`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Avx512(());

impl Avx512 {
    pub(crate) fn detect() -> Option<Self> {
        let sets = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512vnni");
        (sets && Avx2::detect().is_some()).then_some(Self(()))
    }
}

const QUERIES: usize = 12;
const DOCUMENTS: usize = 32;

/// Panics unless panels and scores have the sizes of one tile and start on a
/// cache line where aligned access needs it.
#[inline(always)]
fn check<T>(depth: usize, queries: &[T], documents: &[T], scores: &[T]) {
    assert!(queries.len() == depth * QUERIES);
    assert!(documents.len() == depth * DOCUMENTS && documents.as_ptr().cast::<__m512>().is_aligned());
    assert!(scores.len() == QUERIES * DOCUMENTS && scores.as_ptr().cast::<__m512>().is_aligned());
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c,popcnt,bmi1")]
fn enter<R>(body: impl FnOnce() -> R) -> R {
    body()
}

#[inline]
#[target_feature(enable = "avx512f")]
fn tile(depth: usize, queries: &[f32], documents: &[f32], scores: &mut [f32]) {
    check(depth, queries, documents, scores);
    let mut sums = [[_mm512_setzero_ps(); 2]; QUERIES];
    let (mut query, mut document) = (queries.as_ptr(), documents.as_ptr());
    for _ in 0..depth {
        // SAFETY: `check` bounds component k < depth of both panels and the
        // alignment of the documents.
        unsafe {
            let (low, high) = (_mm512_load_ps(document), _mm512_load_ps(document.add(16)));
            for (i, sum) in sums.iter_mut().enumerate() {
                let q = _mm512_set1_ps(*query.add(i));
                sum[0] = _mm512_fmadd_ps(q, low, sum[0]);
                sum[1] = _mm512_fmadd_ps(q, high, sum[1]);
            }
            query = query.add(QUERIES);
            document = document.add(DOCUMENTS);
        }
    }
    for (row, sum) in scores.chunks_exact_mut(DOCUMENTS).zip(sums) {
        // SAFETY: a row is 32 floats; `check` bounds its alignment.
        unsafe {
            _mm512_store_ps(row.as_mut_ptr(), sum[0]);
            _mm512_store_ps(row.as_mut_ptr().add(16), sum[1]);
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512vnni")]
fn tile_of_codes(depth: usize, queries: &[i32], documents: &[i32], bars: &[i32], scores: &mut [i32]) -> u32 {
    check(depth, queries, documents, scores);
    assert!(bars.len() == QUERIES);
    let mut sums = [[_mm512_setzero_si512(); 2]; QUERIES];
    let (mut query, mut document) = (queries.as_ptr(), documents.as_ptr());
    for _ in 0..depth {
        // SAFETY: as in `tile`.
        unsafe {
            let (low, high) = (_mm512_load_si512(document.cast()), _mm512_load_si512(document.add(16).cast()));
            for (i, sum) in sums.iter_mut().enumerate() {
                let q = _mm512_set1_epi32(*query.add(i));
                sum[0] = _mm512_dpwssd_epi32(sum[0], q, low);
                sum[1] = _mm512_dpwssd_epi32(sum[1], q, high);
            }
            query = query.add(QUERIES);
            document = document.add(DOCUMENTS);
        }
    }
    let mut open = 0;
    for (i, (row, sum)) in scores.chunks_exact_mut(DOCUMENTS).zip(sums).enumerate() {
        // SAFETY: as in `tile`.
        unsafe {
            _mm512_store_si512(row.as_mut_ptr().cast(), sum[0]);
            _mm512_store_si512(row.as_mut_ptr().add(16).cast(), sum[1]);
        }
        let most = _mm512_max_epi32(sum[0], sum[1]);
        open |= u32::from(_mm512_cmpgt_epi32_mask(most, _mm512_set1_epi32(bars[i])) != 0) << i;
    }
    open
}

/// Sixteen components from a place of a row on, widened.
///
/// # Safety
/// The row has them.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn sixteen<C: Component>(row: *const C) -> __m512 {
    let wide;
    // SAFETY: by the contract of this function, and that of `Component`.
    unsafe {
        if C::HALF {
            // The intrinsic loads first, and that takes half as long again.
            asm!("vcvtph2ps {wide}, ymmword ptr [{row}]", wide = out(zmm_reg) wide, row = in(reg) row,
                options(pure, readonly, nostack, preserves_flags));
        } else {
            wide = _mm512_loadu_ps(row.cast());
        }
    }
    wide
}

/// The same for the components of a mask only; the others are zero.
///
/// # Safety
/// The row has the components of the mask.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
unsafe fn some<C: Component>(row: *const C, mask: u16) -> __m512 {
    // SAFETY: by the contract of this function, and that of `Component`.
    unsafe {
        if C::HALF {
            _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(mask, row.cast()))
        } else {
            _mm512_maskz_loadu_ps(mask, row.cast())
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn widen(halves: &[f16], wide: &mut [f32]) {
    assert!(halves.len() == wide.len());
    let whole = halves.len() - halves.len() % 16;
    for k in (0..whole).step_by(16) {
        // SAFETY: both are `whole >= k + 16` long.
        unsafe { _mm512_storeu_ps(wide.as_mut_ptr().add(k), sixteen(halves.as_ptr().add(k))) };
    }
    for k in whole..halves.len() {
        wide[k] = halves[k].to_f32();
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
fn near<C: Component, const N: usize>(rows: [&[C]; ABREAST], queries: [&[f32]; N]) -> NearSums<N> {
    let depth = rows[0].len();
    assert!(rows.iter().all(|row| row.len() == depth) && queries.iter().all(|query| query.len() == depth));
    let (mut squares, mut products) = ([_mm512_setzero_ps(); ABREAST], [[_mm512_setzero_ps(); ABREAST]; N]);
    let mut add = |components: [__m512; ABREAST], others: [__m512; N]| {
        for i in 0..ABREAST {
            squares[i] = _mm512_fmadd_ps(components[i], components[i], squares[i]);
            for n in 0..N {
                products[n][i] = _mm512_fmadd_ps(components[i], others[n], products[n][i]);
            }
        }
    };
    let (mut components, mut others) = ([_mm512_setzero_ps(); ABREAST], [_mm512_setzero_ps(); N]);
    let whole = depth - depth % 16;
    for k in (0..whole).step_by(16) {
        // SAFETY: all are `depth >= k + 16` long, by the assertion.
        unsafe {
            for i in 0..ABREAST {
                let row = rows[i].as_ptr().add(k);
                fetch_ahead(row);
                components[i] = sixteen(row);
            }
            for n in 0..N {
                others[n] = sixteen(queries[n].as_ptr().add(k));
            }
        }
        add(components, others);
    }
    if whole < depth {
        let mask = (1 << (depth - whole)) - 1;
        // SAFETY: all are `depth` long, where the mask ends.
        unsafe {
            for i in 0..ABREAST {
                components[i] = some(rows[i].as_ptr().add(whole), mask);
            }
            for n in 0..N {
                others[n] = some(queries[n].as_ptr().add(whole), mask);
            }
        }
        add(components, others);
    }
    let mut totals = [[0.0; ABREAST]; N];
    for n in 0..N {
        totals[n] = across(halved(products[n]));
    }
    (across(halved(squares)), totals)
}

/// Both halves of each register, added.
#[inline]
#[target_feature(enable = "avx512f,avx512dq")]
fn halved(sums: [__m512; ABREAST]) -> [__m256; ABREAST] {
    let mut halves = [_mm256_setzero_ps(); ABREAST];
    for i in 0..ABREAST {
        halves[i] = _mm256_add_ps(_mm512_castps512_ps256(sums[i]), _mm512_extractf32x8_ps::<1>(sums[i]));
    }
    halves
}

#[inline]
#[target_feature(enable = "avx512f")]
fn compare<const HOW: i32>(scores: &[f32], threshold: f32) -> u32 {
    assert!(scores.len() == DOCUMENTS);
    // SAFETY: the assertion bounds both loads.
    let (low, high) = unsafe { (_mm512_loadu_ps(scores.as_ptr()), _mm512_loadu_ps(scores.as_ptr().add(16))) };
    let threshold = _mm512_set1_ps(threshold);
    let (low, high) = (_mm512_cmp_ps_mask::<HOW>(low, threshold), _mm512_cmp_ps_mask::<HOW>(high, threshold));
    u32::from(low) | u32::from(high) << 16
}

#[inline]
#[target_feature(enable = "avx512f")]
fn integers_above(scores: &[i32], threshold: i32) -> u32 {
    assert!(scores.len() == DOCUMENTS && scores.as_ptr().cast::<__m512i>().is_aligned());
    let row = scores.as_ptr().cast::<__m512i>();
    // SAFETY: the assertion bounds and aligns both loads.
    let (low, high) = unsafe { (_mm512_load_si512(row), _mm512_load_si512(row.add(1))) };
    let threshold = _mm512_set1_epi32(threshold);
    let (low, high) = (_mm512_cmpgt_epi32_mask(low, threshold), _mm512_cmpgt_epi32_mask(high, threshold));
    u32::from(low) | u32::from(high) << 16
}

forward_kernel!(Avx512);
