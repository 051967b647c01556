//! Vectors packed for the kernels: panels of a fixed width that hold word 0
//! of all their vectors, then word 1, and so on.

use std::ops::Range;

use crate::matrix::Prepared;
use crate::pack::words::Words;

/// Packed panels of equal width and depth, the last one filled up with zeros.
pub(crate) struct Panels {
    words: Words,
    width: usize,
    depth: usize,
}

impl Panels {
    pub(crate) fn new(panels: usize, width: usize, depth: usize) -> Self {
        Self { words: Words::new(panels * width * depth), width, depth }
    }

    /// All rows of the queries, in order.
    pub(crate) fn of_queries(queries: &Prepared, width: usize) -> Self {
        let mut panels = Self::new(queries.rows().div_ceil(width), width, queries.dimension());
        for row in 0..queries.rows() {
            panels.put(row, queries.row(row).iter().map(|value| value.to_bits()));
        }
        panels
    }

    /// Words of a vector.
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    /// Writes a vector into the lane of its row.
    pub(crate) fn put(&mut self, row: usize, vector: impl Iterator<Item = u32>) {
        let (width, lane) = (self.width, row % self.width);
        for (line, word) in self.panel_mut(row / width).chunks_exact_mut(width).zip(vector) {
            line[lane] = word;
        }
    }

    pub(crate) fn f32(&self, panel: usize) -> &[f32] {
        &self.words.f32()[self.span(panel)]
    }

    pub(crate) fn i32(&self, panel: usize) -> &[i32] {
        &self.words.i32()[self.span(panel)]
    }

    pub(crate) fn panel_mut(&mut self, panel: usize) -> &mut [u32] {
        let span = self.span(panel);
        &mut self.words.u32_mut()[span]
    }

    fn span(&self, panel: usize) -> Range<usize> {
        let size = self.width * self.depth;
        panel * size..(panel + 1) * size
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

    #[test]
    fn panels_hold_component_after_component() {
        let mut panels = Panels::new(2, 2, 3);
        panels.put(0, [1, 2, 3].into_iter());
        panels.put(1, [4, 5, 6].into_iter());
        panels.put(2, [7, 8, 9].into_iter());
        assert_eq!((panels.i32(0), panels.i32(1)), (&[1, 4, 2, 5, 3, 6][..], &[7, 0, 8, 0, 9, 0][..]));
    }
}
