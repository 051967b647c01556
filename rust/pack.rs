//! Vectors packed for the kernels: `panels` is the order
//! of their words in memory, `int16` the words of the certified filter.

pub(crate) mod int16;
pub(crate) mod panels;
