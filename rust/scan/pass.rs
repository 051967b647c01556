//! One pass over the documents.
//!
//! Threads take stretches of documents from a counter; a `Worker` says what
//! they do with them. There is neither a score matrix nor a sort. The shares
//! of the threads add up, so neither the number of threads nor the size of a
//! stretch can show in the result.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};

use crate::cancel::Control;
use crate::error::{Error, Result};
use crate::kernel::Kernel;
use crate::kernel::isa::Dispatch;
use crate::matrix::{Elements, Similarity, first_bad};
use crate::pack::int16::CodedQueries;
use crate::ranks::{Counts, Ties};
use crate::scan::packed::PackedWorker;
use crate::scan::prefetch::prefetching;
use crate::scan::stream::StreamWorker;
use crate::scan::worker::{Share, Shared, Worker};
use crate::scan::{Outcome, Precision, Scan};
use crate::threads::{on_threads, thread_count};
use crate::topk::Candidates;

/// Documents for each listed one from which integers pay.
const SCORED_TWICE: usize = 250;

/// Queries up to which near scores of rows where they lie cost less than
/// packing them: half as much for this number.
const STREAMED_QUERIES: usize = 16;

/// Bytes of documents whose pages a processor remembers: 1,536 of 4 KB.
const REMEMBERED: usize = 1536 << 12;

/// Queries from which coding the documents pays.
const FEW_QUERIES: usize = 64;

/// Products of components for which another thread is worth its start.
const WORTH_A_THREAD: usize = 1 << 25;

/// Scans all documents once. A list takes nothing below its floor; only
/// `progress` learns of the documents done.
pub(crate) fn pass(
    scan: &Scan<'_>,
    floors: Option<&[f32]>,
    progress: Option<&Control>,
    control: &Control,
) -> Result<Outcome> {
    scan.shape.isa.with(Pass { scan, floors, progress, control })?
}

/// A pass with a kernel still to be chosen.
struct Pass<'a> {
    scan: &'a Scan<'a>,
    floors: Option<&'a [f32]>,
    progress: Option<&'a Control>,
    control: &'a Control,
}

impl Dispatch for Pass<'_> {
    type Output = Result<Outcome>;

    fn run<K: Kernel>(self, kernel: K) -> Result<Outcome> {
        let Self { scan, floors, progress, control } = self;
        let threads = thread_count(scan.shape.threads);
        let codes = integers_pay(scan, floors).then(|| CodedQueries::new(kernel, scan.queries, threads)).transpose()?;
        let candidates = Candidates::new(scan.lists()?, scan.k, floors)?;
        let ties = Ties::new(scan.targets.len(), scan.language_count)?;
        let shared = Shared { scan, kernel, queries: OnceLock::new(), codes, candidates, ties, progress, control };
        let shares = if streams(scan) {
            share_out::<K, StreamWorker<'_, K>>(&shared)?
        } else {
            share_out::<K, PackedWorker<'_, K>>(&shared)?
        };
        let rescored = shares.iter().map(|share| share.rescored).sum();
        let greater = shares.into_iter().map(|share| share.counts.higher()).collect();
        let Shared { candidates, ties, queries, codes, .. } = shared;
        // Packed queries are not kept while the lists are sorted.
        drop((queries, codes));
        let counts = Counts::of(greater, ties)?;
        let top = candidates.sorted(threads)?;
        Ok(Outcome { counts, top, rescored })
    }
}

/// Whether the documents are scored where they lie, which pays for few queries.
pub(crate) fn streams(scan: &Scan<'_>) -> bool {
    scan.precision == Precision::Auto && scan.queries.rows() <= STREAMED_QUERIES
}

/// Whether integer scores are of use. What enters a list is scored twice,
/// and without floors too much does before the list is full.
fn integers_pay(scan: &Scan<'_>, floors: Option<&[f32]>) -> bool {
    let pays = match scan.precision {
        Precision::Float32 => false,
        Precision::Int16Certified => true,
        Precision::Auto => {
            let short_lists = SCORED_TWICE * scan.k * scan.lists_per_query() <= scan.documents.rows();
            scan.queries.rows() >= FEW_QUERIES && (scan.k == 0 || floors.is_some() && short_lists)
        }
    };
    pays && scan.similarity == Similarity::Cosine
}

/// Documents that a thread takes at a time. A stretch is read language by
/// language, which is half as slow again where the processor forgets the pages
/// before it comes back to them. But short stretches waste lanes in the last
/// panel of each language, so with many languages they are longer. Several for
/// each thread keep all of them busy.
fn stretch_length<K: Kernel>(scan: &Scan<'_>, threads: usize) -> usize {
    let bytes = match scan.documents.elements() {
        Elements::F32(_) => 4,
        Elements::F16(_) => 2,
    };
    let remembered = REMEMBERED / (bytes * scan.documents.dimension());
    let filled = 256 * scan.language_count;
    let long = if 2 * remembered < filled { 4 * filled } else { remembered.max(filled) };
    let rows = scan.documents.rows();
    let fair = rows.div_ceil(4 * threads);
    // A pool of few blocks is divided among as many threads as its work is
    // worth; else the last of them would wait for a block of another. Parts of
    // panels would waste lanes.
    let worth =
        (scan.queries.rows().saturating_mul(rows * scan.documents.dimension()) / WORTH_A_THREAD).clamp(1, threads);
    let divided = rows.div_ceil(worth).next_multiple_of(K::DOCUMENTS);
    // A pool without documents has no stretches, but their length is divided by.
    long.min(fair).max(scan.block().min(divided)).max(1)
}

/// Has threads take stretches of documents until none are left.
fn share_out<'s, K: Kernel, W: Worker<'s, K>>(shared: &'s Shared<'s, K>) -> Result<Vec<Share<'s>>> {
    let scan = shared.scan;
    let threads = thread_count(scan.shape.threads);
    let stretch = stretch_length::<K>(scan, threads);
    let stretches = scan.documents.rows().div_ceil(stretch);
    let next = AtomicUsize::new(0);
    let bad_rows = Mutex::new(Vec::new());
    let work = || -> Result<_> {
        let mut worker = W::new(shared)?;
        loop {
            // Stretches are handed out in order, so all before a bad one
            // are finished and the rows that are named are the first.
            let clean = bad_rows.lock().map_err(|_| Error::Worker)?.is_empty();
            let n = next.fetch_add(1, Ordering::Relaxed);
            if n >= stretches || !clean {
                return Ok(worker.finish());
            }
            let more = worker.scan(n * stretch..((n + 1) * stretch).min(scan.documents.rows()))?;
            bad_rows.lock().map_err(|_| Error::Worker)?.extend(more);
        }
    };
    let share_work = || on_threads(threads.min(stretches.max(1)), work);
    // Where all stretches are taken at once, there is nothing to read ahead.
    let shares = if scan.shape.read_ahead && stretches > threads {
        prefetching(&scan.documents, stretch, threads, &next, share_work)?
    } else {
        share_work()?
    };
    let bad_rows = bad_rows.into_inner().map_err(|_| Error::Worker)?;
    if !bad_rows.is_empty() {
        return Err(first_bad("documents", bad_rows));
    }
    Ok(shares)
}
