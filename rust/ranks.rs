//! Targets (the relevant documents) and the counts that make their ranks.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::error::{Error, Result};
use crate::memory::{plain, zeros};

/// The relevant documents by query (CSR), each known to the scan only by its
/// canonical score and its place in the tie order.
#[derive(Debug, Clone, Copy)]
pub struct Targets<'a> {
    indptr: &'a [i64],
    scores: &'a [f32],
    places: &'a [u32],
}

impl<'a> Targets<'a> {
    /// Targets `indptr[q]..indptr[q + 1]` belong to query q.
    ///
    /// # Errors
    /// The columns differ in length or `indptr` does not ascend from 0 to
    /// their length.
    pub fn new(indptr: &'a [i64], scores: &'a [f32], places: &'a [u32]) -> Result<Self> {
        check_indptr(indptr, scores.len())?;
        if scores.len() != places.len() {
            return Err(Error::Shape(format!("{} places of {} relevant documents", places.len(), scores.len())));
        }
        if let Some(target) = scores.iter().position(|score| score.is_nan()) {
            return Err(Error::Shape(format!("the score of relevant document {target} is NaN")));
        }
        Ok(Self { indptr, scores, places })
    }

    /// Number of targets.
    #[must_use]
    pub fn len(&self) -> usize {
        self.scores.len()
    }

    /// Whether the number of targets is 0.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.scores.is_empty()
    }

    /// No targets, for any number of queries.
    pub(crate) const NONE: Targets<'static> = Targets { indptr: &[], scores: &[], places: &[] };

    /// Number of queries that the columns are for.
    pub(crate) fn queries(&self) -> usize {
        self.indptr.len() - 1
    }

    #[inline(always)]
    pub(crate) fn of_query(&self, query: usize) -> std::ops::Range<usize> {
        if self.scores.is_empty() {
            return 0..0;
        }
        self.indptr[query] as usize..self.indptr[query + 1] as usize
    }

    #[inline(always)]
    pub(crate) fn scores(&self, targets: std::ops::Range<usize>) -> &'a [f32] {
        &self.scores[targets]
    }

    #[inline(always)]
    pub(crate) fn score(&self, target: usize) -> f32 {
        self.scores[target]
    }

    pub(crate) fn place(&self, target: usize) -> u32 {
        self.places[target]
    }
}

/// Refuses a CSR that does not ascend from 0 to the number of targets.
pub(crate) fn check_indptr(indptr: &[i64], targets: usize) -> Result<()> {
    let ascends = indptr.windows(2).all(|pair| pair[0] <= pair[1]);
    if ascends && indptr.first() == Some(&0) && indptr.last() == Some(&(targets as i64)) {
        return Ok(());
    }
    Err(Error::Shape(format!("indptr must ascend from 0 to the number of relevant documents ({targets})")))
}

/// Documents per language that score above, tie with, and (among the tied)
/// precede each target. Counts of disjoint sets of documents add up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts {
    /// Higher score: `greater[language * targets + target]`.
    pub greater: Vec<u32>,
    /// Same score, the target itself left out.
    pub equal: Vec<u32>,
    /// Same score and an earlier place.
    pub before: Vec<u32>,
}

impl Counts {
    /// The higher scores that each thread counted, and the ties of all.
    pub(crate) fn of(higher: Vec<Vec<u32>>, ties: Ties) -> Result<Self> {
        let mut higher = higher.into_iter();
        let mut greater = higher.next().ok_or(Error::Worker)?;
        for other in higher {
            greater.iter_mut().zip(other).for_each(|(sum, more)| *sum += more);
        }
        Ok(Self { greater, equal: plain(ties.equal), before: plain(ties.before) })
    }
}

/// Ties with each target. They are few, so all threads count them in one
/// place, of which pages without a tie are never in memory.
#[derive(Debug)]
pub(crate) struct Ties {
    targets: usize,
    equal: Vec<AtomicU32>,
    before: Vec<AtomicU32>,
}

impl Ties {
    pub(crate) fn new(targets: usize, languages: usize) -> Result<Self> {
        let size = [targets, languages];
        Ok(Self { targets, equal: zeros(&size)?, before: zeros(&size)? })
    }
}

/// The counts of one thread.
#[derive(Debug)]
pub(crate) struct ThreadCounts<'t> {
    greater: Vec<u32>,
    ties: &'t Ties,
}

impl<'t> ThreadCounts<'t> {
    pub(crate) fn new(languages: usize, ties: &'t Ties) -> Result<Self> {
        Ok(Self { greater: zeros(&[ties.targets, languages])?, ties })
    }

    /// The counts of higher scores alone.
    pub(crate) fn higher(self) -> Vec<u32> {
        self.greater
    }

    /// The counts of higher scores in one language.
    #[inline(always)]
    pub(crate) fn greater_of(&mut self, language: usize, targets: std::ops::Range<usize>) -> &mut [u32] {
        let start = language * self.ties.targets;
        &mut self.greater[start + targets.start..start + targets.end]
    }

    /// Counts one document whose score equals the target's.
    pub(crate) fn add_tie(&self, language: usize, target: usize, target_place: u32, place: u32) {
        if place == target_place {
            return; // the target itself, known by its place and never by its score
        }
        let at = language * self.ties.targets + target;
        self.ties.equal[at].fetch_add(1, Ordering::Relaxed);
        if place < target_place {
            self.ties.before[at].fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_itself_does_not_tie() {
        let ties = Ties::new(1, 2).unwrap();
        let mut threads = [(); 2].map(|()| ThreadCounts::new(2, &ties).unwrap());
        for (n, place) in [3, 7, 9].into_iter().enumerate() {
            threads[n % 2].add_tie(1, 0, 7, place);
            threads[n % 2].greater_of(0, 0..1)[0] += 1;
        }
        let higher = threads.map(ThreadCounts::higher);
        let counts = Counts::of(higher.into(), ties).unwrap();
        assert_eq!(counts.greater, [3, 0]);
        assert_eq!((counts.equal, counts.before), (vec![0, 2], vec![0, 1]));
    }

    #[test]
    fn indptr_is_checked() {
        let (scores, places) = ([0.5, 0.25], [0, 1]);
        assert!(Targets::new(&[0, 1, 2], &scores, &places).is_ok());
        for indptr in [&[0, 2, 1, 2][..], &[0, 1], &[1, 2], &[]] {
            assert!(Targets::new(indptr, &scores, &places).is_err());
        }
        assert!(Targets::new(&[0, 2], &[0.5, f32::NAN], &places).is_err());
    }
}
