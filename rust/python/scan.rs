//! Scans for Python.

use std::time::Instant;

use numpy::{IntoPyArray, PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::arrays::Rows;
use super::detached;
use crate::{Control, Error, Isa, Precision, Scan, Shape, Similarity, Targets};

type Scores<'py> = Bound<'py, PyArray1<f32>>;

/// Instruction sets that this machine can use, the best first.
#[pyfunction]
pub(super) fn instruction_sets() -> Vec<&'static str> {
    Isa::available().into_iter().map(Isa::name).collect()
}

fn isa(name: Option<&str>) -> PyResult<Isa> {
    match name {
        None => Ok(Isa::detect()),
        Some(name) => Isa::named(name).ok_or_else(|| PyValueError::new_err(format!("there is no kernel {name:?}"))),
    }
}

fn precision(name: Option<&str>) -> PyResult<Precision> {
    match name {
        None => Ok(Precision::Auto),
        Some("float32") => Ok(Precision::Float32),
        Some("int16-certified") => Ok(Precision::Int16Certified),
        Some(other) => {
            Err(PyValueError::new_err(format!("precision must be float32 or int16-certified, not {other:?}")))
        }
    }
}

/// GFLOP/s of fused multiply-adds that so many threads reach just now.
#[pyfunction]
#[pyo3(signature = (threads, isa=None))]
pub(super) fn fma_peak(py: Python<'_>, threads: usize, isa: Option<&str>) -> PyResult<f64> {
    let isa = self::isa(isa)?;
    Ok(py.detach(|| {
        let start = Instant::now();
        let operations = crate::exercise_peak(isa, threads, 30_000_000);
        operations as f64 * 1e-9 / start.elapsed().as_secs_f64()
    }))
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
    isa: Option<&str>,
) -> PyResult<Scores<'py>> {
    let (queries, documents) = (queries.matrix()?, documents.matrix()?);
    let (query_rows, document_rows) = (query_rows.as_slice()?, document_rows.as_slice()?);
    let pairs: Vec<(u32, u32)> = query_rows.iter().copied().zip(document_rows.iter().copied()).collect();
    let isa = self::isa(isa)?;
    let scores = detached(py, None, |_| {
        let queries = queries.prepare(similarity, "queries")?;
        crate::score_pairs(&queries, &documents, similarity, &pairs, isa)
    })?;
    Ok(scores.into_pyarray(py))
}

/// One pass over documents; see `clinometer.scan`.
///
/// Returns a dictionary: `greater`, `equal`, `before` as (languages, targets),
/// `rescored` as a number, and, for k > 0, `top_places`, `top_scores` as (lists, k), filled up with
/// the greatest place and NaN.
#[pyfunction]
#[pyo3(signature = (queries, documents, languages, *, language_count, places, first_place, indptr, target_scores,
                    target_places, similarity, k, per_language, threads, block, isa, progress, read_ahead=false, precision=None))]
#[expect(clippy::too_many_arguments, reason = "one per column that crosses the border")]
pub(super) fn scan<'py>(
    py: Python<'py>,
    queries: Rows<'py>,
    documents: Rows<'py>,
    languages: PyReadonlyArray1<'py, u16>,
    language_count: usize,
    places: Option<PyReadonlyArray1<'py, u32>>,
    first_place: u32,
    indptr: PyReadonlyArray1<'py, i64>,
    target_scores: PyReadonlyArray1<'py, f32>,
    target_places: PyReadonlyArray1<'py, u32>,
    similarity: Similarity,
    k: usize,
    per_language: bool,
    threads: usize,
    block: usize,
    isa: Option<&str>,
    progress: Option<Bound<'py, PyAny>>,
    read_ahead: bool,
    precision: Option<&str>,
) -> PyResult<Bound<'py, PyDict>> {
    let (queries, documents) = (queries.matrix()?, documents.matrix()?);
    let languages = languages.as_slice()?;
    let places = places.as_ref().map(|places| places.as_slice()).transpose()?;
    let (indptr, target_scores, target_places) =
        (indptr.as_slice()?, target_scores.as_slice()?, target_places.as_slice()?);
    let shape = Shape { threads, block, isa: self::isa(isa)?, read_ahead };
    let precision = self::precision(precision)?;
    let run = |control: &Control| -> Result<_, Error> {
        let queries = queries.prepare(similarity, "queries")?;
        let targets = Targets::new(indptr, target_scores, target_places)?;
        let scan = Scan {
            queries: &queries,
            documents,
            languages,
            language_count,
            places,
            first_place,
            targets,
            similarity,
            k,
            per_language,
            precision,
            shape,
        };
        let outcome = scan.run(control)?;
        let lists = outcome.top.lists();
        let (mut top_places, mut top_scores) = (vec![u32::MAX; lists * k], vec![f32::NAN; lists * k]);
        for list in 0..lists {
            for (at, hit) in (list * k..).zip(outcome.top.best(list)) {
                (top_places[at], top_scores[at]) = (hit.place, hit.score);
            }
        }
        Ok((outcome.counts, outcome.rescored, lists, top_places, top_scores))
    };
    let (counts, rescored, lists, top_places, top_scores) = detached(py, progress.as_ref(), run)?;
    let table = |column: Vec<u32>| -> PyResult<Bound<'py, PyArray2<u32>>> {
        column.into_pyarray(py).reshape([language_count, target_scores.len()])
    };
    let result = PyDict::new(py);
    result.set_item("greater", table(counts.greater)?)?;
    result.set_item("equal", table(counts.equal)?)?;
    result.set_item("before", table(counts.before)?)?;
    result.set_item("rescored", rescored)?;
    if k > 0 {
        result.set_item("top_places", top_places.into_pyarray(py).reshape([lists, k])?)?;
        result.set_item("top_scores", top_scores.into_pyarray(py).reshape([lists, k])?)?;
    }
    Ok(result)
}
