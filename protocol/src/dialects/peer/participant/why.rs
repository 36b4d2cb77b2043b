//! Why a packet, or a part of one, was not done; and how often.
//!
//! Knows no packet.

/// Why something that came in was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Why {
    /// The packet is longer than packets are; or a row has no place in any packet of version 1.
    TooLarge,
    /// It is no packet, or a name in it is none.
    Malformed,
    /// It is for somebody else.
    NotForMe,
    /// It is one's own.
    Echo,
    /// Its type, or the type of its message, is of a later version.
    UnknownType,
    /// Its type has no place in a room of this kind.
    WrongRoomKind,
    /// A handshake that is not signed by the key it announces.
    HandshakeUnproven,
    /// A handshake with another key than the one that is known; or anything under one's own name in another
    /// spelling.
    KeyConflict,
    /// There are as many keys in memory as there may be.
    PeersFull,
    /// Its sender's key did not become known in time, or too many waited.
    UnknownSender,
    /// Its version is below what this room takes or this sender has spoken, or below what it is about.
    VersionFloor,
    /// Its signature is not its sender's.
    BadSignature,
    /// It was done already.
    Replayed,
    /// It is too old, or from the future, for something that must not be done twice.
    Stale,
    /// Its logical time is too far ahead: that was not taken, the rest was.
    LogicalJump,
    /// No key opens it.
    Undecryptable,
    /// The group key it is sealed with did not become known in time, or too many waited.
    NoGroupKey,
    /// It should be encrypted and is not.
    NotEncrypted,
    /// It holds a secret, and came in another way than sealed for this participant alone.
    NotPairwise,
    /// Its stream of pieces contradicts itself or goes over a limit.
    BadPieces,
    /// Its stream of pieces did not become whole in time.
    Incomplete,
    /// What is in it is not what its type says.
    BadPayload,
    /// Its sender may not do that.
    Forbidden,
    /// Its sender was taken out of the group.
    Removed,
    /// There is no group here yet, and its sender is not the one who may found it.
    Unfounded,
    /// A row too far in the future.
    FutureRow,
    /// A row of a table that is not known here.
    UnknownTable,
    /// A row that is not one, or is over a limit.
    BadRow,
    /// Answers of this kind were given as often as they may be.
    TooOften,
    /// An answer to nothing that was asked.
    Unasked,
}

impl Why {
    /// All of them.
    pub const ALL: [Self; 30] = [
        Self::TooLarge,
        Self::Malformed,
        Self::NotForMe,
        Self::Echo,
        Self::UnknownType,
        Self::WrongRoomKind,
        Self::HandshakeUnproven,
        Self::KeyConflict,
        Self::PeersFull,
        Self::UnknownSender,
        Self::VersionFloor,
        Self::BadSignature,
        Self::Replayed,
        Self::Stale,
        Self::LogicalJump,
        Self::Undecryptable,
        Self::NoGroupKey,
        Self::NotEncrypted,
        Self::NotPairwise,
        Self::BadPieces,
        Self::Incomplete,
        Self::BadPayload,
        Self::Forbidden,
        Self::Removed,
        Self::Unfounded,
        Self::FutureRow,
        Self::UnknownTable,
        Self::BadRow,
        Self::TooOften,
        Self::Unasked,
    ];
}

/// How often each of them was why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drops([u64; Why::ALL.len()]);

impl Default for Drops {
    fn default() -> Self {
        Self([0; Why::ALL.len()])
    }
}

impl Drops {
    /// How often this was why.
    #[must_use]
    pub fn of(&self, why: Why) -> u64 {
        self.0[why as usize]
    }

    /// How often anything was dropped.
    #[must_use]
    pub fn all(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Those that were ever why, with how often.
    pub fn each(&self) -> impl Iterator<Item = (Why, u64)> + '_ {
        Why::ALL.into_iter().map(|why| (why, self.of(why))).filter(|(_, times)| *times > 0)
    }

    pub(super) fn count(&mut self, why: Why) {
        self.0[why as usize] += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_place_of_its_own() {
        let mut drops = Drops::default();
        for (place, why) in Why::ALL.into_iter().enumerate() {
            assert_eq!(place, why as usize);
            (0..=place).for_each(|_| drops.count(why));
            assert_eq!(drops.of(why), place as u64 + 1);
        }
        assert_eq!(drops.each().count(), Why::ALL.len());
        assert_eq!(drops.all(), (1..=Why::ALL.len() as u64).sum::<u64>());
    }
}
