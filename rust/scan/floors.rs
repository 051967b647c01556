//! Floors: scores below which a result list most likely needs nothing,
//! estimated from a sample of the documents.
//!
//! A list that starts empty keeps thousands of documents for a moment that a
//! good threshold would have turned away. The floor of a list is a score of
//! the sample that about twice as many documents reach as the list is long.
//! The guess is checked: a list that is short of documents after the pass is
//! scanned again without a floor. So the result does not depend on floors.

use crate::cancel::Control;
use crate::error::{Error, Result};
use crate::ranks::Targets;
use crate::scan::pass::{pass, streams};
use crate::scan::{Outcome, Precision, Scan, Shape};

/// Fewest documents for each sampled one.
const SPACING: usize = 64;

/// Longest sample.
const LONGEST: usize = 8192;

/// Longest sample for few queries, whose scan takes hardly longer than one.
const LONGEST_FOR_FEW: usize = 2048;

/// Fewer documents than this are not worth a sample.
const WORTHWHILE: usize = 16_384;

/// A floor for each list, or None where it would not pay.
pub(crate) fn estimate(scan: &Scan<'_>, control: &Control) -> Result<Option<Vec<f32>>> {
    let documents = scan.documents.rows();
    if scan.k == 0 || documents < WORTHWHILE {
        return Ok(None);
    }
    let few = streams(scan);
    let spacing = SPACING.max(documents.div_ceil(if few { LONGEST_FOR_FEW } else { LONGEST }));
    // The documents of a list that are in the sample scatter about `mean`;
    // with five deviations a floor is rarely too high.
    let mean = scan.k as f64 / spacing as f64;
    let rank = (mean + 5.0 * mean.sqrt() + 4.0).ceil() as usize;
    // Rows stay where they are: a copy of them would be a fifth of the memory of a scan of many queries.
    let sample = scan.documents.every(spacing);
    if rank * 4 > sample.rows() {
        return Ok(None);
    }
    let languages: Vec<u16> = scan.languages.iter().step_by(spacing).copied().collect();
    let sampled = Scan {
        documents: sample,
        languages: &languages,
        places: None,
        first_place: 0,
        targets: Targets::NONE,
        k: rank,
        precision: if few { Precision::Auto } else { Precision::Float32 },
        // Reading ahead would read all that lies between them.
        shape: Shape { read_ahead: false, ..scan.shape },
        ..scan.clone()
    };
    // Rows that cannot be scored are for the scan itself to name.
    match pass(&sampled, None, None, control) {
        Err(Error::Rows(_)) => Ok(None),
        Err(error) => Err(error),
        Ok(outcome) => {
            let floor = |list| outcome.top.best(list).nth(rank - 1).map_or(f32::NEG_INFINITY, |hit| hit.score);
            Ok(Some((0..scan.lists()?).map(floor).collect()))
        }
    }
}

/// Scans again for the lists whose floor turned away what they needed.
pub(crate) fn repair(scan: &Scan<'_>, floors: &[f32], outcome: &mut Outcome, control: &Control) -> Result<()> {
    let per_query = scan.lists_per_query();
    let documents = if scan.per_language { scan.sizes() } else { vec![scan.documents.rows() as i64] };
    let short = |list: &usize| {
        floors[*list] > f32::NEG_INFINITY && outcome.top.hits(*list) < scan.k.min(documents[list % per_query] as usize)
    };
    let short: Vec<usize> = (0..scan.lists()?).filter(short).collect();
    let mut queries: Vec<usize> = short.iter().map(|list| list / per_query).collect();
    queries.dedup();
    if queries.is_empty() {
        return Ok(());
    }
    let few = scan.queries.select(&queries);
    let again = Scan { queries: &few, targets: Targets::NONE, precision: Precision::Float32, ..scan.clone() };
    let repaired = pass(&again, None, None, control)?.top;
    for list in short {
        let query = queries.partition_point(|query| *query < list / per_query);
        outcome.top.replace(list, &repaired, query * per_query + list % per_query);
    }
    Ok(())
}
