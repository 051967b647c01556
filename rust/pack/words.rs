//! Memory of packed vectors: 32-bit words from the start of a cache line on,
//! seen as `f32`, as `i32` or as pairs of `i16`.
//!
//! ```text
//!   a multiple of 64 bytes         the next one
//!   | word 0 | word 1 |...| word 15 | word 16 |...| word len - 1 | rest of the line, unseen |
//!   i16 0  1 | 2    3 |...| 30   31 | 32   33 |...
//! ```

/// A cache line, so that vector loads never straddle two.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([u32; 16]);

/// Aligned words. Every bit pattern is a value of every type they are seen
/// as, so the views are only casts.
#[derive(Clone)]
pub(crate) struct Words {
    lines: Vec<Line>,
    len: usize,
}

impl Words {
    /// `len` words of zeros.
    pub(crate) fn new(len: usize) -> Self {
        Self { lines: vec![Line([0; 16]); len.div_ceil(16)], len }
    }

    pub(crate) fn f32(&self) -> &[f32] {
        // SAFETY: the lines are `16 * lines.len() >= len` contiguous 32-bit
        // words without padding, aligned to 64; all bits are valid floats.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }

    pub(crate) fn f32_mut(&mut self) -> &mut [f32] {
        // SAFETY: as in `f32`; the borrow is exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }

    pub(crate) fn i32(&self) -> &[i32] {
        // SAFETY: as in `f32`; all bits are valid integers.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }

    pub(crate) fn i32_mut(&mut self) -> &mut [i32] {
        // SAFETY: as in `i32`; the borrow is exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }

    pub(crate) fn u32(&self) -> &[u32] {
        // SAFETY: as in `f32`; all bits are valid integers.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }

    pub(crate) fn u32_mut(&mut self) -> &mut [u32] {
        // SAFETY: as in `u32`; the borrow is exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }

    /// Two halves of each word, the first in memory first.
    pub(crate) fn i16_mut(&mut self) -> &mut [i16] {
        // SAFETY: as in `i32`, with two 16-bit integers for each word; the
        // borrow is exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), 2 * self.len) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_share_the_words() {
        let mut words = Words::new(19);
        words.i16_mut()[36] = -1;
        words.i16_mut()[37] = -1;
        assert_eq!((words.i32()[18], words.u32()[18], words.u32().len()), (-1, u32::MAX, 19));
        words.f32_mut()[0] = 1.0;
        assert_eq!(words.u32()[0], 0x3f80_0000);
        assert_eq!(words.f32().as_ptr() as usize % 64, 0);
    }
}
