//! How a sealed payload is opened: with the session's key, the group's, the one between two, in this order.

use zeroize::Zeroizing;

use super::Participant;
use crate::dialects::peer::{keys::PublicKeys, packet::Packet, seal, store::Store};

/// Which key opened a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rung {
    /// It was not sealed.
    Plain,
    /// The session's.
    Session,
    /// The group's.
    Group,
    /// The one between sender and this participant.
    Pairwise,
}

/// A payload that can be read.
pub(super) struct Opened {
    pub(super) plaintext: Zeroizing<Vec<u8>>,
    pub(super) rung: Rung,
}

impl<S: Store> Participant<S> {
    /// Opens the payload of a verified packet; `None` when no key does.
    pub(super) fn open_payload(&mut self, packet: &Packet, sender: &PublicKeys) -> Option<Opened> {
        if !packet.encrypted {
            let plaintext = Zeroizing::new(packet.payload.to_vec());
            return Some(Opened { plaintext, rung: Rung::Plain });
        }
        if packet.is_version_1() {
            return self.open_version_1(packet, sender);
        }
        let bound = packet.bound(&self.room);
        let by = packet.sender.as_str();
        let open = |key: &seal::Key| key.open(&bound, &packet.payload);
        let session = self.session.as_ref().map(|secret| seal::session_key(&self.room, secret, by));
        if let Some(plaintext) = session.as_ref().and_then(open) {
            return Some(Opened { plaintext, rung: Rung::Session });
        }
        for group in self.ring.of_epoch(packet.key_epoch) {
            let key = seal::group_key(&self.room, group.secret(), group.epoch, by);
            if let Some(plaintext) = open(&key) {
                return Some(Opened { plaintext, rung: Rung::Group });
            }
        }
        // What names an epoch is sealed with a key of the group, or not at all (dossier, H22).
        if packet.key_epoch > 0 {
            return None;
        }
        let key = self.pairwise.with(&self.keys, sender).ok()?;
        let plaintext = open(key)?;
        // What only two can open and is not for this one alone was sealed by mistake.
        let rung =
            if packet.target.as_ref() == Some(&self.me) { Rung::Pairwise } else { Rung::Group };
        Some(Opened { plaintext, rung })
    }
}
