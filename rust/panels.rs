//! Vectors packed for the kernels: panels of a fixed width that hold
//! component 0 of all their vectors, then component 1, and so on.

use std::ops::Range;

use crate::error::RowProblem;
use crate::matrix::{Matrix, Prepared, Similarity};

/// Packed panels of equal width, the last one filled up with zeros.
pub(crate) struct Panels {
    lines: Vec<Line>,
    width: usize,
    dimension: usize,
}

/// A cache line, so that vector loads never straddle two.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; 16]);

impl Panels {
    pub(crate) fn new(panels: usize, width: usize, dimension: usize) -> Self {
        let lines = (panels * width * dimension).div_ceil(16);
        Self { lines: vec![Line([0.0; 16]); lines], width, dimension }
    }

    /// All rows, in order.
    pub(crate) fn of_queries(queries: &Prepared, width: usize) -> Self {
        let mut panels = Self::new(queries.rows().div_ceil(width), width, queries.dimension());
        for row in 0..queries.rows() {
            panels.put(row / width, row % width, queries.row(row));
        }
        panels
    }

    pub(crate) fn panel(&self, panel: usize) -> &[f32] {
        let size = self.width * self.dimension;
        &self.values()[panel * size..(panel + 1) * size]
    }

    fn put(&mut self, panel: usize, lane: usize, vector: &[f32]) {
        let (width, size) = (self.width, self.width * self.dimension);
        let panel = &mut self.values_mut()[panel * size..(panel + 1) * size];
        for (line, value) in panel.chunks_exact_mut(width).zip(vector) {
            line[lane] = *value;
        }
    }

    fn values(&self) -> &[f32] {
        // SAFETY: `Line` is exactly 16 floats without padding (64 bytes,
        // aligned to 64), so the lines are that many contiguous floats.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.lines.len() * 16) }
    }

    fn values_mut(&mut self) -> &mut [f32] {
        // SAFETY: as in `values`; the borrow is exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.lines.len() * 16) }
    }
}

/// A block of documents, packed in panels of one language each.
pub(crate) struct Block {
    panels: Panels,
    heads: Vec<Head>,
    places: Vec<u32>,
    vector: Vec<f32>,
}

/// What a panel of documents holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head {
    pub(crate) language: usize,
    pub(crate) documents: usize,
}

impl Block {
    pub(crate) fn new(panels: usize, width: usize, dimension: usize) -> Self {
        Self {
            panels: Panels::new(panels, width, dimension),
            heads: Vec::with_capacity(panels),
            places: Vec::with_capacity(panels * width),
            vector: vec![0.0; dimension],
        }
    }

    pub(crate) fn clear(&mut self) {
        self.heads.clear();
        self.places.clear();
    }

    /// Packs documents of one language as the next panel; `places` gives the
    /// place of a document in the tie order. Returns the greatest length.
    pub(crate) fn push(
        &mut self,
        matrix: &Matrix<'_>,
        similarity: Similarity,
        language: usize,
        rows: &[u32],
        first_row: usize,
        places: impl Fn(usize) -> u32,
    ) -> Result<f64, (u64, RowProblem)> {
        let (panel, width) = (self.heads.len(), self.panels.width);
        let mut longest = 0.0_f64;
        for (lane, row) in rows.iter().enumerate() {
            let row = first_row + *row as usize;
            let length = matrix.prepare_row(row, similarity, &mut self.vector).map_err(|why| (row as u64, why))?;
            longest = longest.max(length);
            self.panels.put(panel, lane, &self.vector);
            self.places.push(places(row));
        }
        // Lanes without a document keep old values; the head's count masks
        // their scores, whatever they are.
        self.places.resize((panel + 1) * width, 0);
        self.heads.push(Head { language, documents: rows.len() });
        Ok(longest)
    }

    pub(crate) fn panel(&self, panel: usize) -> (Head, &[f32], &[u32]) {
        let places = panel * self.panels.width..(panel + 1) * self.panels.width;
        (self.heads[panel], self.panels.panel(panel), &self.places[places])
    }

    pub(crate) fn len(&self) -> usize {
        self.heads.len()
    }

    pub(crate) fn documents(&self) -> usize {
        self.heads.iter().map(|head| head.documents).sum()
    }
}

/// The rows of a stretch of documents grouped by language, each group in the
/// caller's order: a stable counting sort.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    rows: Vec<u32>,
    ends: Vec<u32>,
}

impl Groups {
    /// Groups the rows `stretch`; row numbers are counted from its start.
    pub(crate) fn sort(&mut self, languages: &[u16], stretch: Range<usize>, language_count: usize) {
        let languages = &languages[stretch];
        self.ends.clear();
        self.ends.resize(language_count + 1, 0);
        for language in languages {
            self.ends[usize::from(*language) + 1] += 1;
        }
        for language in 0..language_count {
            self.ends[language + 1] += self.ends[language];
        }
        self.rows.resize(languages.len(), 0);
        for (row, language) in languages.iter().enumerate() {
            let next = &mut self.ends[usize::from(*language)];
            self.rows[*next as usize] = row as u32;
            *next += 1;
        }
    }

    /// Panels of at most `width` rows, each of one language.
    pub(crate) fn panels(&self, width: usize) -> impl Iterator<Item = (usize, &[u32])> {
        // After the sort, `ends[language]` is where its group ends.
        let language_count = self.ends.len() - 1;
        (0..language_count).flat_map(move |language| {
            let start = if language == 0 { 0 } else { self.ends[language - 1] as usize };
            let group = &self.rows[start..self.ends[language] as usize];
            group.chunks(width).map(move |rows| (language, rows))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_keep_the_callers_order() {
        let mut groups = Groups::default();
        groups.sort(&[9, 2, 0, 2, 2, 0], 1..6, 3);
        let panels: Vec<(usize, Vec<u32>)> = groups.panels(2).map(|(l, rows)| (l, rows.to_vec())).collect();
        assert_eq!(panels, vec![(0, vec![1, 4]), (2, vec![0, 2]), (2, vec![3])]);
    }
}
