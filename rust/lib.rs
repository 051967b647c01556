//! Exact, language-resolved ranks of a retriever over a mixed-language pool.
//!
//! One scan over the documents answers every question: for each relevant
//! document of each query it counts, per pool language, the documents that
//! score higher and those that tie, and it keeps the best `k`. Ranks in any
//! pool made of whole languages are sums of these counts. The scan knows
//! vectors, language codes and places in the tie order; it knows no ids, no
//! texts and no metrics.
//!
//! Scores are canonical: one chain of fused multiply-adds in `f32` over the
//! dimension, from the first component to the last. Every kernel, tile,
//! thread count, block and shard gives the same bits.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod cancel;
mod error;
mod kernel;
mod matrix;
mod panels;
mod ranks;
mod resample;
mod scan;
mod topk;

#[cfg(feature = "python")]
mod python;

pub use cancel::Control;
pub use error::{BadRows, Error, Result, RowProblem};
pub use kernel::{Isa, chain};
pub use matrix::{Elements, Matrix, Prepared, Similarity};
pub use ranks::{Counts, Targets};
pub use resample::bootstrap_means;
pub use scan::{Outcome, Scan, Shape, score_pairs};
pub use topk::{Hit, TopK};
