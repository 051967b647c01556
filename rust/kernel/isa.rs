//! The choice of a kernel by the instructions of the machine.

use crate::error::{Error, Result};
use crate::kernel::Kernel;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
use crate::kernel::amx::Amx;
#[cfg(target_arch = "x86_64")]
use crate::kernel::avx2::Avx2;
#[cfg(target_arch = "x86_64")]
use crate::kernel::avx512::Avx512;
use crate::kernel::emulated::Emulated;
use crate::kernel::portable::Portable;

/// Instruction sets with a kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isa {
    /// Plain Rust; slow where the target has no fused multiply-add.
    Portable,
    /// x86-64 with AVX2 and FMA.
    Avx2,
    /// x86-64 with AVX-512 F, BW, DQ, VL and VNNI.
    Avx512,
    /// The same with AMX tiles of bytes for codes, on Linux.
    Amx,
    /// The codes and tiles of AMX in plain Rust, for tests; very slow.
    EmulatedAmx,
}

impl Isa {
    /// The best instruction set of this machine.
    #[must_use]
    pub fn detect() -> Self {
        Self::available()[0]
    }

    /// All of them, the best first.
    pub const ALL: [Self; 5] = [Self::Amx, Self::Avx512, Self::Avx2, Self::Portable, Self::EmulatedAmx];

    /// Those that this machine can use, the best first.
    #[must_use]
    pub fn available() -> Vec<Self> {
        struct Nothing;
        impl Dispatch for Nothing {
            type Output = ();

            fn run<K: Kernel>(self, _: K) {}
        }
        Self::ALL.into_iter().filter(|isa| isa.with(Nothing).is_ok()).collect()
    }

    /// Its name, as used in options and results.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
            Self::Amx => "amx",
            Self::EmulatedAmx => "emulated-amx",
        }
    }

    /// Calls back with the kernel.
    ///
    /// # Errors
    /// The machine lacks the instructions.
    pub(crate) fn with<D: Dispatch>(self, job: D) -> Result<D::Output> {
        match self {
            Self::Portable => Ok(job.run(Portable)),
            Self::EmulatedAmx => Ok(job.run(Emulated::NEW)),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => Avx2::detect().map(|kernel| job.run(kernel)).ok_or_else(|| self.missing()),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => Avx512::detect().map(|kernel| job.run(kernel)).ok_or_else(|| self.missing()),
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            Self::Amx => Amx::detect().map(|kernel| job.run(kernel)).ok_or_else(|| self.missing()),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2 | Self::Avx512 => Err(self.missing()),
            #[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
            Self::Amx => Err(self.missing()),
        }
    }

    fn missing(self) -> Error {
        Error::Shape(format!("this machine cannot run the {} kernel; use portable", self.name()))
    }
}

/// Work that runs with any kernel: a closure cannot be generic.
pub(crate) trait Dispatch {
    /// What it returns.
    type Output;

    /// Does the work.
    fn run<K: Kernel>(self, kernel: K) -> Self::Output;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::portable::pack_word_by_word;
    use crate::kernel::{ABREAST, chain};
    use crate::words::Words;
    use half::f16;
    use proptest::prelude::*;

    fn check<K: Kernel>(kernel: K, dimension: usize, seed: &[f32]) {
        let vector = |shift: usize| (0..dimension).map(move |k| seed[(k * 7 + shift * 13) % seed.len()]);
        let pack = |vectors: usize, shift: usize| -> (Vec<f32>, Words) {
            let rows: Vec<f32> = (0..vectors).flat_map(|v| vector(v + shift)).collect();
            let words: Vec<u32> = rows.iter().map(|v| v.to_bits()).collect();
            let mut panel = Words::new(vectors * dimension);
            pack_word_by_word(vectors, dimension, &words, panel.u32_mut());
            (rows, panel)
        };
        let ((queries, a), (documents, b)) = (pack(K::QUERIES, 0), pack(K::DOCUMENTS, 3));
        let words: Vec<u32> = documents.iter().map(|v| v.to_bits()).collect();
        let mut panel = Words::new(K::DOCUMENTS * dimension);
        kernel.enter(|| kernel.pack(dimension, &words, panel.u32_mut()));
        assert_eq!(panel.u32(), b.u32());
        let mut scores = Words::new(K::QUERIES * K::DOCUMENTS);
        kernel.enter(|| kernel.tile(dimension, a.f32(), b.f32(), scores.f32_mut()));
        for (q, query) in queries.chunks_exact(dimension).enumerate() {
            let row = &scores.f32()[q * K::DOCUMENTS..(q + 1) * K::DOCUMENTS];
            for (d, document) in documents.chunks_exact(dimension).enumerate() {
                assert_eq!(row[d].to_bits(), chain(query, document).to_bits());
            }
            let other = &queries[(q + 1) % K::QUERIES * dimension..][..dimension];
            for mixed in [false, true] {
                let pairs = std::array::from_fn(|n| {
                    (if mixed && n % 3 == 1 { other } else { query }, &documents[n * dimension..(n + 1) * dimension])
                });
                let few = kernel.enter(|| kernel.chains(pairs));
                assert_eq!(few.map(f32::to_bits), pairs.map(|(q, d)| chain(q, d).to_bits()));
            }
            let threshold = row[K::DOCUMENTS / 2];
            let bits = |keep: fn(f32, f32) -> bool| {
                row.iter().enumerate().filter(|(_, s)| keep(**s, threshold)).fold(0, |m, (d, _)| m | 1 << d)
            };
            let masks = kernel.enter(|| (kernel.above(row, threshold), kernel.at_least(row, threshold)));
            assert_eq!(masks, (bits(|s, t| s > t), bits(|s, t| s >= t)));
        }
    }

    /// Codes as fine as they come; sums may leave `i32` on the way and at
    /// the end, and are then exact modulo 2^32.
    fn check_codes<K: Kernel>(kernel: K, dimension: usize, seed: &[i16]) {
        let depth = K::code_depth(dimension);
        let greatest = K::CODING.greatest as i16;
        let code = |shift: usize| -> Vec<i16> {
            (0..dimension).map(|k| seed[(k * 5 + shift * 7) % seed.len()].clamp(-greatest, greatest)).collect()
        };
        let arranged = |codes: &[Vec<i16>]| {
            let mut words = Words::new(codes.len() * depth);
            for (code, space) in codes.iter().zip(words.i16_mut().chunks_exact_mut(2 * depth)) {
                space[..dimension].copy_from_slice(code);
                kernel.enter(|| kernel.arrange(space));
            }
            words
        };
        let queries: Vec<Vec<i16>> = (0..K::CODED_QUERIES).map(code).collect();
        let documents: Vec<Vec<i16>> = (0..K::DOCUMENTS).map(|d| code(d + 3)).collect();
        let (mut a, mut b) = (Words::new(queries.len() * depth), Words::new(documents.len() * depth));
        let mut scores = Words::new(K::CODED_QUERIES * K::DOCUMENTS);
        kernel.enter(|| {
            kernel.pack_queries(depth, arranged(&queries).u32(), a.u32_mut());
            kernel.pack(depth, arranged(&documents).u32(), b.u32_mut());
            kernel.tile_of_codes(depth, a.i32(), b.i32(), &vec![0; K::CODED_QUERIES], scores.i32_mut());
        });
        let most: Vec<i32> =
            scores.i32().chunks_exact(K::DOCUMENTS).filter_map(|row| row.iter().max().copied()).collect();
        for reached in 0..K::CODED_QUERIES {
            // One row reaches above its bar, if that is not the least number.
            let bars: Vec<i32> =
                (0..).zip(&most).map(|(n, most)| most.saturating_sub(i32::from(n == reached))).collect();
            let open = kernel.enter(|| kernel.tile_of_codes(depth, a.i32(), b.i32(), &bars, scores.i32_mut()));
            assert_eq!(open, u32::from(most[reached] > i32::MIN) << reached);
        }
        let dot = |a: &[i64], b: &[i64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<i64>();
        let whole = |code: &[i16]| code.iter().map(|c| i64::from(*c)).collect::<Vec<_>>();
        let low = |code: &[i16]| code.iter().map(|c| i64::from(*c as i8)).collect::<Vec<_>>();
        for (row, query) in scores.i32().chunks_exact(K::DOCUMENTS).zip(&queries) {
            for (score, document) in row.iter().zip(&documents) {
                let mut sum = dot(&whole(query), &whole(document));
                if K::CODING.low_limbs_dropped {
                    sum -= dot(&low(query), &low(document));
                }
                let expected = (sum as f64 * K::CODING.unit) as i64;
                assert_eq!(*score, expected as i32);
            }
            let threshold = row[K::DOCUMENTS / 2];
            let above = row.iter().enumerate().filter(|(_, s)| **s > threshold).fold(0, |m, (d, _)| m | 1 << d);
            assert_eq!(kernel.enter(|| kernel.integers_above(row, threshold)), above);
        }
    }

    struct Widen;
    impl Dispatch for Widen {
        type Output = ();

        fn run<K: Kernel>(self, kernel: K) {
            // Every half-precision number, in each place of a row with a rest.
            const LENGTH: usize = 37;
            for bits in 0..=u16::MAX {
                let half = f16::from_bits(bits);
                let place = usize::from(bits) % LENGTH;
                let (mut row, mut query) = ([f16::ZERO; LENGTH], [0.0; LENGTH]);
                (row[place], query[place]) = (half, 1.0);
                let (_, [wide]) = kernel.enter(|| kernel.near([&row; ABREAST], [&query]));
                assert!(wide.iter().all(|wide| *wide == half.to_f32() || half.is_nan() && wide.is_nan()));
                let mut row = [half; LENGTH];
                row[0] = f16::ONE;
                let mut wide = [0.0; LENGTH];
                kernel.enter(|| kernel.widen(&row, &mut wide));
                assert!(wide[0] == 1.0);
                assert!(
                    wide[1..]
                        .iter()
                        .all(|wide| { wide.to_bits() == half.to_f32().to_bits() || half.is_nan() && wide.is_nan() })
                );
            }
        }
    }

    #[test]
    fn widening_is_exact() {
        for isa in Isa::available() {
            isa.with(Widen).unwrap();
        }
    }

    struct Check<'a>(usize, &'a [f32], &'a [i16]);
    impl Dispatch for Check<'_> {
        type Output = ();

        fn run<K: Kernel>(self, kernel: K) {
            check(kernel, self.0, self.1);
            check_codes(kernel, self.0, self.2);
        }
    }

    proptest! {
        #[test]
        fn tiles_hold_canonical_scores(
            dimension in 1_usize..70,
            seed in prop::collection::vec(prop_oneof![-2.0_f32..2.0, Just(0.0), Just(-0.0), Just(1e-40), Just(1e15)], 5..40),
            integers in prop::collection::vec(any::<i16>(), 5..40),
        ) {
            for isa in Isa::available() {
                isa.with(Check(dimension, &seed, &integers)).unwrap();
            }
        }
    }
}
