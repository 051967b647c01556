//! Vectors packed for the kernels.

pub(crate) mod int16;
pub(crate) mod panels;
pub(crate) mod words;
