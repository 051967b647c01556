//! The best `k` documents of each list, in one total order: score descending,
//! then place ascending.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::thread;

use crate::error::Result;
use crate::memory::{plain, zeros};
use crate::threads::on_threads;

/// A document in a result list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// Canonical score.
    pub score: f32,
    /// Place in the tie order.
    pub place: u32,
}

/// Result lists; a list belongs to a query, or to a query and a language.
#[derive(Debug, Clone)]
pub struct TopK {
    k: usize,
    /// Keys from the first of a list to the first of the next one.
    stride: usize,
    /// For each list its best `k`, best first, filled up with zeros; what
    /// follows them is without meaning.
    keys: Vec<u64>,
}

impl TopK {
    /// The best of one list, best first; fewer than `k` if it never had more.
    pub fn best(&self, list: usize) -> impl Iterator<Item = Hit> + '_ {
        self.keys(list).iter().take_while(|key| **key != NOTHING).map(|key| hit(*key))
    }

    /// Number of lists; 0 if `k` is zero.
    #[must_use]
    pub fn lists(&self) -> usize {
        self.keys.len().checked_div(self.stride).unwrap_or(0)
    }

    /// Number of hits in a list.
    pub(crate) fn hits(&self, list: usize) -> usize {
        self.best(list).count()
    }

    /// Puts another's list in the place of one of these.
    pub(crate) fn replace(&mut self, list: usize, other: &Self, theirs: usize) {
        let start = list * self.stride;
        self.keys[start..start + self.k].copy_from_slice(other.keys(theirs));
    }

    fn keys(&self, list: usize) -> &[u64] {
        &self.keys[list * self.stride..list * self.stride + self.k]
    }
}

/// Candidates of all lists. Threads share them: a second set would take as
/// much memory again, and what one thread finds raises the bar for all. The
/// best are the same in whatever order hits are offered.
#[derive(Debug)]
pub(crate) struct Candidates {
    k: usize,
    capacity: usize,
    keys: Vec<AtomicU64>,
    /// Number of candidates, and `LOCKED` while a thread changes them.
    length: Vec<AtomicU32>,
    /// Bits of a score below which none can enter the list.
    threshold: Vec<AtomicU32>,
    /// A key that is not above this one cannot enter the list.
    worst: Vec<AtomicU64>,
}

/// The mark of a list that a thread changes.
const LOCKED: u32 = 1 << 31;

/// Tries after which the thread that holds a list must be waiting itself.
const TRIES: usize = 64;

impl Candidates {
    /// `floors`: scores below which nothing is kept.
    pub(crate) fn new(lists: usize, k: usize, floors: Option<&[f32]>) -> Result<Self> {
        let capacity = if k == 0 { 0 } else { k.saturating_add(k / 4).saturating_add(16) };
        let (threshold, worst) = (zeros::<AtomicU32>(&[lists])?, zeros::<AtomicU64>(&[lists])?);
        for list in 0..lists {
            let score = floors.map_or(f32::NEG_INFINITY, |floors| floors[list]);
            threshold[list].store(score.to_bits(), Ordering::Relaxed);
            worst[list].store(key(Hit { score, place: u32::MAX }), Ordering::Relaxed);
        }
        Ok(Self { k, capacity, keys: zeros(&[lists, capacity])?, length: zeros(&[lists])?, threshold, worst })
    }

    /// A lower score than this cannot enter the list.
    #[inline(always)]
    pub(crate) fn threshold(&self, list: usize) -> f32 {
        f32::from_bits(self.threshold[list].load(Ordering::Relaxed))
    }

    /// Adds a candidate unless it cannot enter the list.
    #[inline(always)]
    pub(crate) fn offer(&self, list: usize, hit: Hit) {
        let key = key(hit);
        // An old value keeps out too little, which does no harm.
        if key > self.worst[list].load(Ordering::Relaxed) {
            self.add(list, key);
        }
    }

    #[inline(never)]
    fn add(&self, list: usize, key: u64) {
        let length = self.lock(list);
        let keys = &self.keys[list * self.capacity..(list + 1) * self.capacity];
        keys[length].store(key, Ordering::Relaxed);
        let mut length = length + 1;
        if length == self.capacity {
            let best = sift(keys, self.k);
            let worst = best[self.k - 1];
            self.worst[list].store(worst, Ordering::Relaxed);
            self.threshold[list].store(hit(worst).score.to_bits(), Ordering::Relaxed);
            length = self.k;
        }
        self.length[list].store(length as u32, Ordering::Release);
    }

    /// Waits until no other thread changes the list; returns its length.
    #[inline(always)]
    fn lock(&self, list: usize) -> usize {
        let length = &self.length[list];
        let mut tries = 0;
        loop {
            let before = length.fetch_or(LOCKED, Ordering::Acquire);
            if before & LOCKED == 0 {
                return before as usize;
            }
            tries += 1;
            if tries % TRIES == 0 { thread::yield_now() } else { spin_loop() }
        }
    }

    /// The best of each list, once no thread adds to them.
    pub(crate) fn sorted(self, threads: usize) -> Result<TopK> {
        let (k, stride, lists) = (self.k, self.capacity, self.length.len());
        let next = AtomicUsize::new(if k == 0 { lists } else { 0 });
        on_threads(if k == 0 { 1 } else { threads.min(lists.max(1)) }, || {
            loop {
                let list = next.fetch_add(1, Ordering::Relaxed);
                if list >= lists {
                    return Ok(());
                }
                let length = self.length[list].load(Ordering::Acquire) as usize;
                let keys = &self.keys[list * stride..list * stride + length];
                let mut best = if length > k { sift(keys, k) } else { values(keys) };
                best.sort_unstable_by(|a, b| b.cmp(a));
                set(keys, &best);
            }
        })?;
        Ok(TopK { k, stride, keys: plain(self.keys) })
    }
}

/// Moves the greatest `k` to the front, the least of them last, and returns
/// them.
fn sift(keys: &[AtomicU64], k: usize) -> Vec<u64> {
    let mut best = values(keys);
    best.select_nth_unstable_by(k - 1, |a, b| b.cmp(a));
    best.truncate(k);
    set(keys, &best);
    best
}

fn values(keys: &[AtomicU64]) -> Vec<u64> {
    keys.iter().map(|key| key.load(Ordering::Relaxed)).collect()
}

fn set(keys: &[AtomicU64], values: &[u64]) {
    for (key, value) in keys.iter().zip(values) {
        key.store(*value, Ordering::Relaxed);
    }
}

/// No hit has this key: it would be a NaN's.
const NOTHING: u64 = 0;

/// One integer per hit that sorts as the hits do, greatest first: the score's
/// bits made monotone, above the complement of the place. Both zeros are one.
#[inline(always)]
fn key(hit: Hit) -> u64 {
    let bits = (hit.score + 0.0).to_bits();
    let monotone = if bits >> 31 == 1 { !bits } else { bits | 1 << 31 };
    u64::from(monotone) << 32 | u64::from(!hit.place)
}

fn hit(key: u64) -> Hit {
    let monotone = (key >> 32) as u32;
    let bits = if monotone >> 31 == 1 { monotone & !(1 << 31) } else { !monotone };
    Hit { score: f32::from_bits(bits), place: !(key as u32) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn zeros_of_both_signs_tie() {
        let (plus, minus) = (Hit { score: 0.0, place: 5 }, Hit { score: -0.0, place: 5 });
        assert_eq!(key(plus), key(minus));
    }

    #[test]
    fn floors_keep_out_what_is_below() {
        let candidates = Candidates::new(1, 3, Some(&[0.5])).unwrap();
        for (place, score) in [0.25, 0.5, 0.75, 0.4].into_iter().enumerate() {
            candidates.offer(0, Hit { score, place: place as u32 });
        }
        let top = candidates.sorted(1).unwrap();
        assert_eq!(top.best(0).map(|hit| hit.place).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(top.hits(0), 2);
    }

    proptest! {
        #[test]
        fn keys_order_as_hits_and_come_back(a in -1e3_f32..1e3, b in -1e3_f32..1e3, p: u32, q: u32) {
            let (x, y) = (Hit { score: a, place: p }, Hit { score: b, place: q });
            prop_assert_eq!(hit(key(x)), x);
            let expected = b.total_cmp(&a).then(p.cmp(&q));
            prop_assert_eq!(key(y).cmp(&key(x)), expected);
        }

        #[test]
        fn the_best_are_a_prefix_of_the_full_sort(
            scores in prop::collection::vec((-4_i8..4).prop_map(|s| f32::from(s) / 4.0), 1..200),
            k in 1_usize..12,
            split in 0_usize..200,
            threads in 1_usize..3,
            floor in prop_oneof![Just(f32::NEG_INFINITY), Just(-0.75)],
        ) {
            let hits: Vec<Hit> =
                scores.iter().enumerate().map(|(place, score)| Hit { score: *score, place: place as u32 }).collect();
            let split = split.min(hits.len());
            let candidates = Candidates::new(2, k, Some(&[floor, 2.0])).unwrap();
            thread::scope(|scope| {
                for part in [&hits[..split], &hits[split..]] {
                    let candidates = &candidates;
                    scope.spawn(move || part.iter().for_each(|hit| candidates.offer(0, *hit)));
                }
            });
            let top = candidates.sorted(threads).unwrap();
            let mut sorted: Vec<Hit> = hits.iter().filter(|hit| hit.score >= floor).copied().collect();
            sorted.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.place.cmp(&b.place)));
            sorted.truncate(k);
            prop_assert_eq!(top.best(0).collect::<Vec<_>>(), sorted);
            prop_assert_eq!((top.hits(1), top.lists()), (0, 2));
        }
    }
}
