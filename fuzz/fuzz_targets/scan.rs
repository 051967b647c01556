//! A scan of arbitrary bits against a full sort of all canonical scores: ranks and lists are equal in every bit, and
//! what cannot be scored is an error. It covers packing, counting and the lists, which have no other entrance.

#![no_main]

use arbitrary::Arbitrary;
use clinometer::{Control, Elements, Isa, Matrix, Precision, Scan, Shape, Similarity, Targets, chain};
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Arbitrary)]
struct Input {
    dimension: u8,
    bits: Vec<u32>,
    queries: u8,
    languages: Vec<u8>,
    picks: Vec<(u8, u8)>,
    k: u8,
    dot: bool,
    per_language: bool,
    precision: u8,
    threads: u8,
    block: u8,
    isa: u8,
}

const LANGUAGES: usize = 4;

fuzz_target!(|input: Input| {
    let dimension = usize::from(input.dimension % 40) + 1;
    let values: Vec<f32> = input.bits.iter().map(|bits| f32::from_bits(*bits)).collect();
    let rows = values.len() / dimension;
    if rows < 2 {
        return;
    }
    let query_count = usize::from(input.queries) % (rows - 1) + 1;
    let (query_values, rest) = values.split_at(query_count * dimension);
    let count = rows - query_count;
    let document_values = &rest[..count * dimension];
    let similarity = if input.dot { Similarity::Dot } else { Similarity::Cosine };
    let (Ok(queries), Ok(documents)) = (
        Matrix::new(Elements::F32(query_values), query_count, dimension),
        Matrix::new(Elements::F32(document_values), count, dimension),
    ) else {
        return;
    };
    let (Ok(queries), Ok(ready)) =
        (queries.prepare(similarity, "queries"), documents.prepare(similarity, "documents"))
    else {
        return;
    };
    let languages: Vec<u16> = (0..count)
        .map(|row| u16::from(input.languages.get(row).copied().unwrap_or(0)) % LANGUAGES as u16)
        .collect();
    let score = |query: usize, row: usize| chain(queries.row(query), ready.row(row));

    // Targets by query, each once.
    let mut targets: Vec<(usize, usize)> =
        input.picks.iter().map(|(q, d)| (usize::from(*q) % query_count, usize::from(*d) % count)).collect();
    targets.sort_unstable();
    targets.dedup();
    let mut indptr = vec![0_i64; query_count + 1];
    for (query, _) in &targets {
        indptr[query + 1] += 1;
    }
    for query in 0..query_count {
        indptr[query + 1] += indptr[query];
    }
    let scores: Vec<f32> = targets.iter().map(|(query, row)| score(*query, *row)).collect();
    let places: Vec<u32> = targets.iter().map(|(_, row)| *row as u32).collect();
    let Ok(relevant) = Targets::new(&indptr, &scores, &places) else {
        return;
    };
    let sets = Isa::available();
    let k = usize::from(input.k % 20);
    let scan = Scan {
        queries: &queries,
        documents,
        languages: &languages,
        language_count: LANGUAGES,
        places: None,
        first_place: 0,
        targets: relevant,
        similarity,
        k,
        per_language: input.per_language,
        precision: [Precision::Auto, Precision::Float32, Precision::Int16Certified][usize::from(input.precision % 3)],
        shape: Shape {
            threads: usize::from(input.threads % 3) + 1,
            block: usize::from(input.block),
            isa: sets[usize::from(input.isa) % sets.len()],
            read_ahead: false,
        },
    };
    // Rows too long for dot products are an error, as they should be.
    let Ok(outcome) = scan.run(&Control::new()) else {
        assert!(input.dot);
        return;
    };
    for (target, (query, row)) in targets.iter().enumerate() {
        for language in 0..LANGUAGES {
            let others = (0..count).filter(|other| usize::from(languages[*other]) == language && other != row);
            let bar = score(*query, *row);
            let expected = others.fold((0, 0, 0), |(greater, equal, before), other| {
                let other_score = score(*query, other);
                let ties = other_score == bar;
                (
                    greater + u32::from(other_score > bar),
                    equal + u32::from(ties),
                    before + u32::from(ties && other < *row),
                )
            });
            let at = language * targets.len() + target;
            let counts = &outcome.counts;
            assert_eq!((counts.greater[at], counts.equal[at], counts.before[at]), expected);
        }
    }
    if k == 0 {
        return;
    }
    for query in 0..query_count {
        for language in 0..if input.per_language { LANGUAGES } else { 1 } {
            let mut order: Vec<usize> =
                (0..count).filter(|row| !input.per_language || usize::from(languages[*row]) == language).collect();
            order.sort_by(|a, b| {
                score(query, *b).partial_cmp(&score(query, *a)).unwrap_or(std::cmp::Ordering::Equal).then(a.cmp(b))
            });
            let list = if input.per_language { query * LANGUAGES + language } else { query };
            let best: Vec<usize> = outcome.top.best(list).map(|hit| hit.place as usize).collect();
            assert_eq!(best, order[..k.min(order.len())]);
        }
    }
});
