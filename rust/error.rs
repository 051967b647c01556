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
            Self::Worker => f.write_str("a worker thread panicked: please report this"),
        }
    }
}

impl std::error::Error for Error {}
