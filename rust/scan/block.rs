//! A block of documents on its way through the kernels: made ready once,
//! packed in panels of one language each.

use crate::error::RowProblem;
use crate::kernel::Kernel;
use crate::pack::int16::{Bound, encode, greatest};
use crate::pack::panels::Panels;
use crate::scan::Scan;
use crate::words::Words;

/// Rows fetched into the cache before they are read: those of one language
/// are seldom neighbours, and the processor does not guess the next one.
const AHEAD: usize = 4;

/// A block of documents. Its rows are numbered panel by panel, so rows of a
/// panel that is not full are skipped.
pub(crate) struct Block {
    /// Rows ready for scoring, one after another.
    rows: Words,
    /// None until a block is first packed so: with integers, perhaps never.
    panels: Option<Panels>,
    codes: Option<Codes>,
    heads: Vec<Head>,
    places: Vec<u32>,
    dimension: usize,
}

/// The rows once more, as integers.
struct Codes {
    panels: Panels,
    /// Rows of one panel, before they are packed.
    rows: Words,
}

/// What a panel of documents holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head {
    pub(crate) language: usize,
    pub(crate) documents: usize,
}

impl Head {
    /// One bit for each document of the panel.
    #[inline(always)]
    pub(crate) fn filled(self) -> u32 {
        u32::MAX >> (32 - self.documents as u32)
    }
}

impl Block {
    pub(crate) fn new<K: Kernel>(panels: usize, dimension: usize, coded: bool) -> Self {
        let codes = || {
            let depth = K::code_depth(dimension);
            Codes { panels: Panels::left_over(panels, K::DOCUMENTS, depth), rows: Words::new(K::DOCUMENTS * depth) }
        };
        Self {
            rows: Words::left_over(panels * K::DOCUMENTS * dimension),
            panels: None,
            codes: coded.then(codes),
            heads: Vec::with_capacity(panels),
            places: Vec::with_capacity(panels * K::DOCUMENTS),
            dimension,
        }
    }

    pub(crate) fn clear(&mut self) {
        self.heads.clear();
        self.places.clear();
    }

    /// Takes documents of one language as the next panel; rows that cannot
    /// be scored go to `bad`.
    #[inline(always)]
    pub(crate) fn push<K: Kernel>(
        &mut self,
        kernel: K,
        scan: &Scan<'_>,
        language: usize,
        rows: impl ExactSizeIterator<Item = usize> + Clone,
        bad: &mut Vec<(u64, RowProblem)>,
    ) {
        let matrix = &scan.documents;
        let start = self.heads.len() * K::DOCUMENTS;
        let documents = rows.len();
        let space = self.rows.f32_mut()[start * self.dimension..].chunks_exact_mut(self.dimension);
        rows.clone().take(AHEAD).for_each(|row| matrix.prefetch(row));
        let mut ahead = rows.clone().skip(AHEAD);
        for (row, vector) in rows.zip(space) {
            if let Some(row) = ahead.next() {
                matrix.prefetch(row);
            }
            if let Err(problem) = scan.prepare(kernel, row, vector) {
                bad.push((row as u64, problem));
            }
            self.places.push(scan.place(row));
        }
        self.places.resize(start + K::DOCUMENTS, 0);
        self.heads.push(Head { language, documents });
    }

    /// Packs the panels. Lanes without a document keep old values; the head
    /// masks their scores, whatever they are.
    #[inline(always)]
    pub(crate) fn pack<K: Kernel>(&mut self, kernel: K) {
        let rows = self.rows.u32().chunks_exact(K::DOCUMENTS * self.dimension);
        let panels = self.panels.get_or_insert_with(|| Panels::left_over(rows.len(), K::DOCUMENTS, self.dimension));
        for (panel, rows) in rows.take(self.heads.len()).enumerate() {
            kernel.pack(self.dimension, rows, panels.panel_mut(panel));
        }
    }

    /// Packs the panels as integers and returns what bounds their error, and
    /// the unit of their scores; None if the block keeps no codes.
    #[inline(always)]
    pub(crate) fn pack_codes<K: Kernel>(&mut self, kernel: K) -> Option<(Bound, f64)> {
        let codes = self.codes.as_mut()?;
        let depth = codes.panels.depth();
        let panels = || self.rows.f32().chunks_exact(K::DOCUMENTS * self.dimension).zip(&self.heads);
        let most = panels().map(|(rows, head)| greatest(&rows[..head.documents * self.dimension])).fold(0.0, f32::max);
        let scale = K::CODING.scale(most);
        let mut bound = Bound::default();
        for (panel, (rows, head)) in panels().enumerate() {
            let space = codes.rows.i16_mut();
            for (row, code) in
                rows.chunks_exact(self.dimension).zip(space.chunks_exact_mut(2 * depth)).take(head.documents)
            {
                bound = bound.max(encode(K::CODING, scale, row, code));
                kernel.arrange(code);
            }
            space[head.documents * 2 * depth..].fill(0);
            kernel.pack(depth, codes.rows.u32(), codes.panels.panel_mut(panel));
        }
        Some((bound, f64::from(scale) * K::CODING.unit))
    }

    pub(crate) fn head(&self, panel: usize) -> Head {
        self.heads[panel]
    }

    /// The places of a panel's documents.
    pub(crate) fn places<K: Kernel>(&self, panel: usize) -> &[u32] {
        &self.places[panel * K::DOCUMENTS..(panel + 1) * K::DOCUMENTS]
    }

    /// A panel; empty if the block is not packed so.
    pub(crate) fn panel(&self, panel: usize) -> &[f32] {
        self.panels.as_ref().map_or(&[], |panels| panels.f32(panel))
    }

    /// The panels as integers; empty if the block keeps none.
    pub(crate) fn codes(&self, panel: usize) -> &[i32] {
        self.codes.as_ref().map_or(&[], |codes| codes.panels.i32(panel))
    }

    /// One row, ready for scoring.
    pub(crate) fn row(&self, row: usize) -> &[f32] {
        &self.rows.f32()[row * self.dimension..(row + 1) * self.dimension]
    }

    pub(crate) fn place(&self, row: usize) -> u32 {
        self.places[row]
    }

    pub(crate) fn len(&self) -> usize {
        self.heads.len()
    }

    pub(crate) fn documents(&self) -> usize {
        self.heads.iter().map(|head| head.documents).sum()
    }
}
