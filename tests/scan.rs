//! Scans against a full sort of all canonical scores: equal in every bit,
//! however the work is cut.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod oracle;

use clinometer::{Control, Elements, Error, Isa, Matrix, Precision, RowProblem, Scan, Shape, Similarity, Targets};
use oracle::{Case, Cut};
use proptest::prelude::*;

/// Rows taken from a few, so that many are duplicates; a zero row becomes a
/// unit row.
fn rows(dimension: usize, most: usize) -> impl Strategy<Value = Vec<f32>> {
    let component = prop_oneof![
        6 => -1.0_f32..1.0,
        2 => (-2_i8..=2).prop_map(|v| f32::from(v) / 2.0),
        1 => Just(0.0),
        1 => Just(-0.0),
        1 => prop_oneof![Just(1e-40_f32), Just(3e-8), Just(900.0)],
    ];
    let row = prop::collection::vec(component, dimension).prop_map(|mut row| {
        // Halves lose what is below 2^-24.
        if row.iter().all(|v| v.abs() < 1e-6) {
            row[0] = 1.0;
        }
        row
    });
    (prop::collection::vec(row, 1..=12), prop::collection::vec(any::<prop::sample::Index>(), 1..=most))
        .prop_map(|(few, picks)| picks.iter().flat_map(|pick| few[pick.index(few.len())].clone()).collect())
}

fn cases() -> impl Strategy<Value = Case> {
    let shape = (1_usize..40, 1_usize..6, any::<bool>(), any::<bool>(), any::<bool>(), 0_usize..12, any::<bool>());
    shape.prop_flat_map(|(dimension, language_count, half, cosine, placed, k, per_language)| {
        (prop_oneof![rows(dimension, 4), rows(dimension, 20)], rows(dimension, 150)).prop_flat_map(
            move |(queries, documents)| {
                let (query_count, count) = (queries.len() / dimension, documents.len() / dimension);
                let places = Just((0..count as u32).collect::<Vec<u32>>()).prop_shuffle();
                let languages = prop::collection::vec(0..language_count as u16, count);
                let relevant =
                    prop::collection::vec(prop::collection::btree_set(0..count, 0..4.min(count + 1)), query_count);
                (places, languages, relevant).prop_map(move |(places, languages, relevant)| Case {
                    dimension,
                    queries: queries.clone(),
                    documents: documents.clone(),
                    half,
                    languages,
                    language_count,
                    places: placed.then_some(places),
                    relevant: relevant.into_iter().map(|rows| rows.into_iter().collect()).collect(),
                    similarity: if cosine { Similarity::Cosine } else { Similarity::Dot },
                    k,
                    per_language,
                })
            },
        )
    })
}

type Ways = (Vec<prop::sample::Index>, usize, usize, prop::sample::Index, Precision);

fn cuts() -> impl Strategy<Value = Ways> {
    let precision = prop::sample::select(vec![Precision::Float32, Precision::Int16Certified, Precision::Auto]);
    let ends = prop::collection::vec(any::<prop::sample::Index>(), 0..3);
    (ends, 1_usize..5, 1_usize..41, any::<prop::sample::Index>(), precision)
}

fn cut(case: &Case, ways: Ways) -> Cut {
    let (ends, threads, block, isa, precision) = ways;
    let mut ends: Vec<usize> = ends.iter().map(|end| end.index(case.rows() + 1)).collect();
    ends.sort_unstable();
    Cut { isa: *isa.get(&Isa::available()), precision, threads, block, ends }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn scans_equal_a_full_sort((case, how) in (cases(), cuts())) {
        let cut = cut(&case, how);
        prop_assert_eq!(case.scan(&cut), case.oracle());
    }
}

/// xorshift64*: numbers in [-1, 1).
fn numbers(count: usize, mut state: u64) -> Vec<f32> {
    let mut next = || {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        ((state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 40) as f32) / (1_u64 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// A pool large enough for floors: a sample of every 64th document.
fn large(queries: usize, rows: usize, dimension: usize) -> Case {
    Case {
        dimension,
        queries: numbers(queries * dimension, 1),
        documents: numbers(rows * dimension, 2),
        half: false,
        languages: (0..rows).map(|row| (row * row % 3) as u16).collect(),
        language_count: 3,
        places: None,
        relevant: (0..queries).map(|query| vec![query, rows / 2, rows - 1 - query]).collect(),
        similarity: Similarity::Cosine,
        k: 10,
        per_language: false,
    }
}

/// Scans in every arithmetic and with every kernel; returns the scores that
/// the certified integers of the best kernel left to the canonical chain.
fn check(case: &Case) -> u64 {
    let expected = case.oracle();
    let mut rescored = Vec::new();
    for isa in Isa::available() {
        for precision in [Precision::Float32, Precision::Int16Certified, Precision::Auto] {
            let cut = Cut { isa, precision, threads: 2, block: 100, ends: Vec::new() };
            let (answer, scores) = case.scan_counting(&cut);
            assert!(answer == expected, "{isa:?} {precision:?}");
            assert!(precision != Precision::Float32 || scores == 0);
            rescored.extend((precision == Precision::Int16Certified).then_some(scores));
        }
    }
    rescored[0]
}

#[test]
fn floors_do_not_show() {
    for (k, per_language) in [(10, false), (700, false), (10, true), (100, true)] {
        check(&Case { k, per_language, ..large(5, 17_000, 9) });
    }
}

#[test]
fn a_misleading_sample_does_not_show() {
    // Every document that is sampled lies close to the first query, so its
    // floor lets nothing else in.
    let mut case = Case { k: 1000, ..large(3, 17_000, 9) };
    for row in (0..17_000).step_by(64) {
        for k in 0..9 {
            case.documents[row * 9 + k] = case.queries[k] + 0.01 * case.documents[row * 9 + k];
        }
    }
    check(&case);
    check(&Case { k: 900, per_language: true, ..case });
}

#[test]
fn a_language_with_low_scores_keeps_its_lists() {
    // One language lies close to every query, the others do not. Whatever
    // turns scores away must leave the best of the others in their lists.
    for (queries, k) in [(3, 2), (20, 2), (20, 1)] {
        let mut case = Case { k, per_language: true, ..large(queries, 3000, 16) };
        case.queries.iter_mut().for_each(|value| *value += 2.0);
        for (row, language) in case.documents.chunks_mut(16).zip(&case.languages) {
            row.iter_mut().for_each(|value| *value += if *language == 1 { 2.0 } else { 0.0 });
        }
        check(&Case { relevant: vec![Vec::new(); queries], ..case.clone() });
        // A target of some queries, which lies close too.
        let near = case.languages.iter().position(|language| *language == 1).unwrap();
        check(&Case { relevant: (0..queries).map(|query| vec![near; query % 2]).collect(), ..case });
    }
}

#[test]
fn duplicates_do_not_show() {
    let mut case = Case { k: 20, ..large(4, 17_000, 12) };
    case.documents = case.documents[..12].repeat(17_000);
    check(&case);
}

#[test]
fn integers_spare_most_scores() {
    let case = large(24, 17_000, 64);
    let pairs = 24 * 17_000;
    let rescored = check(&case);
    assert!(rescored > 0 && rescored < pairs / 30, "{rescored} of {pairs}");
}

#[test]
fn few_queries_spare_most_scores() {
    for (queries, half, similarity) in [(1, true, Similarity::Cosine), (6, false, Similarity::Dot)] {
        let case = Case { half, similarity, ..large(queries, 17_000, 64) };
        let cut = Cut { isa: Isa::detect(), precision: Precision::Auto, threads: 2, block: 100, ends: Vec::new() };
        let (answer, rescored) = case.scan_counting(&cut);
        assert!(answer == case.oracle());
        assert!(rescored > 0 && rescored < queries as u64 * 17_000 / 30, "{rescored} for {queries}");
    }
}

#[test]
fn rows_with_one_large_component_do_not_show() {
    for queries in [3, 20] {
        // Their block has coarse codes.
        let mut case = large(queries, 3000, 20);
        for row in [5, 6, 1500, 2999] {
            case.documents[row * 20..(row + 1) * 20].fill(0.0);
            case.documents[row * 20 + row % 20] = -3.0;
        }
        check(&case);
        // So has such a query.
        case.queries[..20].fill(0.0);
        case.queries[3] = 1e-30;
        check(&case);
        // Dot products of rows of any length have no codes.
        let scales = numbers(3000, 9);
        case.documents.chunks_mut(20).zip(scales).for_each(|(row, s)| row.iter_mut().for_each(|v| *v *= 1e4 * s));
        assert_eq!(check(&Case { similarity: Similarity::Dot, ..case }), 0);
    }
}

#[test]
fn any_dimension_will_do() {
    for dimension in [1, 2, 3, 15, 17, 385, 1000, 4096] {
        for (queries, half) in [(20, false), (13, true), (6, false), (3, true)] {
            check(&Case { half, ..large(queries, 70, dimension) });
        }
    }
}

#[test]
fn rows_of_any_length_will_do() {
    for queries in [3, 20] {
        let mut case = large(queries, 600, 37);
        let scales = [1e-41, 1e-28, 1.0, 1e18, 1e30];
        for (row, vector) in case.documents.chunks_mut(37).enumerate() {
            vector.iter_mut().for_each(|value| *value *= scales[row % 5]);
        }
        check(&case);
        // Products below the normal numbers round in steps of their own.
        let mut case = Case { similarity: Similarity::Dot, ..large(queries, 600, 37) };
        case.queries.iter_mut().for_each(|value| *value *= 1e-42);
        check(&case);
    }
}

#[test]
fn rows_that_cannot_be_scored_are_named() {
    let (mut documents, languages) = (numbers(900 * 8, 3), vec![0; 900]);
    documents[40 * 8..41 * 8].fill(0.0);
    documents[33 * 8 + 1] = f32::NAN;
    documents[899 * 8] = f32::INFINITY;
    for (queries, precision) in [(2, Precision::Auto), (2, Precision::Float32), (30, Precision::Int16Certified)] {
        let values = numbers(queries * 8, 4);
        let rows = Matrix::new(Elements::F32(&values), queries, 8).unwrap();
        let scan = Scan {
            queries: &rows.prepare(Similarity::Cosine, "queries").unwrap(),
            documents: Matrix::new(Elements::F32(&documents), 900, 8).unwrap(),
            languages: &languages,
            language_count: 1,
            places: None,
            first_place: 0,
            targets: Targets::new(&[0; 31][..queries + 1], &[], &[]).unwrap(),
            similarity: Similarity::Cosine,
            k: 3,
            per_language: false,
            precision,
            shape: Shape { threads: 1, ..Shape::default() },
        };
        let error = scan.run(&Control::new()).unwrap_err();
        let Error::Rows(bad) = &error else { panic!("{error}") };
        assert_eq!(bad.rows[..2], [(33, RowProblem::NotFinite), (40, RowProblem::Zero)]);
    }
}
