//! Reading by key and in order: which frame holds a key, and many frames of a segment at once.
//!
//! Knows indexes and frames; changes nothing.

pub(crate) mod resolve;
pub(crate) mod window;

#[cfg(test)]
mod tests;
