//! Memory whose size comes from the caller: a request that cannot be met is
//! an error, where `vec!` would end the process.

use std::alloc::{Layout, alloc_zeroed};
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicU32, AtomicU64};

use crate::error::{Error, Result};

/// Numbers for which a block of zero bytes is a value.
///
/// # Safety
/// All bits zero must be a value of the type, and the type must have a size.
pub(crate) unsafe trait Zero {}

// SAFETY: plain numbers; all bits zero is zero.
unsafe impl Zero for u32 {}
// SAFETY: as above.
unsafe impl Zero for u64 {}
// SAFETY: as above.
unsafe impl Zero for f32 {}
// SAFETY: as the plain number, whose bits it has.
unsafe impl Zero for AtomicU32 {}
// SAFETY: as above.
unsafe impl Zero for AtomicU64 {}

/// An atomic number.
///
/// # Safety
/// `Plain` must have the same size, alignment and values.
pub(crate) unsafe trait Atomic {
    /// The plain number.
    type Plain;
}

// SAFETY: the standard library promises it.
unsafe impl Atomic for AtomicU32 {
    type Plain = u32;
}
// SAFETY: as above.
unsafe impl Atomic for AtomicU64 {
    type Plain = u64;
}

/// The same numbers, no longer atomic, where they are: pages that were never
/// used stay so.
pub(crate) fn plain<A: Atomic>(values: Vec<A>) -> Vec<A::Plain> {
    let mut values = ManuallyDrop::new(values);
    // SAFETY: the memory is this vector's, which will not drop it, and by the
    // contract of `Atomic` holds as many plain numbers.
    unsafe { Vec::from_raw_parts(values.as_mut_ptr().cast(), values.len(), values.capacity()) }
}

/// Zeros, as many as the product of some sizes. The system clears pages when
/// they are first used, so what is never used costs nothing.
pub(crate) fn zeros<T: Zero>(sizes: &[usize]) -> Result<Vec<T>> {
    let length = product(sizes)?;
    if length == 0 {
        return Ok(Vec::new());
    }
    let layout = Layout::array::<T>(length).map_err(|_| Error::Memory(None))?;
    // SAFETY: the layout has a size, for neither the length nor the type is
    // empty.
    let pointer = unsafe { alloc_zeroed(layout) }.cast::<T>();
    if pointer.is_null() {
        return Err(Error::Memory(Some(layout.size())));
    }
    // SAFETY: just allocated by the global allocator with the layout of this
    // many values, all of them zero, which is a value.
    Ok(unsafe { Vec::from_raw_parts(pointer, length, length) })
}

/// The same value, as many times as the product of some sizes.
pub(crate) fn repeated<T: Copy>(value: T, sizes: &[usize]) -> Result<Vec<T>> {
    let length = product(sizes)?;
    let mut values = Vec::new();
    values.try_reserve_exact(length).map_err(|_| Error::Memory(length.checked_mul(size_of::<T>())))?;
    values.resize(length, value);
    Ok(values)
}

fn product(sizes: &[usize]) -> Result<usize> {
    sizes.iter().try_fold(1_usize, |length, size| length.checked_mul(*size)).ok_or(Error::Memory(None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_machine_has_is_an_error() {
        for sizes in [&[usize::MAX / 16][..], &[usize::MAX, 2], &[1 << 32, 1 << 30]] {
            assert!(matches!(zeros::<u64>(sizes), Err(Error::Memory(_))));
            assert!(matches!(repeated(1_u64, sizes), Err(Error::Memory(_))));
        }
    }

    #[test]
    fn memory_is_filled() {
        assert_eq!(zeros::<f32>(&[2, 3]).unwrap(), [0.0; 6]);
        assert!(zeros::<u64>(&[2, 0]).unwrap().is_empty());
        assert_eq!(repeated(7_u32, &[3]).unwrap(), [7; 3]);
        let atomic: Vec<AtomicU32> = zeros(&[3]).unwrap();
        atomic[1].store(5, std::sync::atomic::Ordering::Relaxed);
        assert_eq!(plain(atomic), [0, 5, 0]);
    }
}
