//! Reading ahead for documents in a memory map, so that the threads that
//! compute do not wait for the disk.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::matrix::Matrix;

/// Stretches fetched before they are taken.
const STRETCHES: usize = 2;

/// Wait once enough is fetched.
const PAUSE: Duration = Duration::from_millis(1);

/// Runs `work`, which takes stretches of the documents in the order that
/// `next` counts, while another thread fetches those that come next.
pub(crate) fn prefetching<T>(
    documents: &Matrix<'_>,
    stretch: usize,
    threads: usize,
    next: &AtomicUsize,
    work: impl FnOnce() -> T,
) -> T {
    let stretches = documents.rows().div_ceil(stretch);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        // Without this thread the others wait more, and that is all.
        let _ = thread::Builder::new().spawn_scoped(scope, || {
            let mut at = 0;
            while at < stretches && !done.load(Ordering::Relaxed) {
                let taken = next.load(Ordering::Relaxed);
                if at >= taken + threads + STRETCHES {
                    thread::sleep(PAUSE);
                    continue;
                }
                if at >= taken {
                    documents.touch(at * stretch..((at + 1) * stretch).min(documents.rows()));
                }
                at += 1;
            }
        });
        let result = work();
        done.store(true, Ordering::Relaxed);
        result
    })
}
