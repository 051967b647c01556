//! Scans for Python.

use std::time::Instant;

use numpy::{IntoPyArray, PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::cancel::Control;
use crate::error::Result;
use crate::kernel::isa::Isa;
use crate::mapped::guarded;
use crate::matrix::Similarity;
use crate::memory::repeated;
use crate::pairs;
use crate::peak::exercise_peak;
use crate::python::arguments::Rows;
use crate::python::detached::{brief, detached, is_brief};
use crate::ranks;
use crate::scan::{Precision, Scan, Shape};
use crate::team::together;

/// Instruction sets that this machine can use, the best first.
#[pyfunction]
pub(super) fn instruction_sets() -> Vec<&'static str> {
    Isa::available().into_iter().map(Isa::name).collect()
}

/// GFLOP/s of fused multiply-adds that this number of threads reaches just now.
#[pyfunction]
#[pyo3(signature = (threads, isa=None))]
pub(super) fn fma_peak(py: Python<'_>, threads: usize, isa: Option<Isa>) -> f64 {
    let isa = isa.unwrap_or_else(Isa::detect);
    py.detach(|| {
        let start = Instant::now();
        let operations = exercise_peak(isa, threads, 30_000_000);
        operations as f64 * 1e-9 / start.elapsed().as_secs_f64()
    })
}

/// Canonical scores of pairs of rows.
#[pyfunction]
#[pyo3(signature = (queries, documents, query_rows, document_rows, *, similarity, isa))]
pub(super) fn score_pairs<'py>(
    py: Python<'py>,
    queries: Rows<'py>,
    documents: Rows<'py>,
    query_rows: PyReadonlyArray1<'py, u32>,
    document_rows: PyReadonlyArray1<'py, u32>,
    similarity: Similarity,
    isa: Option<Isa>,
) -> PyResult<Bound<'py, PyArray1<f32>>> {
    let (queries, documents) = (queries.matrix()?, documents.matrix()?);
    let (query_rows, document_rows) = (query_rows.as_slice()?, document_rows.as_slice()?);
    let pairs: Vec<(u32, u32)> = query_rows.iter().copied().zip(document_rows.iter().copied()).collect();
    let isa = isa.unwrap_or_else(Isa::detect);
    let scores = detached(py, None, |_| {
        guarded(&[queries.span(), documents.span()], || {
            let queries = queries.prepare(similarity, "queries")?;
            pairs::score_pairs(&queries, &documents, similarity, &pairs, 1, isa)
        })
    })?;
    Ok(scores.into_pyarray(py))
}

/// The documents of a scan: `rows` of float32 or float16, the language code
/// of each, and its place in the tie order (`first_place + i` without `places`).
#[pyclass(frozen, new = "from_fields")]
pub(super) struct Documents {
    rows: Py<PyAny>,
    languages: Py<PyArray1<u16>>,
    language_count: usize,
    places: Option<Py<PyArray1<u32>>>,
    first_place: u32,
    read_ahead: bool,
}

/// The relevant documents: those of query q are `indptr[q]:indptr[q + 1]`,
/// each known by its canonical score and its place in the tie order. Without
/// scores, the scan computes them: all are rows of its documents.
#[pyclass(frozen)]
pub(super) struct Targets {
    indptr: Py<PyArray1<i64>>,
    scores: TargetScores,
    places: Py<PyArray1<u32>>,
}

enum TargetScores {
    Known(Py<PyArray1<f32>>),
    OfRows(Py<PyArray1<u32>>),
}

#[pymethods]
impl Targets {
    #[new]
    #[pyo3(signature = (indptr, scores, places, rows=None))]
    fn new(
        indptr: Py<PyArray1<i64>>,
        scores: Option<Py<PyArray1<f32>>>,
        places: Py<PyArray1<u32>>,
        rows: Option<Py<PyArray1<u32>>>,
    ) -> PyResult<Self> {
        let scores = match (scores, rows) {
            (Some(scores), None) => TargetScores::Known(scores),
            (None, Some(rows)) => TargetScores::OfRows(rows),
            _ => return Err(PyValueError::new_err("relevant documents have scores or rows, one of the two")),
        };
        Ok(Self { indptr, scores, places })
    }
}

/// How a scan compares, what it lists, and how its work is cut.
#[pyclass(frozen, new = "from_fields")]
pub(super) struct PassOptions {
    similarity: Similarity,
    k: usize,
    per_language: bool,
    precision: Option<Precision>,
    threads: usize,
    block: usize,
    isa: Option<Isa>,
}

/// What a scan yields: counts as (languages, targets), the scores of the
/// targets, the number of documents of each language, and for k > 0 lists as
/// (lists, k), filled up with the greatest place and NaN.
#[pyclass(frozen, get_all)]
pub(super) struct ScanResult {
    greater: Py<PyArray2<u32>>,
    equal: Py<PyArray2<u32>>,
    before: Py<PyArray2<u32>>,
    target_scores: Py<PyArray1<f32>>,
    pool_sizes: Py<PyArray1<i64>>,
    rescored: u64,
    top_places: Option<Py<PyArray2<u32>>>,
    top_scores: Option<Py<PyArray2<f32>>>,
}

/// One pass over documents; see `clinometer.scan`.
#[pyfunction]
#[pyo3(signature = (queries, documents, targets, options, progress=None))]
pub(super) fn scan<'py>(
    py: Python<'py>,
    queries: Rows<'py>,
    documents: &Documents,
    targets: &Targets,
    options: &PassOptions,
    progress: Option<Bound<'py, PyAny>>,
) -> PyResult<ScanResult> {
    let rows: Rows<'py> = documents.rows.extract(py)?;
    let languages = documents.languages.bind(py).try_readonly()?;
    let places = documents.places.as_ref().map(|places| places.bind(py).try_readonly()).transpose()?;
    let indptr = targets.indptr.bind(py).try_readonly()?;
    let (known_scores, target_rows) = match &targets.scores {
        TargetScores::Known(scores) => (Some(scores.bind(py).try_readonly()?), None),
        TargetScores::OfRows(rows) => (None, Some(rows.bind(py).try_readonly()?)),
    };
    let target_places = targets.places.bind(py).try_readonly()?;
    let (language_count, first_place) = (documents.language_count, documents.first_place);
    let &PassOptions { similarity, k, per_language, precision, threads, block, isa } = options;
    let shape = Shape { threads, block, isa: isa.unwrap_or_else(Isa::detect), read_ahead: documents.read_ahead };
    let (queries, documents) = (queries.matrix()?, rows.matrix()?);
    let languages = languages.as_slice()?;
    let places = places.as_ref().map(|places| places.as_slice()).transpose()?;
    let known_scores = known_scores.as_ref().map(|scores| scores.as_slice()).transpose()?;
    let target_rows = target_rows.as_ref().map(|rows| rows.as_slice()).transpose()?;
    let (indptr, target_places) = (indptr.as_slice()?, target_places.as_slice()?);
    let spans = [queries.span(), documents.span()];
    let run = |control: &Control| -> Result<_> {
        let queries = queries.prepare_on(threads, similarity, "queries")?;
        let own_scores = target_rows
            .map(|rows| pairs::score_targets(&queries, &documents, similarity, indptr, rows, threads, shape.isa))
            .transpose()?;
        let target_scores = own_scores.as_deref().or(known_scores).unwrap_or_default();
        let scan = Scan {
            queries: &queries,
            documents,
            languages,
            language_count,
            places,
            first_place,
            targets: ranks::Targets::new(indptr, target_scores, target_places)?,
            similarity,
            k,
            per_language,
            precision: precision.unwrap_or_default(),
            shape,
        };
        let (outcome, sizes) = (scan.run(control)?, scan.sizes());
        drop(queries);
        let lists = outcome.top.lists();
        let (mut top_places, mut top_scores) = (repeated(u32::MAX, &[lists, k])?, repeated(f32::NAN, &[lists, k])?);
        for list in 0..lists {
            for (at, hit) in (list * k..).zip(outcome.top.best(list)) {
                (top_places[at], top_scores[at]) = (hit.place, hit.score);
            }
        }
        Ok((outcome.counts, own_scores, sizes, outcome.rescored, lists, top_places, top_scores))
    };
    let (counts, own_scores, sizes, rescored, lists, top_places, top_scores) =
        if is_brief(&queries, &documents, shape.isa) {
            brief(py, progress.as_ref(), |control| guarded(&spans, || together(|| run(control))))?
        } else {
            detached(py, progress.as_ref(), |control| guarded(&spans, || together(|| run(control))))?
        };
    let target_scores = match (own_scores, &targets.scores) {
        (None, TargetScores::Known(scores)) => scores.clone_ref(py),
        (own, _) => own.unwrap_or_default().into_pyarray(py).unbind(),
    };
    let table = |column: Vec<u32>, shape: [usize; 2]| column.into_pyarray(py).reshape(shape).map(Bound::unbind);
    let by_language = [language_count, target_places.len()];
    let top = (k > 0).then_some([lists, k]);
    Ok(ScanResult {
        greater: table(counts.greater, by_language)?,
        equal: table(counts.equal, by_language)?,
        before: table(counts.before, by_language)?,
        target_scores,
        pool_sizes: sizes.into_pyarray(py).unbind(),
        rescored,
        top_places: top.map(|shape| table(top_places, shape)).transpose()?,
        top_scores: top.map(|shape| top_scores.into_pyarray(py).reshape(shape).map(Bound::unbind)).transpose()?,
    })
}
