//! NumPy arrays as the core sees them.

use half::f16;
use numpy::{PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

use crate::{Elements, Matrix, Similarity};

/// Rows of `float32` or `float16`, borrowed without a copy.
pub(super) enum Rows<'py> {
    F32(PyReadonlyArray2<'py, f32>),
    F16(PyReadonlyArray2<'py, f16>),
}

impl<'py> FromPyObject<'_, 'py> for Rows<'py> {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(rows) = object.extract() {
            return Ok(Self::F32(rows));
        }
        object
            .extract()
            .map(Self::F16)
            .map_err(|_| PyTypeError::new_err("embeddings must be a two-dimensional array of float32 or float16"))
    }
}

impl Rows<'_> {
    /// The rows as a matrix; they must be C-contiguous.
    pub(super) fn matrix(&self) -> PyResult<Matrix<'_>> {
        let (elements, shape) = match self {
            Self::F32(rows) => (Elements::F32(rows.as_slice()?), rows.shape()),
            Self::F16(rows) => (Elements::F16(rows.as_slice()?), rows.shape()),
        };
        Ok(Matrix::new(elements, shape[0], shape[1])?)
    }
}

impl<'py> FromPyObject<'_, 'py> for Similarity {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        match object.extract::<&str>()? {
            "cosine" => Ok(Self::Cosine),
            "dot" => Ok(Self::Dot),
            other => {
                Err(pyo3::exceptions::PyValueError::new_err(format!("similarity must be cosine or dot, not {other:?}")))
            }
        }
    }
}
