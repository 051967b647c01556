//! Reading memory maps whose file may shrink, or whose disk may fail.
//!
//! A read of a page that its file no longer has is a signal, SIGBUS, which
//! ends the process. Here the handler puts a page of zeros in its place, so
//! that the read goes on, and notes the loss, which `guarded` returns as an
//! error. Faults elsewhere go to the handler that was there before. A map
//! that lost pages holds zeros from there on: its owner must open it again.

use std::ops::Range;

use crate::error::Result;

/// Runs work that reads some spans of memory.
///
/// # Errors
/// Those of the work, and `Error::Lost` if part of a span could not be read.
pub fn guarded<T>(spans: &[Range<usize>], work: impl FnOnce() -> Result<T>) -> Result<T> {
    #[cfg(unix)]
    {
        signal::guarded(spans, work)
    }
    #[cfg(not(unix))]
    {
        let _ = spans;
        work()
    }
}

/// The memory of some values, for `guarded`.
#[must_use]
pub fn span_of<T>(values: &[T]) -> Range<usize> {
    let range = values.as_ptr_range();
    range.start as usize..range.end as usize
}

#[cfg(unix)]
mod signal {
    use std::mem::{MaybeUninit, transmute};
    use std::ops::Range;
    use std::ptr::null;
    use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering};
    use std::sync::{Mutex, MutexGuard, PoisonError};
    use std::thread;
    use std::time::Duration;

    use libc::{
        MAP_ANON, MAP_FAILED, MAP_FIXED, MAP_PRIVATE, PROT_READ, SA_ONSTACK, SA_SIGINFO, SIG_DFL, SIG_IGN, SIGBUS,
        c_int, c_void, siginfo_t,
    };

    use crate::error::{Error, Result};

    /// Spans that are guarded at the same time; more wait.
    const SLOTS: usize = 256;

    /// A guarded span. The handler reads these without a lock.
    struct Slot {
        taken: AtomicBool,
        /// 0 while there is no span.
        start: AtomicUsize,
        end: AtomicUsize,
        lost: AtomicBool,
    }

    static GUARDED: [Slot; SLOTS] = [const {
        Slot {
            taken: AtomicBool::new(false),
            start: AtomicUsize::new(0),
            end: AtomicUsize::new(0),
            lost: AtomicBool::new(false),
        }
    }; SLOTS];

    /// Number of guards; the handler is installed while there is one.
    static GUARDS: Mutex<usize> = Mutex::new(0);
    static PAGE: AtomicUsize = AtomicUsize::new(0);
    /// The handler before ours, and its flags.
    static BEFORE: AtomicUsize = AtomicUsize::new(SIG_DFL);
    static BEFORE_FLAGS: AtomicI32 = AtomicI32::new(0);

    pub(super) fn guarded<T>(spans: &[Range<usize>], work: impl FnOnce() -> Result<T>) -> Result<T> {
        let guard = Guard::new(spans);
        let result = work();
        if guard.lost() { Err(Error::Lost) } else { result }
    }

    /// Spans whose loss is noted while this lives.
    struct Guard(Vec<&'static Slot>);

    impl Guard {
        fn new(spans: &[Range<usize>]) -> Self {
            let mut guards = guards();
            if *guards == 0 {
                install();
            }
            *guards += 1;
            drop(guards);
            Self(spans.iter().filter(|span| !span.is_empty()).map(take).collect())
        }

        fn lost(&self) -> bool {
            self.0.iter().any(|slot| slot.lost.load(Ordering::Acquire))
        }
    }

    impl Drop for Guard {
        fn drop(&mut self) {
            for slot in &self.0 {
                slot.start.store(0, Ordering::Release);
                slot.taken.store(false, Ordering::Release);
            }
            let mut guards = guards();
            *guards -= 1;
            if *guards == 0 {
                uninstall();
            }
        }
    }

    fn guards() -> MutexGuard<'static, usize> {
        GUARDS.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(span: &Range<usize>) -> &'static Slot {
        loop {
            let free =
                |slot: &&Slot| slot.taken.compare_exchange(false, true, Ordering::AcqRel, Ordering::Relaxed).is_ok();
            if let Some(slot) = GUARDED.iter().find(free) {
                slot.lost.store(false, Ordering::Relaxed);
                slot.end.store(span.end, Ordering::Relaxed);
                slot.start.store(span.start, Ordering::Release);
                return slot;
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn install() {
        // SAFETY: a query without side effects.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        PAGE.store(usize::try_from(page).unwrap_or(4096), Ordering::Relaxed);
        if let Some(before) = action(None) {
            BEFORE.store(before.sa_sigaction, Ordering::Relaxed);
            BEFORE_FLAGS.store(before.sa_flags, Ordering::Release);
            let _ = action(Some((on_fault as *const () as usize, SA_SIGINFO | SA_ONSTACK)));
        }
    }

    /// Puts the handler before ours back, unless another came after ours.
    fn uninstall() {
        if action(None).is_some_and(|now| now.sa_sigaction == on_fault as *const () as usize) {
            let _ = action(Some((BEFORE.load(Ordering::Relaxed), BEFORE_FLAGS.load(Ordering::Relaxed))));
        }
    }

    /// The action for SIGBUS, which may be replaced by a handler with flags.
    fn action(replacement: Option<(usize, c_int)>) -> Option<libc::sigaction> {
        let mut before = MaybeUninit::<libc::sigaction>::zeroed();
        let new = replacement.map(|(handler, flags)| {
            // SAFETY: a C struct of numbers, for which zero is a value.
            let mut new: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
            (new.sa_sigaction, new.sa_flags) = (handler, flags);
            new
        });
        // SAFETY: both point to a struct or to nothing; the handler is
        // `on_fault` or what the system named before.
        let status = unsafe { libc::sigaction(SIGBUS, new.as_ref().map_or(null(), |new| new), before.as_mut_ptr()) };
        // SAFETY: zeroed, and then filled by the system.
        (status == 0).then(|| unsafe { before.assume_init() })
    }

    /// The handler. It reads atomics and calls `mmap`, which is a bare system
    /// call, so it may run at any point of a program.
    extern "C" fn on_fault(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
        // SAFETY: the system passes a filled struct to handlers with
        // SA_SIGINFO.
        let address = unsafe { (*info).si_addr() } as usize;
        for slot in &GUARDED {
            let start = slot.start.load(Ordering::Acquire);
            let end = slot.end.load(Ordering::Relaxed);
            if start == 0 || !(start..end).contains(&address) {
                continue;
            }
            let page = address & !(PAGE.load(Ordering::Relaxed) - 1);
            // SAFETY: the pages from here to the end of the span belong to
            // the map that the span is part of, and their file has lost them.
            let put = unsafe {
                libc::mmap(page as *mut c_void, end - page, PROT_READ, MAP_PRIVATE | MAP_ANON | MAP_FIXED, -1, 0)
            };
            if put != MAP_FAILED {
                slot.lost.store(true, Ordering::Release);
                return;
            }
        }
        match BEFORE.load(Ordering::Relaxed) {
            SIG_DFL | SIG_IGN => {
                // The read is repeated, and the system does what it does.
                let _ = action(Some((SIG_DFL, 0)));
            }
            before if BEFORE_FLAGS.load(Ordering::Acquire) & SA_SIGINFO != 0 => {
                // SAFETY: the system named this handler, with SA_SIGINFO.
                let handler: extern "C" fn(c_int, *mut siginfo_t, *mut c_void) = unsafe { transmute(before) };
                handler(signal, info, context);
            }
            before => {
                // SAFETY: the system named this handler, without SA_SIGINFO.
                let handler: extern "C" fn(c_int) = unsafe { transmute(before) };
                handler(signal);
            }
        }
    }

    #[cfg(test)]
    mod tests {
        use std::fs::File;
        use std::os::fd::AsRawFd;

        use super::*;

        /// A map of a file of some pages, all of them the byte 7.
        fn map(pages: usize) -> (File, &'static [u8]) {
            let path = std::env::temp_dir().join(format!("clinometer-map-{}-{pages}", std::process::id()));
            let size = pages * 4096;
            std::fs::write(&path, vec![7; size]).unwrap();
            let file = File::options().read(true).write(true).open(&path).unwrap();
            std::fs::remove_file(&path).unwrap();
            // SAFETY: a new map, which is never unmapped.
            let start =
                unsafe { libc::mmap(std::ptr::null_mut(), size, PROT_READ, libc::MAP_SHARED, file.as_raw_fd(), 0) };
            assert_ne!(start, MAP_FAILED);
            // SAFETY: mapped above, for the rest of the process.
            (file, unsafe { std::slice::from_raw_parts(start.cast::<u8>(), size) })
        }

        fn sum(bytes: &[u8]) -> Result<u64> {
            Ok(bytes.iter().map(|byte| u64::from(std::hint::black_box(*byte))).sum())
        }

        #[test]
        fn a_file_that_shrinks_is_an_error_and_others_are_read() {
            let ((short, lost), (_file, whole)) = (map(64), map(65));
            short.set_len(4096 * 20).unwrap();
            let both = [super::super::span_of(lost), super::super::span_of(whole)];
            assert_eq!(guarded(&both, || sum(whole)), Ok(7 * 65 * 4096));
            assert_eq!(guarded(&both, || sum(lost)), Err(Error::Lost));
            // What was there is as it was, and the loss is not told twice.
            assert_eq!(guarded(&both, || sum(&lost[..4096 * 20])), Ok(7 * 20 * 4096));
        }

        #[test]
        fn threads_lose_pages_of_one_map() {
            let (file, bytes) = map(300);
            let result = guarded(&[super::super::span_of(bytes)], || {
                file.set_len(0).unwrap();
                let parts: Vec<u64> = thread::scope(|scope| {
                    let parts: Vec<_> =
                        bytes.chunks(bytes.len() / 5).map(|part| scope.spawn(move || sum(part).unwrap())).collect();
                    parts.into_iter().map(|part| part.join().unwrap()).collect()
                });
                Ok(parts)
            });
            assert_eq!(result, Err(Error::Lost));
        }
    }
}
