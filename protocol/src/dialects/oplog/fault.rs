//! What can be wrong with a request, in the words that its client is told.
//!
//! Knows the bounds of an operation's parts; nothing of how a request is read.

use super::op::{BadOp, ID_BYTES_MAX};

/// Why a request is none. Its text is what the client is told; the status is 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadRequest {
    /// The body is not UTF-8.
    #[error("the body is not UTF-8 text")]
    NotUtf8,
    /// The body is not JSON.
    #[error("the body is not JSON: see line {line}, column {column}")]
    NotJson {
        /// The line, from 1.
        line: usize,
        /// The byte in the line, from 1; 0 for its begin.
        column: usize,
    },
    /// The body is JSON, but no object.
    #[error("the body must be a JSON object")]
    NotObject,
    /// A field or parameter that must be there is not.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A field that must be a string is something else.
    #[error("{0} must be a string")]
    NotText(&'static str),
    /// A name is empty or too long.
    #[error("{0} must have 1 to {ID_BYTES_MAX} bytes")]
    Length(&'static str),
    /// A generation key is longer than [`ID_BYTES_MAX`].
    #[error("datasetGenerationKey must have at most {ID_BYTES_MAX} bytes")]
    KeyLength,
    /// A number that must be an integer from 0 is something else.
    #[error("{0} must be an integer from 0")]
    NotNumber(&'static str),
    /// `ops` is no array.
    #[error("ops must be an array")]
    NotArray,
    /// An operation is none; the whole batch is refused.
    #[error("ops[{index}]: {why}")]
    Op {
        /// Its place in the batch, from 0.
        index: usize,
        /// What is wrong with it.
        why: BadOp,
    },
    /// A checkpoint with an empty snapshot: it would lose what it is to stand for.
    #[error("snapshot must not be empty")]
    EmptySnapshot,
}
