//! The canonical score and what a kernel computes.
//!
//! The canonical score of two vectors is one chain of fused multiply-adds in
//! `f32`, from the first component to the last, starting at zero. A kernel
//! gives every document of a panel a lane of its own, so a tile holds
//! exactly these chains and no kernel can differ from another in a bit.
//!
//! Each kernel also has a tile over codes of 16 bits for the certified
//! filter; integers have only one sum. `limbs` says how tiles of bytes give
//! such sums.
//!
//! `isa` chooses a kernel. A new one is a file with its constants, a token
//! and functions, one line of `forward_kernel!`, and a variant of `Isa`.

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod amx;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
pub(crate) mod emulated;
#[cfg(target_arch = "x86_64")]
mod forward;
pub(crate) mod isa;
mod limbs;
pub(crate) mod portable;

use half::f16;

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

/// Chains computed side by side: enough to hide the latency of one.
pub(crate) const SIDE_BY_SIDE: usize = 8;

/// Pairs of rows of equal length: queries and documents.
pub(crate) type RowPairs<'a> = [(&'a [f32], &'a [f32]); SIDE_BY_SIDE];

/// Rows whose near scores are summed side by side: a single sum would wait
/// for itself, and memory delivers more to a core that reads several places.
pub(crate) const ABREAST: usize = 4;

/// Bytes before they are read at which memory is asked for what near scores
/// read next: about two rows. The processor's own guess starts late in every
/// run and ends with every page, and costs a fifth of the time.
const AHEAD: usize = 3072;

/// Fetches into the cache what is read `AHEAD` of this place.
#[inline(always)]
fn fetch_ahead<T>(place: *const T) {
    prefetch(place.cast::<u8>().wrapping_add(AHEAD));
}

/// Fetches a line into the cache; a hint, which any address may be given to.
#[inline(always)]
pub(crate) fn prefetch(place: *const u8) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: it cannot fault, and SSE is part of x86-64.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(place.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
}

/// Fewest lanes of a sum that has no prescribed order.
pub(crate) const LANES: usize = 8;

/// What stored rows are made of.
///
/// # Safety
/// `HALF` is true for `f16` and false for `f32`; there are no others.
pub(crate) unsafe trait Component: Copy {
    /// Whether it is an `f16`.
    const HALF: bool;

    /// The same number in `f32`, exactly.
    fn wide(self) -> f32;
}

// SAFETY: single precision.
unsafe impl Component for f32 {
    const HALF: bool = false;

    #[inline(always)]
    fn wide(self) -> f32 {
        self
    }
}

// SAFETY: half precision.
unsafe impl Component for f16 {
    const HALF: bool = true;

    #[inline(always)]
    fn wide(self) -> f32 {
        self.to_f32()
    }
}

/// Squared lengths of `ABREAST` rows, and their products with each query.
pub(crate) type NearSums<const N: usize> = ([f32; ABREAST], [[f32; ABREAST]; N]);

/// Which codes a kernel takes, and what their score is worth.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Coding {
    /// The greatest code.
    pub(crate) greatest: f32,
    /// The greatest scale: steps in a component of 1.
    pub(crate) finest: f32,
    /// Whether the score leaves out the product of the low limbs, which are
    /// the low bytes of the codes as signed numbers.
    pub(crate) low_limbs_dropped: bool,
    /// The score of codes whose dot product is 1.
    pub(crate) unit: f64,
}

impl Coding {
    /// Whole dot products of codes. Those of rows of length one stay below
    /// 2^31, with room for what rounding adds to their lengths.
    pub(crate) const WHOLE: Self = Self { greatest: 32_767.0, finest: 46_300.0, low_limbs_dropped: false, unit: 1.0 };
}

/// A way to compute tiles of scores. A value of the type proves that the
/// machine has the instructions. Its methods run inside `enter`.
///
/// A tile is the scores of one panel of queries (`Q = QUERIES` vectors)
/// against one panel of documents (`D = DOCUMENTS` vectors); `pack` draws the
/// panels. Step k reads one line of each and adds to all sums, which stay in
/// registers for the whole depth. AVX2, with Q = 6 and D = 16:
///
/// ```text
///                          documents[k * 16 + d]
///                          d = 0 ... 7      d = 8 ... 15       after the last step
///   queries[k * 6 + 0]  +[ sums[0][0]  ]  +[ sums[0][1]  ]  -> scores[ 0 .. 16]
///   queries[k * 6 + 1]  +[ sums[1][0]  ]  +[ sums[1][1]  ]  -> scores[16 .. 32]
///     ...                                                      ...
///   queries[k * 6 + 5]  +[ sums[5][0]  ]  +[ sums[5][1]  ]  -> scores[80 .. 96]
///   one word, broadcast    one register     one register
/// ```
///
/// The score of query q and document d of the panels is `scores[q * D + d]`.
/// Lanes of padding have scores too; the caller masks them.
pub(crate) trait Kernel: Copy + Send + Sync {
    /// Queries in a tile.
    const QUERIES: usize;
    /// Documents in a tile, at most 32: a mask holds one bit for each.
    const DOCUMENTS: usize;
    /// Queries in a tile of codes; documents are as many as in any tile.
    const CODED_QUERIES: usize = Self::QUERIES;
    /// Codes whose products are scores.
    const CODING: Coding = Coding::WHOLE;

    /// Runs `body` compiled for this kernel's instructions.
    fn enter<R>(self, body: impl FnOnce() -> R) -> R;

    /// Packs `DOCUMENTS` rows of `depth` words as a panel.
    fn pack(self, depth: usize, rows: &[u32], panel: &mut [u32]);

    /// Canonical scores of a panel of queries and a panel of documents.
    fn tile(self, depth: usize, queries: &[f32], documents: &[f32], scores: &mut [f32]);

    /// Canonical scores of a few pairs at once.
    fn chains(self, pairs: RowPairs<'_>) -> [f32; SIDE_BY_SIDE];

    /// Widens half precision, exactly.
    fn widen(self, halves: &[f16], wide: &mut [f32]);

    /// Squared lengths of a few rows and their dot products with a few
    /// queries, each summed in `LANES` lanes or more that are added pairwise;
    /// what is left over is added one by one.
    fn near<C: Component, const N: usize>(self, rows: [&[C]; ABREAST], queries: [&[f32]; N]) -> NearSums<N>;

    /// Words of the code of a vector, two components in each.
    fn code_depth(dimension: usize) -> usize {
        dimension.div_ceil(2)
    }

    /// Brings a code, filled up with zeros, into the order in which the tile
    /// of codes reads it.
    #[inline(always)]
    fn arrange(self, _code: &mut [i16]) {}

    /// Packs `CODED_QUERIES` arranged codes of queries as a panel; those of
    /// documents are packed as any words are.
    fn pack_queries(self, depth: usize, codes: &[u32], panel: &mut [u32]) {
        portable::pack_word_by_word(Self::CODED_QUERIES, depth, codes, panel);
    }

    /// Scores of the codes in a panel of queries and a panel of documents, as
    /// `CODING` defines them. They are exact where they fit `i32`. Returns one
    /// bit per query, set if a score of it is above its bar.
    fn tile_of_codes(self, depth: usize, queries: &[i32], documents: &[i32], bars: &[i32], scores: &mut [i32]) -> u32;

    /// One bit per document of a row of scores that is above the threshold.
    fn above(self, scores: &[f32], threshold: f32) -> u32;

    /// One bit per document of a row of scores that is not below it.
    fn at_least(self, scores: &[f32], threshold: f32) -> u32;

    /// One bit per document of a row of integer scores above the threshold.
    fn integers_above(self, scores: &[i32], threshold: i32) -> u32;
}
