//! The best `k` documents of each list, in one total order: score descending,
//! then place ascending.

/// A document in a result list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// Canonical score.
    pub score: f32,
    /// Place in the tie order.
    pub place: u32,
}

/// Candidate buffers of many lists; a list belongs to a query, or to a query
/// and a language.
#[derive(Debug, Clone)]
pub struct TopK {
    k: usize,
    capacity: usize,
    buffer: Vec<u64>,
    length: Vec<u32>,
    threshold: Vec<f32>,
}

impl TopK {
    pub(crate) fn new(lists: usize, k: usize) -> Self {
        let capacity = if k == 0 { 0 } else { 2 * k + 16 };
        Self {
            k,
            capacity,
            buffer: vec![0; lists * capacity],
            length: vec![0; lists],
            threshold: vec![f32::NEG_INFINITY; lists],
        }
    }

    /// A lower score than this cannot enter the list.
    #[inline(always)]
    pub(crate) fn threshold(&self, list: usize) -> f32 {
        self.threshold[list]
    }

    /// Adds a candidate whose score is not below the threshold.
    #[inline]
    pub(crate) fn push(&mut self, list: usize, hit: Hit) {
        let length = self.length[list] as usize;
        self.buffer[list * self.capacity + length] = key(hit);
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
        self.threshold[list] = hit(*worst).score;
        self.length[list] = self.k as u32;
    }

    /// Adds the candidates of other documents for the same lists.
    pub(crate) fn merge(&mut self, other: &Self) {
        for list in 0..self.length.len() {
            let start = list * other.capacity;
            for key in &other.buffer[start..start + other.length[list] as usize] {
                let candidate = hit(*key);
                if candidate.score >= self.threshold[list] {
                    self.push(list, candidate);
                }
            }
        }
    }

    /// The best of one list, best first; fewer than `k` if it never had more.
    pub fn best(&mut self, list: usize) -> impl Iterator<Item = Hit> + '_ {
        let start = list * self.capacity;
        let candidates = &mut self.buffer[start..start + self.length[list] as usize];
        candidates.sort_unstable_by(|a, b| b.cmp(a));
        candidates.iter().take(self.k).map(|key| hit(*key))
    }

    /// Number of lists.
    #[must_use]
    pub fn lists(&self) -> usize {
        self.length.len()
    }
}

/// One integer per hit that sorts as the hits do, greatest first: the score's
/// bits made monotone, above the complement of the place. Both zeros are one.
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

    proptest! {
        #[test]
        fn keys_order_as_hits_and_come_back(a in -1e3_f32..1e3, b in -1e3_f32..1e3, p: u32, q: u32) {
            let (x, y) = (Hit { score: a, place: p }, Hit { score: b, place: q });
            prop_assert_eq!(hit(key(x)), x);
            let wanted = b.total_cmp(&a).then(p.cmp(&q));
            prop_assert_eq!(key(y).cmp(&key(x)), wanted);
        }

        #[test]
        fn the_best_are_a_prefix_of_the_full_sort(
            scores in prop::collection::vec((-4_i8..4).prop_map(|s| f32::from(s) / 4.0), 1..200),
            k in 1_usize..12,
            split in 0_usize..200,
        ) {
            let hits: Vec<Hit> =
                scores.iter().enumerate().map(|(place, score)| Hit { score: *score, place: place as u32 }).collect();
            let split = split.min(hits.len());
            let (mut left, mut right) = (TopK::new(1, k), TopK::new(1, k));
            for (n, hit) in hits.iter().enumerate() {
                let list = if n < split { &mut left } else { &mut right };
                if hit.score >= list.threshold(0) {
                    list.push(0, *hit);
                }
            }
            left.merge(&right);
            let mut sorted = hits.clone();
            sorted.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.place.cmp(&b.place)));
            sorted.truncate(k);
            prop_assert_eq!(left.best(0).collect::<Vec<_>>(), sorted);
        }
    }
}
