//! Long work with the interpreter released, and the core's errors as Python's.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use pyo3::exceptions::{PyKeyboardInterrupt, PyMemoryError, PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;

use crate::cancel::Control;
use crate::error::{Error, Result};
use crate::kernel::isa::Isa;
use crate::matrix::Matrix;

/// How often Python's signals are looked at and progress is reported.
const PULSE: Duration = Duration::from_millis(50);

impl From<Error> for PyErr {
    fn from(error: Error) -> Self {
        match error {
            Error::Shape(_) | Error::Rows(_) => PyValueError::new_err(error.to_string()),
            Error::Cancelled => PyKeyboardInterrupt::new_err(error.to_string()),
            Error::Memory(_) => PyMemoryError::new_err(error.to_string()),
            Error::Lost => PyOSError::new_err(error.to_string()),
            Error::Thread | Error::Worker => PyRuntimeError::new_err(error.to_string()),
        }
    }
}

/// Products of components, and components of documents, of work that ends
/// before anyone misses a look at the signals.
const BRIEF: (usize, usize) = (1 << 28, 1 << 22);

/// Whether the scores of some queries and documents take milliseconds only, on
/// a kernel of this speed and with documents that may still be on the disk.
pub(super) fn is_brief(queries: &Matrix<'_>, documents: &Matrix<'_>, isa: Isa) -> bool {
    let components = documents.rows() * documents.dimension();
    let slow = matches!(isa, Isa::Portable | Isa::EmulatedAmx);
    !slow && components <= BRIEF.1 && queries.rows().saturating_mul(components) <= BRIEF.0
}

/// Runs brief work with the interpreter released, on this thread: to start
/// another would take a good part of its time.
pub(super) fn brief<T: Send>(
    py: Python<'_>,
    progress: Option<&Bound<'_, PyAny>>,
    work: impl FnOnce(&Control) -> Result<T> + Send,
) -> PyResult<T> {
    let control = Control::new();
    let result = py.detach(|| catch_unwind(AssertUnwindSafe(|| work(&control))).unwrap_or(Err(Error::Worker)))?;
    if let Some(call) = progress {
        call.call1((control.documents(),))?;
    }
    Ok(result)
}

/// Runs long work with the interpreter released, on a thread of its own,
/// while this thread honours Ctrl-C and reports the documents done.
pub(super) fn detached<T: Send>(
    py: Python<'_>,
    progress: Option<&Bound<'_, PyAny>>,
    work: impl FnOnce(&Control) -> Result<T> + Send,
) -> PyResult<T> {
    let control = Control::new();
    let progress = progress.map(|callback| callback.clone().unbind());
    py.detach(|| {
        thread::scope(|scope| {
            let (done, finished) = channel();
            let watched = &control;
            let worker = thread::Builder::new()
                .spawn_scoped(scope, move || {
                    let result = work(watched);
                    // The receiver outlives this thread, so this cannot fail.
                    let _ = done.send(());
                    result
                })
                .map_err(|_| Error::Thread)?;
            let mut interrupted = None;
            while finished.recv_timeout(PULSE) == Err(RecvTimeoutError::Timeout) {
                if interrupted.is_some() {
                    continue;
                }
                let pulse = Python::attach(|py| {
                    py.check_signals()?;
                    progress.as_ref().map_or(Ok(()), |call| call.call1(py, (control.documents(),)).map(drop))
                });
                if let Err(error) = pulse {
                    control.cancel();
                    interrupted = Some(error);
                }
            }
            let result = worker.join().unwrap_or(Err(Error::Worker));
            if let Some(error) = interrupted {
                return Err(error);
            }
            if let Some(call) = &progress {
                Python::attach(|py| call.call1(py, (control.documents(),)).map(drop))?;
            }
            Ok(result?)
        })
    })
}
