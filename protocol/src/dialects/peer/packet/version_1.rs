//! What is different in a packet of version 1, as the original clients make them (dossier, 1.1, 1.2, 1.4).
//!
//! Knows no room's state. What its signature covers lies with that of version 2.

use bytes::Bytes;

use super::{Packet, VERSION};
use crate::dialects::peer::keys::PublicKeys;

impl Packet {
    /// Whether it follows the rules of version 1: it says so, or says no version at all.
    #[must_use]
    pub fn is_version_1(&self) -> bool {
        self.version < VERSION
    }

    /// Lets go of what a packet of version 1 says and does not sign, so that nobody on the way can make
    /// it mean something else. Its keys stay: only a handshake is read for them.
    pub(in crate::dialects::peer) fn forget_unsigned(&mut self) {
        if self.is_version_1() {
            self.version = 1;
            self.uncompressed_size = 0;
            self.chunk_count = 1;
            self.key_epoch = 0;
        }
    }

    /// Makes it one of version 1, with the sender's keys as those packets have them. To be done before it
    /// is sealed.
    pub(in crate::dialects::peer) fn make_version_1(&mut self, own: &PublicKeys) {
        self.version = 0;
        self.uncompressed_size = 0;
        self.chunk_index = 0;
        self.chunk_count = 0;
        self.is_last_chunk = false;
        self.key_epoch = 0;
        self.sender_public_key = Bytes::copy_from_slice(&own.sign);
        self.encryption_public_key = Bytes::copy_from_slice(&own.exchange);
    }
}
