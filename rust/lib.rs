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
mod pack;
mod pairs;
mod peak;
mod ranks;
mod resample;
mod scan;
mod threads;
mod topk;

#[cfg(feature = "python")]
mod python;

pub use cancel::Control;
pub use error::{BadRows, Error, Result, RowProblem};
pub use kernel::chain;
pub use kernel::isa::Isa;
pub use matrix::{Elements, Matrix, Prepared, Similarity};
pub use pairs::score_pairs;
#[doc(hidden)]
pub use peak::exercise_kernel;
pub use peak::exercise_peak;
pub use ranks::{Counts, Targets};
pub use resample::{bootstrap_means, permutation_counts};
pub use scan::{Outcome, Precision, Scan, Shape};
pub use topk::{Hit, TopK};
