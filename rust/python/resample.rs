//! Resampling for Python.

use numpy::{PyArray2, PyArrayMethods, PyReadonlyArray2, PyUntypedArrayMethods, ToPyArray};
use pyo3::prelude::*;

use super::detached;

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
    let means = detached(py, None, |_| Ok(crate::bootstrap_means(values, columns, resamples, seed, threads)))?;
    means.to_pyarray(py).reshape([resamples, columns])
}
