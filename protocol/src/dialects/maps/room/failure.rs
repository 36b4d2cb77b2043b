//! Why a request has no answer: the asker's fault, or what is kept cannot be read.

use super::super::fault::Fault;
use crate::dialect::Unreadable;

/// Why a request has no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// It is refused.
    Refused(Fault),
    /// What is kept cannot be read.
    Unreadable(Unreadable),
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Refused(fault)
    }
}

impl From<Unreadable> for Failure {
    fn from(unreadable: Unreadable) -> Self {
        Self::Unreadable(unreadable)
    }
}
