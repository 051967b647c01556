//! A team: the thread of a call and helpers, which it starts when it first
//! needs them and keeps until the call ends.
//!
//! A small scan has several steps that are worth two threads and none that is
//! worth the start of one: to wake a processor takes as long as to make ready
//! a hundred thousand components. So helpers look out for the next step a
//! moment before they sleep, and no step waits for a helper that is late.

use std::cell::RefCell;
use std::hint::spin_loop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

/// How long a thread looks out before it sleeps.
const MOMENT: Duration = Duration::from_micros(100);

thread_local! {
    /// The team that this thread leads, while it is not at work.
    static TEAM: RefCell<Option<Team>> = const { RefCell::new(None) };
}

/// Runs work whose steps on several threads all have the same helpers.
pub(crate) fn together<T>(work: impl FnOnce() -> T) -> T {
    /// Ends the team, after a panic too.
    struct End;
    impl Drop for End {
        fn drop(&mut self) {
            drop(TEAM.take());
        }
    }
    if TEAM.with_borrow(Option::is_some) {
        return work();
    }
    TEAM.set(Some(Team::default()));
    let _end = End;
    work()
}

/// Runs `own` on this thread and `each` on at most so many helpers; those that
/// have not begun when `own` is done no longer do. False beside its result: a
/// helper panicked.
pub(crate) fn with_helpers<T>(helpers: usize, each: &(dyn Fn() + Sync), own: impl FnOnce() -> T) -> (T, bool) {
    // Steps within this one do not find the team.
    match TEAM.take() {
        None => Team::default().run(helpers, each, own),
        Some(mut team) => {
            let result = team.run(helpers, each, own);
            TEAM.set(Some(team));
            result
        }
    }
}

/// The helpers.
#[derive(Default)]
struct Team {
    post: Arc<Post>,
    helpers: Vec<JoinHandle<()>>,
}

impl Team {
    fn run<T>(&mut self, helpers: usize, each: &(dyn Fn() + Sync), own: impl FnOnce() -> T) -> (T, bool) {
        /// Withdraws the step, after a panic too.
        struct Withdrawal<'p>(&'p Post);
        impl Drop for Withdrawal<'_> {
            fn drop(&mut self) {
                self.0.withdraw();
            }
        }
        while self.helpers.len() < helpers {
            let post = Arc::clone(&self.post);
            match Builder::new().spawn(move || post.help()) {
                Ok(helper) => self.helpers.push(helper),
                Err(_) => break,
            }
        }
        // SAFETY: only the lifetime changes. No helper has the step beyond the withdrawal, which is within it.
        let step = unsafe { std::mem::transmute::<&(dyn Fn() + Sync), &'static (dyn Fn() + Sync)>(each) };
        self.post.announce(step, helpers);
        let withdrawal = Withdrawal(&self.post);
        let result = own();
        drop(withdrawal);
        (result, !self.post.board().panicked)
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        self.post.end();
        for helper in self.helpers.drain(..) {
            // What a step panicked with was caught.
            let _ = helper.join();
        }
    }
}

/// Where the leader and the helpers meet.
#[derive(Default)]
struct Post {
    board: Mutex<Board>,
    /// A new step, or the end.
    news: Condvar,
    /// No helper is at work.
    rest: Condvar,
    /// The number of the step and of the helpers at work, for those that look
    /// out; changed with the board only.
    step_number: AtomicU64,
    at_work: AtomicUsize,
}

#[derive(Default)]
struct Board {
    step: Option<&'static (dyn Fn() + Sync)>,
    /// Helpers that may still begin with it.
    places: usize,
    panicked: bool,
    over: bool,
}

impl Post {
    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn announce(&self, step: &'static (dyn Fn() + Sync), places: usize) {
        let mut board = self.board();
        (board.step, board.places, board.panicked) = (Some(step), places, false);
        self.step_number.fetch_add(1, Ordering::Release);
        drop(board);
        self.news.notify_all();
    }

    /// Lets no more helpers begin, and waits for those at work.
    fn withdraw(&self) {
        let mut board = self.board();
        (board.step, board.places) = (None, 0);
        drop(board);
        look_out(|| self.at_work.load(Ordering::Acquire) == 0);
        let mut board = self.board();
        while self.at_work.load(Ordering::Acquire) > 0 {
            board = self.rest.wait(board).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn end(&self) {
        self.board().over = true;
        self.step_number.fetch_add(1, Ordering::Release);
        self.news.notify_all();
    }

    /// The life of a helper.
    fn help(&self) {
        let mut known = 0;
        loop {
            look_out(|| self.step_number.load(Ordering::Acquire) != known);
            let mut board = self.board();
            while self.step_number.load(Ordering::Acquire) == known && !board.over {
                board = self.news.wait(board).unwrap_or_else(PoisonError::into_inner);
            }
            if board.over {
                return;
            }
            known = self.step_number.load(Ordering::Acquire);
            let Some(step) = board.step.filter(|_| board.places > 0) else { continue };
            board.places -= 1;
            self.at_work.fetch_add(1, Ordering::AcqRel);
            drop(board);
            let done = catch_unwind(AssertUnwindSafe(step));
            let mut board = self.board();
            board.panicked |= done.is_err();
            self.at_work.fetch_sub(1, Ordering::AcqRel);
            drop(board);
            self.rest.notify_one();
        }
    }
}

/// Waits a moment for something to come true.
fn look_out(come: impl Fn() -> bool) {
    let start = Instant::now();
    while !come() && start.elapsed() < MOMENT {
        (0..16).for_each(|_| spin_loop());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;
    use std::thread::{self, ThreadId};

    /// The helpers of a step that waits until all have begun.
    fn helpers_of_step(helpers: usize) -> Vec<ThreadId> {
        let (begun, names) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        let meet = || {
            begun.fetch_add(1, Ordering::SeqCst);
            while begun.load(Ordering::SeqCst) <= helpers {
                thread::yield_now();
            }
        };
        let each = || {
            names.lock().unwrap().push(thread::current().id());
            meet();
        };
        let ((), sound) = with_helpers(helpers, &each, meet);
        assert!(sound);
        let mut names = names.into_inner().unwrap();
        names.sort_unstable_by_key(|name| format!("{name:?}"));
        names
    }

    #[test]
    fn steps_of_one_call_have_the_same_helpers() {
        let (first, second, third) = together(|| {
            let first = helpers_of_step(2);
            thread::sleep(3 * MOMENT); // they sleep
            (first, helpers_of_step(2), helpers_of_step(1))
        });
        assert_eq!((first.len(), &first), (2, &second));
        assert!(third.len() == 1 && first.contains(&third[0]));
        assert!(helpers_of_step(2).iter().all(|name| !first.contains(name)), "they ended with the call");
    }

    #[test]
    fn a_step_does_not_wait_for_helpers_that_have_not_begun() {
        together(|| {
            for _ in 0..200 {
                let (own, begun) = (AtomicBool::new(false), AtomicUsize::new(0));
                let count = || {
                    begun.fetch_add(1, Ordering::SeqCst);
                };
                with_helpers(3, &count, || own.store(true, Ordering::SeqCst));
                let helpers = begun.load(Ordering::SeqCst);
                thread::yield_now();
                assert!(own.into_inner() && helpers <= 3 && begun.into_inner() == helpers);
            }
        });
    }

    #[test]
    fn a_step_within_a_step_has_a_team_of_its_own() {
        let (inner, sound) = together(|| with_helpers(1, &|| {}, || helpers_of_step(1)));
        assert!(sound && inner.len() == 1);
    }

    #[test]
    fn panics_are_told_and_end_nothing() {
        let begun = AtomicUsize::new(0);
        let fails = || {
            begun.fetch_add(1, Ordering::SeqCst);
            panic!("a helper");
        };
        together(|| {
            let ((), sound) = with_helpers(1, &fails, || {
                while begun.load(Ordering::SeqCst) == 0 {
                    thread::yield_now();
                }
            });
            assert!(!sound);
            let own = catch_unwind(|| with_helpers(1, &|| {}, || panic!("the leader")));
            assert!(own.is_err());
            assert_eq!(helpers_of_step(1).len(), 1);
        });
    }
}
