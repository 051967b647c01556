//! Memory of packed vectors: 32-bit words from the start of a cache line on,
//! seen as `f32`, as `i32` or as pairs of `i16`.
//!
//! ```text
//!   a multiple of 64 bytes         the next one
//!   | word 0 | word 1 |...| word 15 | word 16 |...| word len - 1 | rest of the line, unseen |
//!   i16 0  1 | 2    3 |...| 30   31 | 32   33 |...
//! ```
//!
//! What a scan no longer needs is kept for the next one, a few megabytes at
//! most: a small scan spends a third of its time on pages that the system
//! clears for it anew.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::{Error, Result};
use crate::memory::{Zero, zeros};

/// A cache line, so that vector loads never straddle two.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
struct Line([u32; 16]);

// SAFETY: plain numbers; all bits zero is zero.
unsafe impl Zero for Line {}

const BLANK: Line = Line([0; 16]);

/// Lines of a block that is worth keeping: less is not given back to the
/// system, and more is that of a long scan.
const KEPT: std::ops::Range<usize> = 1 << 10..1 << 16;

/// Lines of all blocks that are kept.
const MOST_KEPT: usize = 1 << 17;

/// Larger blocks in use: a long scan spends no time on fresh pages, and nothing
/// is kept beside it.
static LARGE: AtomicUsize = AtomicUsize::new(0);

/// Blocks of finished scans, the last one at the end.
static SPARE: Mutex<Vec<Vec<Line>>> = Mutex::new(Vec::new());

/// A kept block of at least as many lines, and not of twice as many. It is only
/// tried: a thread that a fork left without its lock does without.
fn spare(lines: usize) -> Option<Vec<Line>> {
    if !KEPT.contains(&lines) {
        return None;
    }
    let mut blocks = SPARE.try_lock().ok()?;
    let fits = |block: &&Vec<Line>| (lines..2 * lines).contains(&block.len());
    let (at, _) = blocks.iter().enumerate().filter(|(_, block)| fits(block)).min_by_key(|(_, block)| block.len())?;
    Some(blocks.remove(at))
}

/// Keeps a block in place of the oldest ones.
fn keep(block: Vec<Line>) {
    if !KEPT.contains(&block.len()) || LARGE.load(Ordering::Relaxed) > 0 {
        return;
    }
    if let Ok(mut blocks) = SPARE.try_lock() {
        blocks.push(block);
        while blocks.iter().map(Vec::len).sum::<usize>() > MOST_KEPT {
            blocks.remove(0);
        }
    }
}

/// Aligned words. Every bit pattern is a value of every type they are seen
/// as, so the views are only casts.
#[derive(Debug)]
pub(crate) struct Words {
    lines: Vec<Line>,
    len: usize,
}

impl Words {
    /// `len` words of zeros.
    pub(crate) fn new(len: usize) -> Self {
        let lines = len.div_ceil(16);
        let kept = spare(lines).map(|mut block| {
            block[..lines].fill(BLANK);
            block
        });
        Self::of(kept.unwrap_or_else(|| vec![BLANK; lines]), len)
    }

    /// `len` words of whatever a finished scan left there.
    pub(crate) fn left_over(len: usize) -> Self {
        let lines = len.div_ceil(16);
        Self::of(spare(lines).unwrap_or_else(|| vec![BLANK; lines]), len)
    }

    /// The same for rows, of which the caller may have more than fit into
    /// memory.
    pub(crate) fn of_rows(rows: usize, dimension: usize) -> Result<Self> {
        let len = rows.checked_mul(dimension).ok_or(Error::Memory(None))?;
        let lines = len.div_ceil(16);
        Ok(Self::of(spare(lines).map_or_else(|| zeros(&[lines]), Ok)?, len))
    }

    fn of(lines: Vec<Line>, len: usize) -> Self {
        if lines.len() >= KEPT.end {
            LARGE.fetch_add(1, Ordering::Relaxed);
        }
        Self { lines, len }
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

impl Clone for Words {
    fn clone(&self) -> Self {
        Self::of(self.lines.clone(), self.len)
    }
}

impl Drop for Words {
    fn drop(&mut self) {
        if self.lines.len() >= KEPT.end {
            LARGE.fetch_sub(1, Ordering::Relaxed);
        }
        keep(std::mem::take(&mut self.lines));
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

    #[test]
    fn blocks_are_kept_for_the_next_and_new_words_are_zeros() {
        // Other tests take and keep blocks of other sizes meanwhile.
        let len = 16 * 54_321;
        let kept = || {
            (0..100).find_map(|_| {
                let mut words = Words::left_over(len);
                let place = words.u32().as_ptr().addr();
                words.u32_mut().fill(7);
                drop(words);
                let again = Words::left_over(len - 5);
                (again.u32().as_ptr().addr() == place && again.u32() == vec![7; len - 5]).then_some(())
            })
        };
        assert!(kept().is_some());
        assert!(Words::new(len).u32().iter().all(|word| *word == 0));
        assert!(Words::of_rows(usize::MAX, 2).is_err());
        assert_eq!(Words::of_rows(54_321, 16).unwrap().f32().len(), len);
    }

    #[test]
    fn no_more_is_kept_than_a_few_megabytes() {
        let many: Vec<Words> = (0..20).map(|n| Words::new(16 * (20_000 + n))).collect();
        drop(many);
        let kept: usize = SPARE.lock().unwrap().iter().map(Vec::len).sum();
        assert!(kept <= MOST_KEPT);
        let long = Words::new(16 * KEPT.end);
        assert!(LARGE.load(Ordering::Relaxed) > 0);
        drop((long.clone(), Words::new(16), long));
        assert!(SPARE.lock().unwrap().iter().all(|block| KEPT.contains(&block.len())));
    }
}
