//! Vectors packed for the kernels: `words` is the memory, `panels` the order
//! of words in it, `int16` the words of the certified filter.

pub(crate) mod int16;
pub(crate) mod panels;
pub(crate) mod words;
