//! Exact, language-resolved ranks of a retriever over a mixed-language pool.
//!
//! One scan over the documents answers every question: for each relevant
//! document of each query it counts, per pool language, the documents that
//! score higher and those that tie, and it keeps the best `k`. Ranks in any
//! pool of whole languages are sums of these counts. The scan knows vectors,
//! language codes and places in the tie order, but not ids, texts or metrics.
//!
//! Scores are canonical: one chain of fused multiply-adds in `f32` over the
//! dimension, from the first component to the last. Every kernel, tile,
//! thread count, block and shard gives the same bits.

// A module (but not its tests) imports only from those further left: error,
// cancel, heap, mapped, memory, words, team, threads, kernel, matrix, pack, ranks, topk, scan, pairs, products,
// resample, peak, python.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod cancel;
mod error;
#[cfg(unix)]
mod heap;
mod kernel;
mod mapped;
mod matrix;
mod memory;
mod pack;
mod pairs;
mod peak;
mod products;
mod ranks;
mod resample;
mod scan;
mod team;
mod threads;
mod topk;
mod words;

#[cfg(feature = "python")]
mod python;

pub use crate::cancel::Control;
pub use crate::error::{BadRows, Error, Result, RowProblem};
pub use crate::kernel::chain;
pub use crate::kernel::isa::Isa;
pub use crate::mapped::{guarded, span_of};
pub use crate::matrix::{Elements, Matrix, Prepared, Similarity};
pub use crate::pairs::{score_pairs, score_targets};
pub use crate::peak::{exercise_kernel, exercise_peak};
pub use crate::products::Weights;
pub use crate::ranks::{Counts, Targets};
pub use crate::resample::{bootstrap_means, permutation_counts};
pub use crate::scan::{Outcome, Precision, Scan, Shape};
pub use crate::topk::{Hit, TopK};
