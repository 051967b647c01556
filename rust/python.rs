//! The border to Python, and nothing else: each function unpacks arguments,
//! calls one function of the core, and wraps what it returns.

mod arguments;
mod detached;
mod products;
mod resample;
mod scan;

use pyo3::prelude::pymodule;

/// The compiled core of clinometer.
#[pymodule(gil_used = false)]
mod _core {
    #[pymodule_export]
    use crate::python::products::Weights;
    #[pymodule_export]
    use crate::python::resample::{bootstrap_means, permutation_counts};
    #[pymodule_export]
    use crate::python::scan::{
        Documents, PassOptions, ScanResult, Targets, fma_peak, instruction_sets, scan, score_pairs,
    };
}
