//! Scans by a full sort of all canonical scores, to compare with.

use clinometer::{Control, Elements, Isa, Matrix, Precision, Scan, Shape, Similarity, Targets, chain};
use half::f16;

/// One problem: everything that may show in a result.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) dimension: usize,
    pub(crate) queries: Vec<f32>,
    pub(crate) documents: Vec<f32>,
    pub(crate) half: bool,
    pub(crate) languages: Vec<u16>,
    pub(crate) language_count: usize,
    pub(crate) places: Option<Vec<u32>>,
    /// Relevant rows of each query.
    pub(crate) relevant: Vec<Vec<usize>>,
    pub(crate) similarity: Similarity,
    pub(crate) k: usize,
    pub(crate) per_language: bool,
}

/// Everything that may not.
#[derive(Debug, Clone)]
pub(crate) struct Cut {
    pub(crate) isa: Isa,
    pub(crate) precision: Precision,
    pub(crate) threads: usize,
    pub(crate) block: usize,
    /// Where the shards end; the last one ends with the documents.
    pub(crate) ends: Vec<usize>,
}

/// Counts in the order of `Counts`, and per list the bits of the scores and
/// the places.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) greater: Vec<u32>,
    pub(crate) equal: Vec<u32>,
    pub(crate) before: Vec<u32>,
    pub(crate) lists: Vec<Vec<(u32, u32)>>,
}

impl Case {
    pub(crate) fn rows(&self) -> usize {
        self.languages.len()
    }

    fn place(&self, row: usize) -> u32 {
        self.places.as_ref().map_or(row as u32, |places| places[row])
    }

    fn lists(&self) -> usize {
        self.relevant.len() * if self.per_language { self.language_count } else { 1 }
    }

    fn indptr(&self) -> Vec<i64> {
        let mut indptr = vec![0];
        for rows in &self.relevant {
            indptr.push(indptr[indptr.len() - 1] + rows.len() as i64);
        }
        indptr
    }

    /// The values as they are stored: halves lose precision first.
    fn stored(&self) -> Vec<f32> {
        let round = |v: &f32| if self.half { f16::from_f32(*v).to_f32() } else { *v };
        self.documents.iter().map(round).collect()
    }

    fn scores(&self) -> Vec<Vec<f32>> {
        let stored = self.stored();
        let documents = Matrix::new(Elements::F32(&stored), self.rows(), self.dimension).unwrap();
        let queries = Matrix::new(Elements::F32(&self.queries), self.relevant.len(), self.dimension).unwrap();
        let documents = documents.prepare(self.similarity, "documents").unwrap();
        let queries = queries.prepare(self.similarity, "queries").unwrap();
        let of_query = |q| (0..self.rows()).map(|row| chain(queries.row(q), documents.row(row))).collect();
        (0..self.relevant.len()).map(of_query).collect()
    }

    /// By a full sort.
    pub(crate) fn oracle(&self) -> Answer {
        let scores = self.scores();
        let targets: Vec<(usize, usize)> = (0..self.relevant.len())
            .flat_map(|query| self.relevant[query].iter().map(move |target| (query, *target)))
            .collect();
        let count = |applies: &dyn Fn(f32, f32, u32, u32) -> bool| -> Vec<u32> {
            let mut counts = vec![0; self.language_count * targets.len()];
            for (n, (query, target)) in targets.iter().enumerate() {
                for row in (0..self.rows()).filter(|row| row != target) {
                    let (score, bar) = (scores[*query][row], scores[*query][*target]);
                    let at = usize::from(self.languages[row]) * targets.len() + n;
                    counts[at] += u32::from(applies(score, bar, self.place(row), self.place(*target)));
                }
            }
            counts
        };
        let list = |list: usize| -> Vec<(u32, u32)> {
            let per_query = self.lists() / self.relevant.len();
            let (query, language) = (list / per_query, list % per_query);
            let mine = |row: &usize| !self.per_language || usize::from(self.languages[*row]) == language;
            let mut rows: Vec<usize> = (0..self.rows()).filter(mine).collect();
            let score = |row: usize| scores[query][row];
            rows.sort_by(|a, b| score(*b).partial_cmp(&score(*a)).unwrap().then(self.place(*a).cmp(&self.place(*b))));
            rows.iter().take(self.k).map(|row| ((score(*row) + 0.0).to_bits(), self.place(*row))).collect()
        };
        Answer {
            greater: count(&|s, t, _, _| s > t),
            equal: count(&|s, t, _, _| s == t),
            before: count(&|s, t, p, q| s == t && p < q),
            lists: if self.k > 0 { (0..self.lists()).map(list).collect() } else { Vec::new() },
        }
    }

    /// By one scan per shard, added up.
    pub(crate) fn scan(&self, cut: &Cut) -> Answer {
        self.scan_counting(cut).0
    }

    /// Also returns the number of scores that integers left to the chain.
    pub(crate) fn scan_counting(&self, cut: &Cut) -> (Answer, u64) {
        let mut rescored = 0;
        let scores = self.scores();
        let query_matrix = Matrix::new(Elements::F32(&self.queries), self.relevant.len(), self.dimension).unwrap();
        let queries = query_matrix.prepare(self.similarity, "queries").unwrap();
        let indptr = self.indptr();
        let target_rows: Vec<(usize, usize)> =
            self.relevant.iter().enumerate().flat_map(|(q, rows)| rows.iter().map(move |row| (q, *row))).collect();
        let target_scores: Vec<f32> = target_rows.iter().map(|(query, row)| scores[*query][*row]).collect();
        let target_places: Vec<u32> = target_rows.iter().map(|(_, row)| self.place(*row)).collect();
        let stored = self.stored();
        let halves: Vec<f16> = stored.iter().map(|v| f16::from_f32(*v)).collect();
        let cells = self.language_count * target_rows.len();
        let mut sum = Answer {
            greater: vec![0; cells],
            equal: vec![0; cells],
            before: vec![0; cells],
            lists: vec![Vec::new(); if self.k > 0 { self.lists() } else { 0 }],
        };
        let mut start = 0;
        for end in cut.ends.iter().copied().chain([self.rows()]) {
            let span = start * self.dimension..end * self.dimension;
            let elements = if self.half { Elements::F16(&halves[span]) } else { Elements::F32(&stored[span]) };
            let scan = Scan {
                queries: &queries,
                documents: Matrix::new(elements, end - start, self.dimension).unwrap(),
                languages: &self.languages[start..end],
                language_count: self.language_count,
                places: self.places.as_ref().map(|places| &places[start..end]),
                first_place: start as u32,
                targets: Targets::new(&indptr, &target_scores, &target_places).unwrap(),
                similarity: self.similarity,
                k: self.k,
                per_language: self.per_language,
                precision: cut.precision,
                shape: Shape {
                    threads: cut.threads,
                    block: cut.block,
                    isa: cut.isa,
                    read_ahead: cut.block.is_multiple_of(2),
                },
            };
            let control = Control::new();
            let outcome = scan.run(&control).unwrap();
            assert_eq!(control.documents(), (end - start) as u64);
            rescored += outcome.rescored;
            let counts = &outcome.counts;
            for (sum, part) in [
                (&mut sum.greater, &counts.greater),
                (&mut sum.equal, &counts.equal),
                (&mut sum.before, &counts.before),
            ] {
                sum.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
            }
            for (list, merged) in sum.lists.iter_mut().enumerate() {
                let best = outcome.top.best(list).map(|hit| (hit.score, hit.place));
                let mut hits: Vec<(f32, u32)> = merged.iter().map(|(s, p)| (f32::from_bits(*s), *p)).collect();
                hits.extend(best);
                hits.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
                hits.truncate(self.k);
                *merged = hits.iter().map(|(score, place)| (score.to_bits(), *place)).collect();
            }
            start = end;
        }
        (sum, rescored)
    }
}
