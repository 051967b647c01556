//! Progress and cancellation of a long scan from another thread.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::error::{Error, Result};

/// Progress and cancellation of one scan, shared by its threads and its
/// watcher.
#[derive(Debug, Default)]
pub struct Control {
    cancelled: AtomicBool,
    documents: AtomicU64,
}

impl Control {
    /// A control that is not cancelled.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks the scan to stop; it does so within a block of work.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Number of documents scanned.
    #[must_use]
    pub fn documents(&self) -> u64 {
        self.documents.load(Ordering::Relaxed)
    }

    pub(crate) fn advance(&self, documents: usize) {
        self.documents.fetch_add(documents as u64, Ordering::Relaxed);
    }

    pub(crate) fn check(&self) -> Result<()> {
        if self.cancelled.load(Ordering::Relaxed) {
            return Err(Error::Cancelled);
        }
        Ok(())
    }
}
