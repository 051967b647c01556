//! Arguments from Python: NumPy arrays and names, as types of the core.

use half::f16;
use numpy::{PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

use crate::kernel::isa::Isa;
use crate::matrix::{Elements, Matrix, Similarity};
use crate::scan::Precision;

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

impl FromPyObject<'_, '_> for Similarity {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        named(object, "similarity", &[("cosine", Self::Cosine), ("dot", Self::Dot)])
    }
}

impl FromPyObject<'_, '_> for Precision {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        named(object, "precision", &[("float32", Self::Float32), ("int16-certified", Self::Int16Certified)])
    }
}

impl FromPyObject<'_, '_> for Isa {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        named(object, "kernel", &Self::ALL.map(|isa| (isa.name(), isa)))
    }
}

/// The value of a name.
fn named<T: Copy>(object: Borrowed<'_, '_, PyAny>, kind: &str, values: &[(&str, T)]) -> PyResult<T> {
    let name: &str = object.extract()?;
    values.iter().find(|(known, _)| *known == name).map(|(_, value)| *value).ok_or_else(|| {
        let known: Vec<&str> = values.iter().map(|(known, _)| *known).collect();
        PyValueError::new_err(format!("unknown {kind} {name:?}; expected {}", known.join(" or ")))
    })
}
