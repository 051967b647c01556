//! A synthetic pool: random directions, and relevant documents near their
//! query, in several languages.

use clinometer::{
    Control, Elements, Isa, Matrix, Outcome, Precision, Prepared, Scan, Shape, Similarity, Targets, score_pairs,
};

/// Relevant documents of each query.
const RELEVANT: usize = 4;

pub(crate) struct Pool {
    queries: Prepared,
    documents: Vec<f32>,
    dimension: usize,
    languages: Vec<u16>,
    language_count: usize,
    indptr: Vec<i64>,
    target_places: Vec<u32>,
    target_scores: Vec<f32>,
}

/// xorshift64*: numbers in [-1, 1).
fn numbers(mut state: u64) -> impl FnMut() -> f32 {
    move || {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        ((state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 40) as f32) / (1_u64 << 23) as f32 - 1.0
    }
}

impl Pool {
    pub(crate) fn new(query_count: usize, rows: usize, dimension: usize, language_count: usize) -> Self {
        let mut next = numbers(2026);
        let mut documents: Vec<f32> = (0..rows * dimension).map(|_| next()).collect();
        let queries: Vec<f32> = (0..query_count * dimension).map(|_| next()).collect();
        let mut target_places = Vec::new();
        for query in 0..query_count {
            let vector = &queries[query * dimension..(query + 1) * dimension];
            for n in 0..RELEVANT {
                let row = (query * RELEVANT + n) * (rows / (query_count * RELEVANT));
                let nearness = 0.1 * (n + 1) as f32;
                for (value, q) in documents[row * dimension..].iter_mut().zip(vector) {
                    *value += nearness * q;
                }
                target_places.push(row as u32);
            }
        }
        let matrix = Matrix::new(Elements::F32(&queries), query_count, dimension).unwrap();
        let queries = matrix.prepare(Similarity::Cosine, "queries").unwrap();
        let pairs: Vec<(u32, u32)> =
            target_places.iter().enumerate().map(|(n, row)| ((n / RELEVANT) as u32, *row)).collect();
        let matrix = Matrix::new(Elements::F32(&documents), rows, dimension).unwrap();
        let target_scores = score_pairs(&queries, &matrix, Similarity::Cosine, &pairs, 1, Isa::detect()).unwrap();
        Self {
            queries,
            dimension,
            languages: (0..rows).map(|row| (row % language_count) as u16).collect(),
            language_count,
            indptr: (0..=query_count).map(|query| (query * RELEVANT) as i64).collect(),
            target_places,
            target_scores,
            documents,
        }
    }

    /// Floating-point operations of one scan.
    pub(crate) fn operations(&self) -> u64 {
        2 * (self.queries.rows() * self.languages.len() * self.dimension) as u64
    }

    pub(crate) fn scan(&self, isa: Isa, precision: Precision, relevant: bool, k: usize, threads: usize) -> Outcome {
        let none = vec![0; self.indptr.len()];
        let targets = if relevant {
            Targets::new(&self.indptr, &self.target_scores, &self.target_places).unwrap()
        } else {
            Targets::new(&none, &[], &[]).unwrap()
        };
        let scan = Scan {
            queries: &self.queries,
            documents: Matrix::new(Elements::F32(&self.documents), self.languages.len(), self.dimension).unwrap(),
            languages: &self.languages,
            language_count: self.language_count,
            places: None,
            first_place: 0,
            targets,
            similarity: Similarity::Cosine,
            k,
            per_language: false,
            precision,
            shape: Shape { threads, isa, ..Shape::default() },
        };
        scan.run(&Control::new()).unwrap()
    }
}
