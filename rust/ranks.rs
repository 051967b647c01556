//! Targets (the relevant documents) and the counts that make their ranks.

use crate::error::{Error, Result};
use crate::memory::zeros;

/// The relevant documents by query (CSR), each known to the scan only by its
/// score and its place in the tie order.
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
        let ascends = indptr.windows(2).all(|pair| pair[0] <= pair[1]);
        let ends = indptr.first() == Some(&0) && indptr.last() == Some(&(scores.len() as i64));
        if scores.len() != places.len() || !ascends || !ends {
            return Err(Error::Shape(format!(
                "indptr must ascend from 0 to the number of relevant documents ({})",
                scores.len()
            )));
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

/// Documents per language that score above, tie with, and (among the tied)
/// precede each target. Counts of disjoint sets of documents add up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts {
    targets: usize,
    /// Higher score: `greater[language * targets + target]`.
    pub greater: Vec<u32>,
    /// Same score, the target itself left out.
    pub equal: Vec<u32>,
    /// Same score and an earlier place.
    pub before: Vec<u32>,
}

impl Counts {
    pub(crate) fn new(targets: usize, languages: usize) -> Result<Self> {
        let size = [targets, languages];
        Ok(Self { targets, greater: zeros(&size)?, equal: zeros(&size)?, before: zeros(&size)? })
    }

    /// The counts of higher scores in one language.
    #[inline(always)]
    pub(crate) fn greater_of(&mut self, language: usize, targets: std::ops::Range<usize>) -> &mut [u32] {
        let start = language * self.targets;
        &mut self.greater[start + targets.start..start + targets.end]
    }

    /// Counts one document whose score equals the target's.
    pub(crate) fn add_tie(&mut self, language: usize, target: usize, target_place: u32, place: u32) {
        if place == target_place {
            return; // the target itself, known by its place and never by its score
        }
        let at = language * self.targets + target;
        self.equal[at] += 1;
        self.before[at] += u32::from(place < target_place);
    }

    /// Adds the counts of other documents against the same targets.
    pub(crate) fn merge(&mut self, other: &Self) {
        let pairs =
            [(&mut self.greater, &other.greater), (&mut self.equal, &other.equal), (&mut self.before, &other.before)];
        for (mine, theirs) in pairs {
            for (sum, more) in mine.iter_mut().zip(theirs) {
                *sum += more;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_itself_does_not_tie() {
        let mut counts = Counts::new(1, 2).unwrap();
        for place in [3, 7, 9] {
            counts.add_tie(1, 0, 7, place);
        }
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
