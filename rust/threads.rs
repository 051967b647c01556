//! Threads that live for one call, so a fork before or after it is harmless.

use std::thread;

use crate::error::{Error, Result};

/// Number of threads; 0 means as many as the process may use.
pub(crate) fn thread_count(threads: usize) -> usize {
    if threads > 0 { threads } else { thread::available_parallelism().map_or(1, usize::from) }
}

/// Runs the same work on several threads and collects what they return, the
/// first error first. They share the work, so where the system starts fewer
/// threads, these do all of it.
pub(crate) fn on_threads<T: Send>(threads: usize, work: impl Fn() -> Result<T> + Sync) -> Result<Vec<T>> {
    if threads == 1 {
        return work().map(|only| vec![only]);
    }
    thread::scope(|scope| {
        let started = (0..threads).map_while(|_| thread::Builder::new().spawn_scoped(scope, &work).ok());
        let handles: Vec<_> = started.collect();
        if handles.is_empty() {
            return work().map(|only| vec![only]);
        }
        handles.into_iter().map(|handle| handle.join().map_err(|_| Error::Worker)?).collect()
    })
}
