//! The allocator of the core: large blocks come from the system, and go back
//! to it as soon as they are dropped.
//!
//! The C library of Linux keeps them: once some megabytes were freed, it takes
//! such blocks from its heap, where whatever lies above holds them. A scan of
//! 10,000 queries then held 20 MB of its first step until its end.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr::null_mut;

use libc::{MAP_ANON, MAP_FAILED, MAP_PRIVATE, PROT_READ, PROT_WRITE};

/// Fewest bytes of a large block. Small scans, which are run by the thousand,
/// have none, for the system clears every page that it gives.
const LARGE: usize = 2 << 20;

/// Alignments that every page has.
const PAGE: usize = 4096;

struct Heap;

#[global_allocator]
static HEAP: Heap = Heap;

fn is_large(layout: Layout) -> bool {
    layout.size() >= LARGE && layout.align() <= PAGE
}

/// Pages of zeros; null where the system has no more.
fn pages(size: usize) -> *mut u8 {
    // SAFETY: new pages at a place that the system chooses.
    let start = unsafe { libc::mmap(null_mut(), size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0) };
    if start == MAP_FAILED { null_mut() } else { start.cast() }
}

// SAFETY: a layout alone decides where its block comes from and goes to. A
// block of the system's is new, zero, on a page, and not less than asked for.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: by the contract of this function.
        if is_large(layout) { pages(layout.size()) } else { unsafe { System.alloc(layout) } }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: by the contract of this function.
        if is_large(layout) { pages(layout.size()) } else { unsafe { System.alloc_zeroed(layout) } }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if is_large(layout) {
            // SAFETY: `pages` gave this block for this layout.
            unsafe { libc::munmap(block.cast(), layout.size()) };
        } else {
            // SAFETY: by the contract of this function.
            unsafe { System.dealloc(block, layout) };
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: by the contract of this function, the new layout is valid.
        let new = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        if !is_large(layout) && !is_large(new) {
            // SAFETY: by the contract of this function.
            return unsafe { System.realloc(block, layout, size) };
        }
        // SAFETY: the new block is another one, and both have the lesser size.
        unsafe {
            let other = self.alloc(new);
            if !other.is_null() {
                block.copy_to_nonoverlapping(other, layout.size().min(size));
                self.dealloc(block, layout);
            }
            other
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_keep_their_bytes_across_sizes() {
        for sizes in [[LARGE - 1, LARGE, 3 * LARGE], [3 * LARGE, LARGE + 5, LARGE - 3], [100, LARGE, 100]] {
            let mut block: Vec<u8> = Vec::with_capacity(sizes[0]);
            block.extend((0..sizes[0].min(sizes[2])).map(|n| (n % 251) as u8));
            for size in &sizes[1..] {
                block.truncate(*size);
                if block.capacity() < *size {
                    block.reserve_exact(size - block.len())
                } else {
                    block.shrink_to(*size)
                }
                assert!(block.iter().enumerate().all(|(n, byte)| *byte == (n % 251) as u8));
            }
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn large_blocks_are_zero_and_go_back() {
        // So large that no block of another thread can take all of its place.
        let size = 64 * LARGE;
        let layout = Layout::from_size_align(size, 64).unwrap();
        let mut pages_in_memory = vec![0_u8; size / PAGE];
        for _ in 0..3 {
            // SAFETY: the layout has a size; the block is used while it is there. `mincore` only asks.
            unsafe {
                let block = HEAP.alloc_zeroed(layout);
                assert!(block.addr().is_multiple_of(PAGE));
                assert_eq!((*block, *block.add(size - 1)), (0, 0));
                block.write(7);
                block.add(size - 1).write(7);
                assert_eq!(libc::mincore(block.cast(), size, pages_in_memory.as_mut_ptr().cast()), 0);
                HEAP.dealloc(block, layout);
                // The system knows no pages there any more.
                assert_ne!(libc::mincore(block.cast(), size, pages_in_memory.as_mut_ptr().cast()), 0);
            }
        }
    }

    #[test]
    fn what_no_machine_has_is_null() {
        // SAFETY: the layout has a size.
        let block = unsafe { HEAP.alloc(Layout::from_size_align(isize::MAX as usize - PAGE, 8).unwrap()) };
        assert!(block.is_null());
    }
}
