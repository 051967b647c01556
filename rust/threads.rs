//! Threads that live for one call, so a fork before or after it is harmless.

use std::sync::Mutex;
use std::thread;

use crate::error::{Error, Result};
use crate::team::with_helpers;

/// Number of threads; 0 means as many as the process may use.
pub(crate) fn thread_count(threads: usize) -> usize {
    if threads > 0 { threads } else { thread::available_parallelism().map_or(1, usize::from) }
}

/// Runs the same work on several threads, of which this is one, and collects
/// what they return, the first error first. They share the work, so where the
/// system starts fewer threads, or starts them late, these do all of it.
pub(crate) fn on_threads<T: Send>(threads: usize, work: impl Fn() -> Result<T> + Sync) -> Result<Vec<T>> {
    if threads == 1 {
        return work().map(|only| vec![only]);
    }
    let others = Mutex::new(Vec::new());
    let each = || {
        let result = work();
        if let Ok(mut others) = others.lock() {
            others.push(result);
        }
    };
    let (own, sound) = with_helpers(threads - 1, &each, &work);
    if !sound {
        return Err(Error::Worker);
    }
    std::iter::once(own).chain(others.into_inner().map_err(|_| Error::Worker)?).collect()
}

/// Runs work on each of some parts, on several threads, and collects what it
/// returns, in any order.
pub(crate) fn on_parts<P, T: Send>(
    threads: usize,
    parts: impl Iterator<Item = P> + Send,
    work: impl Fn(P) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let parts = Mutex::new(parts);
    let shares = on_threads(threads, || {
        let mut share = Vec::new();
        loop {
            let next = parts.lock().map_err(|_| Error::Worker)?.next();
            match next {
                Some(part) => share.push(work(part)?),
                None => return Ok(share),
            }
        }
    })?;
    Ok(shares.into_iter().flatten().collect())
}

/// Threads that components which are read once are worth, at most so many:
/// to start one takes as long as to make ready about 50,000.
pub(crate) fn threads_worth(components: usize, threads: usize) -> usize {
    const SHARE: usize = 1 << 17;
    (components / SHARE).clamp(1, threads)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_worked_on_once() {
        for threads in 1..4 {
            let mut parts = on_parts(threads, 0..50, |part| Ok(part * 2)).unwrap();
            parts.sort_unstable();
            assert_eq!(parts, (0..50).map(|part| part * 2).collect::<Vec<_>>());
            let broken = on_parts(threads, 0..50, |part| if part == 30 { Err(Error::Cancelled) } else { Ok(()) });
            assert_eq!(broken, Err(Error::Cancelled));
        }
    }

    #[test]
    fn few_components_are_worth_one_thread() {
        assert_eq!([0, 1 << 18, 1 << 30].map(|components| threads_worth(components, 4)), [1, 2, 4]);
    }
}
