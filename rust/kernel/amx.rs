//! The AMX kernel: that of AVX-512, and for codes 16 queries by 32 documents
//! in tiles of bytes.
//!
//! Stable Rust has no intrinsics for tiles, so they are assembly. No tile
//! register is in use outside one block of it.

use std::arch::asm;
use std::arch::x86_64::{
    __cpuid, __cpuid_count, __m512i, _mm512_add_epi32, _mm512_cmpgt_epi32_mask, _mm512_load_si512, _mm512_max_epi32,
    _mm512_set1_epi32, _mm512_slli_epi32, _mm512_store_si512, _xgetbv,
};
use std::mem::MaybeUninit;
use std::sync::OnceLock;

use crate::kernel::Kernel;
use crate::kernel::avx512::Avx512;
use crate::kernel::limbs::{Products, ROWS, STEP_WORDS, Tiled, WORDS};

/// The AVX-512 kernel with tiles of the processor.
pub(crate) type Amx = Tiled<Avx512, Tiles>;

/// Proof that this machine has AMX for bytes and that the system lets this
/// process use it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tiles(());

impl Amx {
    /// None on a processor or a system without tiles, and where a sandbox
    /// denies them.
    pub(crate) fn detect() -> Option<Self> {
        static PERMITTED: OnceLock<bool> = OnceLock::new();
        let floats = Avx512::detect()?;
        let permitted = *PERMITTED.get_or_init(|| processor_has_tiles() && ask_permission());
        permitted.then_some(Self { floats, products: Tiles(()) })
    }
}

/// Whether the processor has tiles of bytes and the system saves them.
fn processor_has_tiles() -> bool {
    #[target_feature(enable = "xsave")]
    fn saved_state() -> u64 {
        // SAFETY: the caller has seen OSXSAVE.
        unsafe { _xgetbv(0) }
    }
    const OSXSAVE: u32 = 1 << 27;
    const AMX_TILE_AND_INT8: u32 = 1 << 24 | 1 << 25;
    const TILE_STATE: u64 = 1 << 17 | 1 << 18;
    __cpuid(0).eax >= 7
        && __cpuid(1).ecx & OSXSAVE != 0
        && __cpuid_count(7, 0).edx & AMX_TILE_AND_INT8 == AMX_TILE_AND_INT8
        // SAFETY: OSXSAVE says that there is `xgetbv`.
        && unsafe { saved_state() } & TILE_STATE == TILE_STATE
}

/// Linux gives the threads of a process room for tiles, 8 KB each, when
/// asked. It refuses if a thread has a signal stack too small for them.
fn ask_permission() -> bool {
    const ARCH_REQ_XCOMP_PERM: libc::c_long = 0x1023;
    const XFEATURE_XTILEDATA: libc::c_long = 18;
    // SAFETY: the call reads and writes no memory of this process; a system
    // that does not know it refuses it.
    unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0 }
}

/// What `ldtilecfg` reads and `sttilecfg` writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C, align(64))]
struct Shapes {
    /// 0: tiles are switched off.
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    bytes_of_row: [u16; 16],
    rows: [u8; 16],
}

/// All eight tiles of 16 rows of 64 bytes.
const WHOLE_TILES: Shapes = {
    let (mut bytes_of_row, mut rows) = ([0; 16], [0; 16]);
    let mut tile = 0;
    while tile < 8 {
        bytes_of_row[tile] = 4 * WORDS as u16;
        rows[tile] = ROWS as u8;
        tile += 1;
    }
    Shapes { palette: 1, start_row: 0, reserved: [0; 14], bytes_of_row, rows }
};

/// A thread with tiles switched on. When it goes, the shapes of tiles are as
/// they were before: another library may have left some, and a scan within a
/// scan leaves those of the outer one.
pub(crate) struct TilesOn {
    before: Shapes,
}

impl Products for Tiles {
    type On = TilesOn;

    #[inline(always)]
    fn switch_on(self) -> TilesOn {
        let before = shapes(self);
        if before != WHOLE_TILES {
            // SAFETY: palette 1 has eight tiles of this shape.
            unsafe { set_shapes(&WHOLE_TILES) };
        }
        TilesOn { before }
    }

    #[inline(always)]
    fn multiply(self, depth: usize, queries: &[i32], documents: &[i32], bars: &[i32], scores: &mut [i32]) -> u32 {
        // SAFETY: a value of `Amx` proves the instructions, and `enter`, in
        // which its methods run, switches tiles on.
        unsafe { multiply(depth, queries, documents, bars, scores) }
    }
}

impl Drop for TilesOn {
    #[inline(always)]
    fn drop(&mut self) {
        if self.before != WHOLE_TILES {
            // SAFETY: these shapes were in use before.
            unsafe { set_shapes(&self.before) };
        }
    }
}

/// The shapes of this thread's tiles.
#[inline(always)]
fn shapes(_proof: Tiles) -> Shapes {
    let mut shapes = MaybeUninit::<Shapes>::uninit();
    // SAFETY: the machine has tiles. The instruction writes 64 bytes, of
    // which every pattern is a value.
    unsafe {
        asm!("sttilecfg [{}]", in(reg) shapes.as_mut_ptr(), options(nostack, preserves_flags));
        shapes.assume_init()
    }
}

/// Gives this thread's tiles a shape and zeros; palette 0 switches them off.
///
/// # Safety
/// The machine has tiles, and the shapes are valid.
#[inline(always)]
unsafe fn set_shapes(shapes: &Shapes) {
    // SAFETY: by the contract of this function. No tile is in use.
    unsafe {
        asm!("ldtilecfg [{}]", in(reg) &raw const *shapes, out("tmm0") _, out("tmm1") _, out("tmm2") _,
            out("tmm3") _, out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
            options(nostack, readonly, preserves_flags));
    }
}

const DOCUMENTS: usize = Avx512::DOCUMENTS;

/// The sums of a tile register, as it is stored.
#[repr(C, align(64))]
struct Sums([[i32; WORDS]; ROWS]);

/// H and M of the left and the right half of the documents.
type AllSums = [[Sums; 2]; DOCUMENTS / WORDS];

/// # Safety
/// Tiles are switched on. There are `steps` left tiles of high limbs and as
/// many of low limbs, in turn, and as many pairs of right tiles side by side;
/// `steps` is not 0.
#[inline(always)]
unsafe fn sum_up(steps: usize, queries: *const i32, documents: *const i32, sums: &mut MaybeUninit<AllSums>) {
    // A product waits for the one before it on the same sums, so the two that
    // go to M are as far apart as they can be.
    // SAFETY: by the contract of this function. All of the sums are written.
    unsafe {
        asm!(
            "tilezero tmm0", // H, left half
            "tilezero tmm1", // M, left half
            "tilezero tmm2", // H, right half
            "tilezero tmm3", // M, right half
            "2:",
            "tileloadd tmm4, [{queries} + {row} + 1024]",       // low limbs
            "tileloadd tmm5, [{documents} + {line}]",           // high limbs, left half
            "tdpbssd tmm1, tmm4, tmm5",
            "tileloadd tmm6, [{queries} + {row}]",              // high limbs
            "tdpbssd tmm0, tmm6, tmm5",
            "tileloadd tmm7, [{documents} + {line} + 64]",      // high limbs, right half
            "tdpbssd tmm3, tmm4, tmm7",
            "tileloadd tmm5, [{documents} + {line} + 2048]",    // low limbs, left half
            "tdpbssd tmm1, tmm6, tmm5",
            "tdpbssd tmm2, tmm6, tmm7",
            "tileloadd tmm4, [{documents} + {line} + 2112]",    // low limbs, right half
            "tdpbssd tmm3, tmm6, tmm4",
            "add {queries}, 2048",
            "add {documents}, 4096",
            "dec {steps}",
            "jnz 2b",
            "tilestored [{sums} + {row}], tmm0",
            "tilestored [{sums} + {row} + 1024], tmm1",
            "tilestored [{sums} + {row} + 2048], tmm2",
            "tilestored [{sums} + {row} + 3072], tmm3",
            queries = inout(reg) queries => _,
            documents = inout(reg) documents => _,
            steps = inout(reg) steps => _,
            sums = in(reg) sums.as_mut_ptr(),
            row = in(reg) 4 * WORDS,
            line = in(reg) 4 * DOCUMENTS,
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
            out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
            options(nostack),
        );
    }
}

/// # Safety
/// Tiles are switched on.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn multiply(depth: usize, queries: &[i32], documents: &[i32], bars: &[i32], scores: &mut [i32]) -> u32 {
    assert!(depth > 0 && depth.is_multiple_of(STEP_WORDS));
    assert!(queries.len() == depth * ROWS && documents.len() == depth * DOCUMENTS);
    assert!(bars.len() == ROWS && scores.len() == ROWS * DOCUMENTS && scores.as_ptr().cast::<__m512i>().is_aligned());
    let mut sums = MaybeUninit::<AllSums>::uninit();
    // SAFETY: the assertions bound the panels; a step takes STEP_WORDS words
    // of each vector. `sum_up` writes all of the sums.
    let sums = unsafe {
        sum_up(depth / STEP_WORDS, queries.as_ptr(), documents.as_ptr(), &mut sums);
        sums.assume_init_ref()
    };
    let mut open = 0;
    for (row, bar) in bars.iter().enumerate() {
        let scores = &mut scores[row * DOCUMENTS..(row + 1) * DOCUMENTS];
        // SAFETY: a row of sums is 64 bytes and starts on a cache line; so
        // does each half of a row of scores, by the assertion.
        let [left, right] = [0, 1].map(|half| unsafe {
            let [high, middle] = &sums[half];
            let high = _mm512_load_si512(high.0[row].as_ptr().cast());
            let middle = _mm512_load_si512(middle.0[row].as_ptr().cast());
            let sum = _mm512_add_epi32(_mm512_slli_epi32::<8>(high), middle);
            _mm512_store_si512(scores.as_mut_ptr().add(half * WORDS).cast(), sum);
            sum
        });
        let most = _mm512_max_epi32(left, right);
        open |= u32::from(_mm512_cmpgt_epi32_mask(most, _mm512_set1_epi32(*bar)) != 0) << row;
    }
    open
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::emulated::Emulation;
    use crate::words::Words;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn tiles_do_what_their_emulation_does(
            steps in 1_usize..5,
            seed in prop::collection::vec(any::<i16>(), 5..60),
            bar in any::<prop::sample::Index>(),
        ) {
            let Some(kernel) = Amx::detect() else { return Ok(()) };
            let depth = steps * STEP_WORDS;
            let fill = |vectors: usize, shift: usize| {
                let mut panel = Words::new(vectors * depth);
                for (n, value) in panel.i16_mut().iter_mut().enumerate() {
                    *value = seed[(n * 5 + n / 64 + shift) % seed.len()];
                }
                panel
            };
            let (queries, documents) = (fill(ROWS, 0), fill(DOCUMENTS, 7));
            let (mut scores, mut expected) = (Words::new(ROWS * DOCUMENTS), Words::new(ROWS * DOCUMENTS));
            // A score of each row is its bar: whether another is above depends on the row.
            Emulation.multiply(depth, queries.i32(), documents.i32(), &[0; ROWS], expected.i32_mut());
            let bars: Vec<i32> = (0..ROWS).map(|row| expected.i32()[row * DOCUMENTS + bar.index(DOCUMENTS)]).collect();
            let rows = Emulation.multiply(depth, queries.i32(), documents.i32(), &bars, expected.i32_mut());
            let open = kernel.enter(
                || kernel.tile_of_codes(depth, queries.i32(), documents.i32(), &bars, scores.i32_mut()));
            prop_assert_eq!((scores.i32(), open), (expected.i32(), rows));
        }
    }

    #[test]
    fn shapes_are_those_of_before_at_the_end() {
        let Some(kernel) = Amx::detect() else { return };
        let now = || shapes(kernel.products);
        let before = now();
        assert_eq!(before.palette, 0);
        kernel.enter(|| {
            kernel.enter(|| assert_eq!(now(), WHOLE_TILES));
            assert_eq!(now(), WHOLE_TILES);
        });
        assert_eq!(now(), before);
        // Shapes that another library left.
        let mut foreign = WHOLE_TILES;
        foreign.rows[3] = 5;
        // SAFETY: the machine has tiles; fewer rows are a valid shape.
        unsafe { set_shapes(&foreign) };
        kernel.enter(|| assert_eq!(now(), WHOLE_TILES));
        assert_eq!(now(), foreign);
        // SAFETY: as above; palette 0 switches tiles off.
        unsafe { set_shapes(&before) };
    }

    #[test]
    fn a_panic_switches_tiles_off() {
        let Some(kernel) = Amx::detect() else { return };
        let result = std::panic::catch_unwind(|| kernel.enter(|| panic!("inside")));
        assert!(result.is_err());
        assert_eq!(shapes(kernel.products).palette, 0);
    }
}
