//! Products with a matrix for Python.

use numpy::{IntoPyArray, PyArray2, PyArrayMethods, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::prelude::*;

use crate::kernel::isa::Isa;
use crate::products;
use crate::python::detached::brief;

/// A matrix whose products with rows depend on nothing but the row.
#[pyclass(frozen)]
pub(super) struct Weights(products::Weights);

#[pymethods]
impl Weights {
    #[new]
    #[pyo3(signature = (matrix, isa=None))]
    fn new(matrix: PyReadonlyArray2<'_, f32>, isa: Option<Isa>) -> PyResult<Self> {
        let (depth, columns) = (matrix.shape()[0], matrix.shape()[1]);
        let isa = isa.unwrap_or_else(Isa::detect);
        Ok(Self(products::Weights::new(matrix.as_slice()?, depth, columns, isa)?))
    }

    /// The products of each row, as (rows, columns).
    #[pyo3(signature = (rows, threads=1))]
    fn products<'py>(
        &self,
        py: Python<'py>,
        rows: PyReadonlyArray2<'py, f32>,
        threads: usize,
    ) -> PyResult<Bound<'py, PyArray2<f32>>> {
        let (count, rows) = (rows.shape()[0], rows.as_slice()?);
        let products = brief(py, None, |_| self.0.products(rows, threads))?;
        let columns = self.0.columns();
        products.into_pyarray(py).reshape([count, columns])
    }
}
