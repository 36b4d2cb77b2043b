//! A code that a stranger shows, and the one name under which its answer is remembered.
//!
//! Knows no group.

use std::fmt;

use sha2::{Digest as _, Sha256};

use super::code;
use crate::dialects::peer::id::{PeerId, RequestId};

/// A code that a stranger shows in an invite room.
#[derive(Clone, Copy)]
pub struct Shown<'a> {
    /// The name of the invite room: that of the group.
    pub group: &'a str,
    /// The request, as the stranger named it.
    pub request: &'a RequestId,
    /// The stranger.
    pub joiner: &'a PeerId,
    /// The Ed25519 key that the stranger signed the request with.
    pub key: &'a [u8; 32],
    /// The code. Secret.
    pub code: &'a str,
}

impl Shown<'_> {
    /// Its name among all that are shown.
    #[must_use]
    pub fn name(&self) -> RequestKey {
        let mut hash = Sha256::new();
        for text in [self.request.as_str(), self.joiner.canonical().as_str()] {
            hash.update((text.len() as u32).to_le_bytes());
            hash.update(text);
        }
        RequestKey(
            hash.chain_update(self.key).chain_update(code::hash(self.code)).finalize().into(),
        )
    }
}

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Shown");
        shown.field("request", self.request).field("joiner", self.joiner).finish_non_exhaustive()
    }
}

/// The name of a request to be let in: a hash of its id, its sender, its sender's key and its code, so that
/// nobody has the answer to another's request by naming it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestKey(pub(super) [u8; 32]);

/// What hosts call a code among themselves (`INVITE_CLAIM`): a hash. Of all who show a code that lets in
/// one, one host must choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClaimKey([u8; 32]);

impl ClaimKey {
    pub(super) fn of_code(code: &str) -> Self {
        Self(code::hash(code))
    }

    /// Its name in a message.
    #[must_use]
    pub fn name(&self) -> Option<RequestId> {
        RequestId::new(&data_encoding::HEXLOWER.encode(&self.0))
    }

    /// The one of this name.
    #[must_use]
    pub fn named(name: &RequestId) -> Option<Self> {
        let bytes = data_encoding::HEXLOWER.decode(name.as_str().as_bytes()).ok()?;
        Some(Self(bytes.try_into().ok()?))
    }
}
