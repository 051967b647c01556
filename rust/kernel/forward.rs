//! One forwarding of `Kernel` for all kernels of explicit instructions.

/// Implements `Kernel` for a token by what the calling module has in scope:
/// `QUERIES`, `DOCUMENTS`, and a function for each line of the table. A
/// kernel may import functions of another.
///
/// # Safety
/// A value of the token may exist only where the machine has the instructions
/// of all these functions.
macro_rules! forward_kernel {
    ($token:ident) => {
        impl Kernel for $token {
            const QUERIES: usize = QUERIES;
            const DOCUMENTS: usize = DOCUMENTS;

            forward_kernel! {
                enter[R](body: impl FnOnce() -> R) -> R = enter(body);
                pack(depth: usize, rows: &[u32], panel: &mut [u32]) -> () = pack(DOCUMENTS, depth, rows, panel);
                tile(depth: usize, queries: &[f32], documents: &[f32], scores: &mut [f32]) -> ()
                    = tile(depth, queries, documents, scores);
                chains(pairs: RowPairs<'_>) -> [f32; SIDE_BY_SIDE] = chains(pairs);
                widen(halves: &[f16], wide: &mut [f32]) -> () = widen(halves, wide);
                near[C: Component, const N: usize](rows: [&[C]; ABREAST], queries: [&[f32]; N]) -> NearSums<N>
                    = near(rows, queries);
                tile_of_codes(depth: usize, queries: &[i32], documents: &[i32], bars: &[i32], scores: &mut [i32]) -> u32
                    = tile_of_codes(depth, queries, documents, bars, scores);
                above(scores: &[f32], threshold: f32) -> u32 = compare::<_CMP_GT_OQ>(scores, threshold);
                at_least(scores: &[f32], threshold: f32) -> u32 = compare::<_CMP_GE_OQ>(scores, threshold);
                integers_above(scores: &[i32], threshold: i32) -> u32 = integers_above(scores, threshold);
            }
        }
    };
    ($($method:ident $([$($generic:tt)+])? ($($argument:ident: $type:ty),+) -> $result:ty = $call:expr;)+) => {
        $(
            #[inline(always)]
            fn $method $(<$($generic)+>)? (self, $($argument: $type),+) -> $result {
                // SAFETY: the token proves that the machine has the instructions.
                unsafe { $call }
            }
        )+
    };
}

pub(super) use forward_kernel;
