//! The best `k` documents of each list, in one total order: score descending,
//! then place ascending.

use std::sync::Mutex;

use crate::error::{Error, Result};
use crate::memory::{repeated, zeros};
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
    /// `k` keys for each list, best first, filled up with zeros.
    keys: Vec<u64>,
}

impl TopK {
    /// The best of one list, best first; fewer than `k` if it never had more.
    pub fn best(&self, list: usize) -> impl Iterator<Item = Hit> + '_ {
        let keys = &self.keys[list * self.k..(list + 1) * self.k];
        keys.iter().take_while(|key| **key != NOTHING).map(|key| hit(*key))
    }

    /// Number of lists; 0 if `k` is zero.
    #[must_use]
    pub fn lists(&self) -> usize {
        self.keys.len().checked_div(self.k).unwrap_or(0)
    }

    /// Number of hits in a list.
    pub(crate) fn hits(&self, list: usize) -> usize {
        self.keys[list * self.k..(list + 1) * self.k].iter().take_while(|key| **key != NOTHING).count()
    }

    /// Puts another's list in the place of one of these.
    pub(crate) fn replace(&mut self, list: usize, other: &Self, theirs: usize) {
        let k = self.k;
        self.keys[list * k..(list + 1) * k].copy_from_slice(&other.keys[theirs * k..(theirs + 1) * k]);
    }

    /// Joins the candidates of disjoint sets of documents.
    pub(crate) fn join(parts: &[Candidates], lists: usize, k: usize, threads: usize) -> Result<Self> {
        let mut keys = zeros(&[lists, k])?;
        let work = Mutex::new(keys.chunks_exact_mut(k.max(1)).enumerate());
        on_threads(threads.min(lists.max(1)), || {
            let mut candidates = Vec::new();
            loop {
                let next = work.lock().map_err(|_| Error::Worker)?.next();
                let Some((list, best)) = next else { return Ok(()) };
                candidates.clear();
                for part in parts {
                    candidates.extend_from_slice(part.of_list(list));
                }
                if candidates.len() > k {
                    candidates.select_nth_unstable_by(k - 1, |a, b| b.cmp(a));
                    candidates.truncate(k);
                }
                candidates.sort_unstable_by(|a, b| b.cmp(a));
                best[..candidates.len()].copy_from_slice(&candidates);
            }
        })?;
        Ok(Self { k, keys })
    }
}

/// Candidate buffers of all lists, for some of the documents.
#[derive(Debug, Clone)]
pub(crate) struct Candidates {
    k: usize,
    capacity: usize,
    buffer: Vec<u64>,
    length: Vec<u32>,
    threshold: Vec<f32>,
    /// A key that is not above this one cannot enter the list.
    worst: Vec<u64>,
}

impl Candidates {
    /// `floors`: scores below which nothing is kept.
    pub(crate) fn new(lists: usize, k: usize, floors: Option<&[f32]>) -> Result<Self> {
        let capacity = if k == 0 { 0 } else { k.saturating_add(k / 2).saturating_add(32) };
        let threshold = match floors {
            Some(floors) => floors.to_vec(),
            None => repeated(f32::NEG_INFINITY, &[lists])?,
        };
        Ok(Self {
            k,
            capacity,
            buffer: zeros(&[lists, capacity])?,
            length: zeros(&[lists])?,
            worst: threshold.iter().map(|score| key(Hit { score: *score, place: u32::MAX })).collect(),
            threshold,
        })
    }

    /// A lower score than this cannot enter the list.
    #[inline(always)]
    pub(crate) fn threshold(&self, list: usize) -> f32 {
        self.threshold[list]
    }

    /// Adds a candidate unless it cannot enter the list.
    #[inline(always)]
    pub(crate) fn offer(&mut self, list: usize, hit: Hit) {
        let key = key(hit);
        if key <= self.worst[list] {
            return;
        }
        let length = self.length[list] as usize;
        self.buffer[list * self.capacity + length] = key;
        self.length[list] += 1;
        if length + 1 == self.capacity {
            self.shrink(list);
        }
    }

    #[inline(never)]
    fn shrink(&mut self, list: usize) {
        let start = list * self.capacity;
        let candidates = &mut self.buffer[start..start + self.length[list] as usize];
        let (_, worst, _) = candidates.select_nth_unstable_by(self.k - 1, |a, b| b.cmp(a));
        self.worst[list] = *worst;
        self.threshold[list] = hit(*worst).score;
        self.length[list] = self.k as u32;
    }

    fn of_list(&self, list: usize) -> &[u64] {
        let start = list * self.capacity;
        &self.buffer[start..start + self.length[list] as usize]
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
        let mut candidates = Candidates::new(1, 3, Some(&[0.5])).unwrap();
        for (place, score) in [0.25, 0.5, 0.75, 0.4].into_iter().enumerate() {
            candidates.offer(0, Hit { score, place: place as u32 });
        }
        let top = TopK::join(&[candidates], 1, 3, 1).unwrap();
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
        ) {
            let hits: Vec<Hit> =
                scores.iter().enumerate().map(|(place, score)| Hit { score: *score, place: place as u32 }).collect();
            let split = split.min(hits.len());
            let mut parts = [Candidates::new(2, k, None).unwrap(), Candidates::new(2, k, None).unwrap()];
            for (n, hit) in hits.iter().enumerate() {
                parts[usize::from(n >= split)].offer(1, *hit);
            }
            let top = TopK::join(&parts, 2, k, threads).unwrap();
            let mut sorted = hits.clone();
            sorted.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.place.cmp(&b.place)));
            sorted.truncate(k);
            prop_assert_eq!(top.best(1).collect::<Vec<_>>(), sorted);
            prop_assert_eq!(top.hits(0), 0);
        }
    }
}
