//! The one error type of the core.

use std::fmt;

/// What the core returns.
pub type Result<T> = std::result::Result<T, Error>;

/// Everything that can go wrong in the core.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// Two inputs do not fit together; the sentence names them.
    Shape(String),
    /// Some rows cannot be scored.
    Rows(BadRows),
    /// The caller asked to stop.
    Cancelled,
    /// The system does not have this many bytes of memory, or more than can
    /// be counted.
    Memory(Option<usize>),
    /// Part of a memory map could not be read.
    Lost,
    /// The system starts no thread.
    Thread,
    /// A worker thread panicked: a defect of this library.
    Worker,
}

/// The first rows of one input that cannot be scored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRows {
    /// Which input: `queries` or `documents`.
    pub input: &'static str,
    /// Row numbers, ascending, with what is wrong.
    pub rows: Vec<(u64, RowProblem)>,
}

/// Why a row cannot be scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RowProblem {
    /// All components are zero: it has no direction.
    Zero,
    /// A component is NaN or infinite.
    NotFinite,
    /// Dot products of such a length could overflow `f32`.
    TooLong,
}

impl fmt::Display for RowProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Zero => "is all zeros",
            Self::NotFinite => "has NaN or infinite components",
            Self::TooLong => "is too long for a dot product in float32",
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shape(problem) => f.write_str(problem),
            Self::Rows(bad) => {
                for (n, (row, problem)) in bad.rows.iter().enumerate() {
                    let separator = if n > 0 { ", " } else { "" };
                    write!(f, "{separator}row {row} of the {} {problem}", bad.input)?;
                }
                f.write_str("; remove these rows or encode them again")
            }
            Self::Cancelled => f.write_str("the scan was cancelled"),
            Self::Memory(Some(bytes)) => write!(f, "the system does not have {} MB of memory", bytes / 1_000_000),
            Self::Memory(None) => f.write_str("no machine has this much memory"),
            Self::Lost => f.write_str("part of the file could not be read: it was truncated, or its disk fails"),
            Self::Thread => f.write_str("the system starts no thread"),
            Self::Worker => f.write_str("a worker thread panicked: please report this"),
        }
    }
}

impl std::error::Error for Error {}
