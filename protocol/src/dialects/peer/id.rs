//! Names of participants and of requests, as they are on the wire. Knows no key and no room.

use std::{borrow::Borrow, fmt, sync::Arc};

use super::random::{Random, random};

/// Bytes of a participant's name, at most.
pub const PEER_ID_BYTES_MAX: usize = 128;

/// Bytes of a request's name, at most.
pub const REQUEST_ID_BYTES_MAX: usize = 128;

/// A participant's name as its packets and its token say it (`sender_id`, `sub`). Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerId(Arc<str>);

impl PeerId {
    /// The participant of this name; `None` when it is empty, has a control character or more than
    /// [`PEER_ID_BYTES_MAX`] bytes, or when nothing of it is left in its [canonical](Self::canonical) form.
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        let fits = name.len() <= PEER_ID_BYTES_MAX && !name.chars().any(char::is_control);
        (fits && !canonical(name).is_empty()).then(|| Self(name.into()))
    }

    /// The name as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form by which members and pins are told apart (dossier, section 3, RBAC): without spaces
    /// around it, in lower case, without `user:` before it.
    #[must_use]
    pub fn canonical(&self) -> CanonicalId {
        CanonicalId(canonical(&self.0).into())
    }
}

impl Borrow<str> for PeerId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A participant's name in its [canonical form](PeerId::canonical).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CanonicalId(Arc<str>);

impl CanonicalId {
    /// The canonical form of any text, such as the id of a row of `members`.
    #[must_use]
    pub fn of(name: &str) -> Self {
        Self(canonical(name).into())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn canonical(name: &str) -> String {
    let name = name.trim().to_lowercase();
    let mut rest = name.as_str();
    // Until none is left: the form of a form must be itself, or a name could turn into another's.
    while let Some(behind) = rest.strip_prefix("user:") {
        rest = behind.trim_start();
    }
    rest.to_owned()
}

/// The name of a request (`request_id`), which its answers echo. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// The request of this name, which may be empty; `None` when it has more than
    /// [`REQUEST_ID_BYTES_MAX`] bytes.
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        (name.len() <= REQUEST_ID_BYTES_MAX).then(|| Self(name.into()))
    }

    /// A new one: a `UUIDv4` in its usual text.
    #[must_use]
    pub fn random(source: &mut dyn Random) -> Self {
        let mut uuid: [u8; 16] = random(source);
        uuid[6] = uuid[6] & 0x0f | 0x40;
        uuid[8] = uuid[8] & 0x3f | 0x80;
        let hex = data_encoding::HEXLOWER.encode(&uuid);
        let (a, b, c, d, e) = (&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]);
        Self(format!("{a}-{b}-{c}-{d}-{e}").into())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_meet_in_their_canonical_form() {
        let canonical = |name| PeerId::new(name).map(|peer| peer.canonical());
        assert_eq!(canonical("user:Alice"), canonical(" alice "));
        assert_ne!(canonical("alice"), canonical("user-alice"));
        assert_eq!(canonical("user:ALICE").unwrap(), CanonicalId::of("Alice"));
        for name in ["user:user: Alice", "ALICE", "User: user:\u{a0}alice ", "user:ΑΣ"] {
            let once = CanonicalId::of(name);
            assert_eq!(CanonicalId::of(once.as_str()), once, "{name}");
        }
    }

    #[test]
    fn names_that_are_none() {
        for name in ["", " ", "user:", "a\nb", &"x".repeat(PEER_ID_BYTES_MAX + 1)] {
            assert_eq!(PeerId::new(name), None, "{name:?}");
        }
        assert!(PeerId::new(&"x".repeat(PEER_ID_BYTES_MAX)).is_some());
        assert_eq!(RequestId::new(&"x".repeat(REQUEST_ID_BYTES_MAX + 1)), None);
    }

    #[test]
    fn a_new_request_is_a_uuid_of_version_4() {
        let mut ones = |out: &mut [u8]| out.fill(0xff);
        let request = RequestId::random(&mut ones);
        assert_eq!(request.as_str(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }
}
