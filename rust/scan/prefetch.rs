//! Reading ahead for documents in a memory map, so that the threads that
//! compute do not wait for the disk.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::matrix::Matrix;

/// Stretches fetched before they are taken.
const STRETCHES: usize = 2;

/// Wait once enough is fetched.
const PAUSE: Duration = Duration::from_millis(1);

/// Rows whose first tells for all whether they are in memory.
const PIECE: usize = 256;

/// Longer than a page takes that is in memory, even one that is not mapped.
const LATE: Duration = Duration::from_micros(20);

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
        let reader = thread::Builder::new().spawn_scoped(scope, || {
            let mut at = 0;
            while at < stretches && !done.load(Ordering::Relaxed) {
                let taken = next.load(Ordering::Relaxed);
                if at >= taken + threads + STRETCHES {
                    thread::park_timeout(PAUSE);
                    continue;
                }
                if at >= taken {
                    fetch(documents, at * stretch..((at + 1) * stretch).min(documents.rows()));
                }
                at += 1;
            }
        });
        let result = work();
        done.store(true, Ordering::Relaxed);
        // The call does not wait for the rest of a pause.
        if let Ok(reader) = reader {
            reader.thread().unpark();
        }
        result
    })
}

/// Has the system read what is not in memory yet. Looking at every page would
/// take a tenth of the time of a scan that waits for memory.
fn fetch(documents: &Matrix<'_>, rows: Range<usize>) {
    for start in rows.clone().step_by(PIECE) {
        let before = Instant::now();
        documents.touch(start..start + 1);
        if before.elapsed() > LATE {
            documents.touch(start..rows.end.min(start + PIECE));
        }
    }
}
