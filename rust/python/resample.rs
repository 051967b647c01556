//! Resampling for Python.

use numpy::{IntoPyArray, PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray2, PyUntypedArrayMethods, ToPyArray};
use pyo3::prelude::*;

use crate::python::detached::detached;
use crate::resample;

/// Column means of bootstrap resamples of the rows.
#[pyfunction]
#[pyo3(signature = (values, *, resamples, seed, threads))]
pub(super) fn bootstrap_means<'py>(
    py: Python<'py>,
    values: PyReadonlyArray2<'py, f64>,
    resamples: usize,
    seed: u64,
    threads: usize,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let columns = values.shape()[1];
    let values = values.as_slice()?;
    let means = detached(py, None, |_| resample::bootstrap_means(values, columns, resamples, seed, threads))?;
    means.to_pyarray(py).reshape([resamples, columns])
}

/// How often random signs bring each column's mean as far from zero.
#[pyfunction]
#[pyo3(signature = (differences, *, resamples, seed, threads))]
pub(super) fn permutation_counts<'py>(
    py: Python<'py>,
    differences: PyReadonlyArray2<'py, f64>,
    resamples: usize,
    seed: u64,
    threads: usize,
) -> PyResult<Bound<'py, PyArray1<u64>>> {
    let columns = differences.shape()[1];
    let differences = differences.as_slice()?;
    let counts = detached(py, None, |_| resample::permutation_counts(differences, columns, resamples, seed, threads))?;
    Ok(counts.into_pyarray(py))
}
