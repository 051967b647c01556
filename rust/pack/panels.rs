//! Panels: a fixed number of vectors, interleaved so that a kernel reads one
//! word of all of them as one line. Six rows of depth 3 in panels of width 4:
//!
//! ```text
//!   rows              panels, in memory order    words
//!   0   a0 a1 a2      panel 0   a0 b0 c0 d0       0 ..  4
//!   1   b0 b1 b2                a1 b1 c1 d1       4 ..  8
//!   2   c0 c1 c2                a2 b2 c2 d2       8 .. 12
//!   3   d0 d1 d2      panel 1   e0 f0  -  -      12 .. 16
//!   4   e0 e1 e2                e1 f1  -  -      16 .. 20
//!   5   f0 f1 f2                e2 f2  -  -      20 .. 24
//! ```
//!
//! Word w of row r is word `r / width * width * depth + w * width + r % width`
//! of the memory: f2 is row 5, word 2, so 1 * 12 + 2 * 4 + 1 = 21.
//!
//! Padding (`-`) is only in the last lanes of a panel, never at the end of a
//! row. Queries fill every panel but the last one. Documents start a new panel
//! for each language and number their rows panel by panel, padding included.
//! Padding of queries and of integers is zero; a panel of documents in `f32`
//! has left-over values there, whose scores are masked.
//!
//! With widths of 16 and 32 documents, every line of a panel starts on a cache
//! line; panels of queries are read a word at a time and need no alignment.

use std::ops::Range;

use crate::matrix::Prepared;
use crate::words::Words;

/// Packed panels of equal width and depth.
pub(crate) struct Panels {
    words: Words,
    width: usize,
    depth: usize,
}

impl Panels {
    /// Panels of zeros.
    pub(crate) fn new(panels: usize, width: usize, depth: usize) -> Self {
        Self { words: Words::new(panels * width * depth), width, depth }
    }

    /// Panels that all will be packed.
    pub(crate) fn left_over(panels: usize, width: usize, depth: usize) -> Self {
        Self { words: Words::left_over(panels * width * depth), width, depth }
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

    /// All panels, some at a time.
    pub(crate) fn chunks_mut(&mut self, panels: usize) -> impl Iterator<Item = &mut [u32]> {
        let size = self.width * self.depth;
        self.words.u32_mut().chunks_mut(panels * size)
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
    use crate::kernel::portable::pack_word_by_word;

    #[test]
    fn groups_keep_the_callers_order() {
        let mut groups = Groups::default();
        groups.sort(&[9, 2, 0, 2, 2, 0], 1..6, 3);
        let panels: Vec<(usize, Vec<u32>)> = groups.panels(2).map(|(l, rows)| (l, rows.to_vec())).collect();
        assert_eq!(panels, vec![(0, vec![1, 4]), (2, vec![0, 2]), (2, vec![3])]);
    }

    #[test]
    fn words_lie_where_the_drawing_has_them() {
        let (width, depth) = (4, 3);
        let rows: Vec<u32> = (0..6 * 3).map(|n| 10 * (n / 3) + n % 3 + 1).collect();
        let mut panels = Panels::new(2, width, depth);
        for (row, vector) in rows.chunks_exact(depth).enumerate() {
            panels.put(row, vector.iter().copied());
        }
        let memory = panels.words.u32();
        for (n, value) in rows.iter().enumerate() {
            let (row, word) = (n / depth, n % depth);
            assert_eq!(memory[row / width * width * depth + word * width + row % width], *value);
        }
        assert_eq!(memory[21], 53);
        assert_eq!(panels.i32(0), [1, 11, 21, 31, 2, 12, 22, 32, 3, 13, 23, 33]);
        assert_eq!(panels.i32(1), [41, 51, 0, 0, 42, 52, 0, 0, 43, 53, 0, 0]);
        let mut panel = [0; 12];
        pack_word_by_word(width, depth, &rows[..12], &mut panel);
        assert_eq!(panel, memory[..12]);
    }
}
