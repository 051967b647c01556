//! The AVX2 + FMA kernel: 6 queries by 16 documents, twelve accumulators in
//! registers, the whole dimension in one pass.

use std::arch::asm;
use std::arch::x86_64::{
    __m256, __m256i, _CMP_GE_OQ, _CMP_GT_OQ, _mm_add_ps, _mm_loadu_si128, _mm_movehl_ps, _mm_movelh_ps, _mm_setzero_ps,
    _mm_storeu_ps, _mm_unpackhi_ps, _mm_unpacklo_ps, _mm256_broadcast_ss, _mm256_castps256_ps128, _mm256_castsi256_ps,
    _mm256_cmp_ps, _mm256_cmpgt_epi32, _mm256_cvtph_ps, _mm256_extractf128_ps, _mm256_fmadd_ps, _mm256_load_ps,
    _mm256_load_si256, _mm256_loadu_ps, _mm256_madd_epi16, _mm256_max_epi32, _mm256_movemask_ps,
    _mm256_permute2f128_ps, _mm256_set1_epi32, _mm256_set1_ps, _mm256_setzero_ps, _mm256_setzero_si256,
    _mm256_shuffle_ps, _mm256_store_ps, _mm256_store_si256, _mm256_storeu_ps, _mm256_unpackhi_ps, _mm256_unpacklo_ps,
};

use half::f16;

use crate::kernel::forward::forward_kernel;
use crate::kernel::{ABREAST, Component, Kernel, LANES, NearSums, RowPairs, SIDE_BY_SIDE, fetch_ahead};

/// Proof that this machine has AVX2, FMA, F16C, POPCNT and BMI1.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Avx2(());

impl Avx2 {
    pub(crate) fn detect() -> Option<Self> {
        let sets = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("f16c")
            && is_x86_feature_detected!("popcnt")
            && is_x86_feature_detected!("bmi1");
        sets.then_some(Self(()))
    }
}

const QUERIES: usize = 6;
const DOCUMENTS: usize = 16;

/// Panics unless panels and scores have the sizes of one tile and start on
/// 32 bytes where aligned access needs it.
#[inline(always)]
fn check<T>(depth: usize, queries: &[T], documents: &[T], scores: &[T]) {
    assert!(queries.len() == depth * QUERIES);
    assert!(documents.len() == depth * DOCUMENTS && documents.as_ptr().cast::<__m256>().is_aligned());
    assert!(scores.len() == QUERIES * DOCUMENTS && scores.as_ptr().cast::<__m256>().is_aligned());
}

#[target_feature(enable = "avx2,fma,f16c,popcnt,bmi1")]
fn enter<R>(body: impl FnOnce() -> R) -> R {
    body()
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn tile(depth: usize, queries: &[f32], documents: &[f32], scores: &mut [f32]) {
    check(depth, queries, documents, scores);
    let mut sums = [[_mm256_setzero_ps(); 2]; QUERIES];
    let (mut query, mut document) = (queries.as_ptr(), documents.as_ptr());
    for _ in 0..depth {
        // SAFETY: `check` bounds component k < depth of both panels and the
        // alignment of the documents.
        unsafe {
            let (low, high) = (_mm256_load_ps(document), _mm256_load_ps(document.add(8)));
            for (i, sum) in sums.iter_mut().enumerate() {
                let q = _mm256_broadcast_ss(&*query.add(i));
                sum[0] = _mm256_fmadd_ps(q, low, sum[0]);
                sum[1] = _mm256_fmadd_ps(q, high, sum[1]);
            }
            query = query.add(QUERIES);
            document = document.add(DOCUMENTS);
        }
    }
    for (row, sum) in scores.chunks_exact_mut(DOCUMENTS).zip(sums) {
        // SAFETY: a row is 16 floats; `check` bounds its alignment.
        unsafe {
            _mm256_store_ps(row.as_mut_ptr(), sum[0]);
            _mm256_store_ps(row.as_mut_ptr().add(8), sum[1]);
        }
    }
}

/// Adds as an instruction that the compiler cannot move: it would build trees
/// of the sums and spill them to memory.
#[inline]
#[target_feature(enable = "avx2")]
fn add(mut sum: __m256i, term: __m256i) -> __m256i {
    // SAFETY: one instruction on registers.
    unsafe {
        asm!("vpaddd {sum}, {sum}, {term}", sum = inout(ymm_reg) sum, term = in(ymm_reg) term,
            options(pure, nomem, nostack, preserves_flags));
    }
    sum
}

#[inline]
#[target_feature(enable = "avx2")]
fn tile_of_codes(depth: usize, queries: &[i32], documents: &[i32], bars: &[i32], scores: &mut [i32]) -> u32 {
    check(depth, queries, documents, scores);
    assert!(bars.len() == QUERIES);
    let mut sums = [[_mm256_setzero_si256(); 2]; QUERIES];
    let (mut query, mut document) = (queries.as_ptr(), documents.as_ptr());
    for _ in 0..depth {
        // SAFETY: as in `tile`.
        unsafe {
            let (low, high) = (_mm256_load_si256(document.cast()), _mm256_load_si256(document.add(8).cast()));
            for (i, sum) in sums.iter_mut().enumerate() {
                let q = _mm256_set1_epi32(*query.add(i));
                sum[0] = add(sum[0], _mm256_madd_epi16(q, low));
                sum[1] = add(sum[1], _mm256_madd_epi16(q, high));
            }
            query = query.add(QUERIES);
            document = document.add(DOCUMENTS);
        }
    }
    let mut open = 0;
    for (i, (row, sum)) in scores.chunks_exact_mut(DOCUMENTS).zip(sums).enumerate() {
        // SAFETY: as in `tile`.
        unsafe {
            _mm256_store_si256(row.as_mut_ptr().cast(), sum[0]);
            _mm256_store_si256(row.as_mut_ptr().add(8).cast(), sum[1]);
        }
        let above = _mm256_cmpgt_epi32(_mm256_max_epi32(sum[0], sum[1]), _mm256_set1_epi32(bars[i]));
        open |= u32::from(_mm256_movemask_ps(_mm256_castsi256_ps(above)) != 0) << i;
    }
    open
}

#[inline]
#[target_feature(enable = "avx2")]
fn mask(low: __m256, high: __m256) -> u32 {
    _mm256_movemask_ps(low) as u32 | (_mm256_movemask_ps(high) as u32) << 8
}

#[inline]
#[target_feature(enable = "avx2")]
fn compare<const HOW: i32>(scores: &[f32], threshold: f32) -> u32 {
    assert!(scores.len() == DOCUMENTS);
    // SAFETY: the assertion bounds both loads.
    let (low, high) = unsafe { (_mm256_loadu_ps(scores.as_ptr()), _mm256_loadu_ps(scores.as_ptr().add(8))) };
    let threshold = _mm256_set1_ps(threshold);
    mask(_mm256_cmp_ps::<HOW>(low, threshold), _mm256_cmp_ps::<HOW>(high, threshold))
}

#[inline]
#[target_feature(enable = "avx2")]
fn integers_above(scores: &[i32], threshold: i32) -> u32 {
    assert!(scores.len() == DOCUMENTS && scores.as_ptr().cast::<__m256i>().is_aligned());
    let row = scores.as_ptr().cast::<__m256i>();
    // SAFETY: the assertion bounds and aligns both loads.
    let (low, high) = unsafe { (_mm256_load_si256(row), _mm256_load_si256(row.add(1))) };
    let threshold = _mm256_set1_epi32(threshold);
    let above = |scores| _mm256_castsi256_ps(_mm256_cmpgt_epi32(scores, threshold));
    mask(above(low), above(high))
}

/// Interleaves four rows, in each half of them.
#[inline]
#[target_feature(enable = "avx2")]
fn halves(a: __m256, b: __m256, c: __m256, d: __m256) -> [__m256; 4] {
    let (ab, cd) = (_mm256_unpacklo_ps(a, b), _mm256_unpacklo_ps(c, d));
    let (hab, hcd) = (_mm256_unpackhi_ps(a, b), _mm256_unpackhi_ps(c, d));
    [
        _mm256_shuffle_ps::<0x44>(ab, cd),
        _mm256_shuffle_ps::<0xee>(ab, cd),
        _mm256_shuffle_ps::<0x44>(hab, hcd),
        _mm256_shuffle_ps::<0xee>(hab, hcd),
    ]
}

/// Transposes 8 rows of 8 words.
#[inline]
#[target_feature(enable = "avx2")]
fn transpose(rows: [__m256; 8]) -> [__m256; 8] {
    let [a, b, c, d, e, f, g, h] = rows;
    let (top, bottom) = (halves(a, b, c, d), halves(e, f, g, h));
    [
        _mm256_permute2f128_ps::<0x20>(top[0], bottom[0]),
        _mm256_permute2f128_ps::<0x20>(top[1], bottom[1]),
        _mm256_permute2f128_ps::<0x20>(top[2], bottom[2]),
        _mm256_permute2f128_ps::<0x20>(top[3], bottom[3]),
        _mm256_permute2f128_ps::<0x31>(top[0], bottom[0]),
        _mm256_permute2f128_ps::<0x31>(top[1], bottom[1]),
        _mm256_permute2f128_ps::<0x31>(top[2], bottom[2]),
        _mm256_permute2f128_ps::<0x31>(top[3], bottom[3]),
    ]
}

/// Words `word..word + 8` of 8 rows, component by component.
///
/// # Safety
/// All rows have `word + 8` words.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn square(word: usize, rows: &[*const f32; 8]) -> [__m256; 8] {
    let mut square = [_mm256_setzero_ps(); 8];
    for i in 0..8 {
        // SAFETY: by the contract of this function.
        square[i] = unsafe { _mm256_loadu_ps(rows[i].add(word)) };
    }
    transpose(square)
}

/// A lane for each pair. Squares are transposed on the way, those of the
/// queries only if there are several.
#[expect(clippy::needless_range_loop, reason = "iterators over registers are not inlined here")]
#[inline]
#[target_feature(enable = "avx2,fma")]
pub(super) fn chains(pairs: RowPairs<'_>) -> [f32; SIDE_BY_SIDE] {
    let depth = pairs[0].0.len();
    let (mut queries, mut documents) = ([std::ptr::null(); 8], [std::ptr::null(); 8]);
    let mut one_query = true;
    for i in 0..SIDE_BY_SIDE {
        assert!(pairs[i].0.len() == depth && pairs[i].1.len() == depth);
        (queries[i], documents[i]) = (pairs[i].0.as_ptr(), pairs[i].1.as_ptr());
        one_query &= queries[i] == queries[0];
    }
    let whole = depth - depth % 8;
    let mut sums = _mm256_setzero_ps();
    for word in (0..whole).step_by(8) {
        // SAFETY: all rows are `depth >= word + 8` long, by the assertion.
        unsafe {
            let document = square(word, &documents);
            if one_query {
                for i in 0..8 {
                    sums = _mm256_fmadd_ps(_mm256_broadcast_ss(&*queries[0].add(word + i)), document[i], sums);
                }
            } else {
                let query = square(word, &queries);
                for i in 0..8 {
                    sums = _mm256_fmadd_ps(query[i], document[i], sums);
                }
            }
        }
    }
    let mut scores = [0.0; SIDE_BY_SIDE];
    // SAFETY: the array is eight floats.
    unsafe { _mm256_storeu_ps(scores.as_mut_ptr(), sums) };
    for (score, (query, document)) in scores.iter_mut().zip(pairs) {
        for word in whole..depth {
            *score = query[word].mul_add(document[word], *score);
        }
    }
    scores
}

/// Eight components from a place of a row on, widened.
///
/// # Safety
/// The row has them.
#[inline]
#[target_feature(enable = "avx2,f16c")]
unsafe fn eight<C: Component>(row: *const C) -> __m256 {
    // SAFETY: by the contract of this function, and that of `Component`.
    unsafe { if C::HALF { _mm256_cvtph_ps(_mm_loadu_si128(row.cast())) } else { _mm256_loadu_ps(row.cast()) } }
}

#[inline]
#[target_feature(enable = "avx2,f16c")]
fn widen(halves: &[f16], wide: &mut [f32]) {
    assert!(halves.len() == wide.len());
    let whole = halves.len() - halves.len() % LANES;
    for k in (0..whole).step_by(LANES) {
        // SAFETY: both are `whole >= k + 8` long.
        unsafe { _mm256_storeu_ps(wide.as_mut_ptr().add(k), eight(halves.as_ptr().add(k))) };
    }
    for k in whole..halves.len() {
        wide[k] = halves[k].to_f32();
    }
}

/// The sums of each of four registers.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn across(sums: [__m256; ABREAST]) -> [f32; ABREAST] {
    let mut fours = [_mm_setzero_ps(); ABREAST];
    for i in 0..ABREAST {
        fours[i] = _mm_add_ps(_mm256_castps256_ps128(sums[i]), _mm256_extractf128_ps::<1>(sums[i]));
    }
    let [a, b, c, d] = fours;
    let ab = _mm_add_ps(_mm_unpacklo_ps(a, b), _mm_unpackhi_ps(a, b));
    let cd = _mm_add_ps(_mm_unpacklo_ps(c, d), _mm_unpackhi_ps(c, d));
    let mut totals = [0.0; ABREAST];
    // SAFETY: the array is four floats.
    unsafe { _mm_storeu_ps(totals.as_mut_ptr(), _mm_add_ps(_mm_movelh_ps(ab, cd), _mm_movehl_ps(cd, ab))) };
    totals
}

/// With few queries the sums of all rows stay in registers; with more, those
/// of one query at a time, while the rows stay in the first-level cache.
#[inline]
#[target_feature(enable = "avx2,f16c,fma")]
fn near<C: Component, const N: usize>(rows: [&[C]; ABREAST], queries: [&[f32]; N]) -> NearSums<N> {
    if N <= 2 {
        return near_in_registers(rows, queries);
    }
    let (mut squares, mut products) = ([0.0; ABREAST], [[0.0; ABREAST]; N]);
    for n in 0..N {
        (squares, [products[n]]) = near_in_registers(rows, [queries[n]]);
    }
    (squares, products)
}

#[inline]
#[target_feature(enable = "avx2,f16c,fma")]
fn near_in_registers<C: Component, const N: usize>(rows: [&[C]; ABREAST], queries: [&[f32]; N]) -> NearSums<N> {
    let depth = rows[0].len();
    assert!(rows.iter().all(|row| row.len() == depth) && queries.iter().all(|query| query.len() == depth));
    let whole = depth - depth % LANES;
    let (mut squares, mut products) = ([_mm256_setzero_ps(); ABREAST], [[_mm256_setzero_ps(); ABREAST]; N]);
    for k in (0..whole).step_by(LANES) {
        // SAFETY: all are `depth >= k + 8` long, by the assertion.
        unsafe {
            for i in 0..ABREAST {
                let row = rows[i].as_ptr().add(k);
                fetch_ahead(row);
                let components = eight(row);
                squares[i] = _mm256_fmadd_ps(components, components, squares[i]);
                for n in 0..N {
                    let query = _mm256_loadu_ps(queries[n].as_ptr().add(k));
                    products[n][i] = _mm256_fmadd_ps(components, query, products[n][i]);
                }
            }
        }
    }
    let (mut squares, sums) = (across(squares), products);
    let mut products = [[0.0; ABREAST]; N];
    for n in 0..N {
        products[n] = across(sums[n]);
    }
    for k in whole..depth {
        for i in 0..ABREAST {
            let component = rows[i][k].wide();
            squares[i] = component.mul_add(component, squares[i]);
            for n in 0..N {
                products[n][i] = component.mul_add(queries[n][k], products[n][i]);
            }
        }
    }
    (squares, products)
}

/// Packs `width` rows (a multiple of 8) in squares of 8 by 8 words.
#[expect(clippy::needless_range_loop, reason = "iterators over registers are not inlined here")]
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn pack(width: usize, depth: usize, rows: &[u32], panel: &mut [u32]) {
    assert!(width.is_multiple_of(8) && rows.len() >= width * depth && panel.len() == width * depth);
    let whole = depth - depth % 8;
    for lane in (0..width).step_by(8) {
        for word in (0..whole).step_by(8) {
            // SAFETY: row `lane + i` and word `word + 7` exist, by the
            // assertion; so do the lines of the panel they are written to.
            unsafe {
                let mut first = [std::ptr::null(); 8];
                for i in 0..8 {
                    first[i] = rows.as_ptr().add((lane + i) * depth).cast();
                }
                let lines = square(word, &first);
                for i in 0..8 {
                    _mm256_storeu_ps(panel.as_mut_ptr().add((word + i) * width + lane).cast(), lines[i]);
                }
            }
        }
    }
    for word in whole..depth {
        for lane in 0..width {
            panel[word * width + lane] = rows[lane * depth + word];
        }
    }
}

forward_kernel!(Avx2);
