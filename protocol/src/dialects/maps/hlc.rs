//! Hybrid logical clocks: a timestamp, the name of the node that gave it, and the clock that gives them.
//!
//! Knows no message and no record, and reads no clock: the wall time comes in.

use std::{fmt, str::FromStr};

use crate::dialect::UnixMillis;

/// The highest time of a timestamp, in milliseconds since the Unix epoch: 2^53 - 1, so that JavaScript
/// can hold it.
pub const MILLIS_MAX: u64 = (1 << 53) - 1;

/// The longest name of a node, in bytes. The shortest is 1.
pub const NODE_ID_BYTES_MAX: usize = 64;

/// No timestamp is longer in its canonical form, in bytes.
pub const HLC_BYTES_MAX: usize = 20 + 1 + 10 + 1 + NODE_ID_BYTES_MAX;

/// What begins the name of a server's own node; a client may not have it.
const SERVER_SIGN: u8 = b'~';

/// The name of a node: 1 to 64 bytes of `[A-Za-z0-9._@~-]`, ordered by them. Takes no memory elsewhere.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId {
    // Behind its end there are zeros, so that whole arrays compare as the names do.
    bytes: [u8; NODE_ID_BYTES_MAX],
    len: u8,
}

impl NodeId {
    /// A name, if it may be one.
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        Self::from_bytes(name.as_bytes())
    }

    /// A name of these bytes, if it may be one.
    pub(super) fn from_bytes(name: &[u8]) -> Option<Self> {
        if name.is_empty() || name.len() > NODE_ID_BYTES_MAX || !name.iter().all(is_node_byte) {
            return None;
        }
        let mut bytes = [0; NODE_ID_BYTES_MAX];
        bytes[..name.len()].copy_from_slice(name);
        Some(Self { bytes, len: name.len() as u8 })
    }

    /// Its bytes, all of them ASCII.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // ASCII is UTF-8.
        str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// Whether it begins with `~`, as the names of servers do. A client may not have such a name.
    #[must_use]
    pub fn is_server(&self) -> bool {
        self.bytes[0] == SERVER_SIGN
    }
}

fn is_node_byte(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'@' | b'~' | b'-')
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// A timestamp. Ordered by time, then counter, then the bytes of the node; never by its text.
///
/// Its text is `millis:counter:node`, decimal, without signs and leading zeros.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hlc {
    /// Milliseconds since the Unix epoch, at most [`MILLIS_MAX`].
    pub millis: u64,
    /// Tells apart what happened within one millisecond.
    pub counter: u32,
    /// Who gave it.
    pub node: NodeId,
}

/// A text is no timestamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a timestamp is millis:counter:node, such as 1700000000000:0:phone-1")]
pub struct BadTimestamp;

impl Hlc {
    /// Reads a timestamp. Leading zeros are taken and left out again.
    ///
    /// # Errors
    /// [`BadTimestamp`] for anything that is not three parts of digits, digits and a node's name, or
    /// is above 2^53 - 1 milliseconds or a counter of 2^32 - 1.
    pub fn parse(text: &str) -> Result<Self, BadTimestamp> {
        let (millis, rest) = digits(text.as_bytes(), MILLIS_MAX).ok_or(BadTimestamp)?;
        let (counter, node) = digits(rest, u64::from(u32::MAX)).ok_or(BadTimestamp)?;
        let node = NodeId::from_bytes(node).ok_or(BadTimestamp)?;
        Ok(Self { millis, counter: counter as u32, node })
    }

    /// Its canonical text, written into a place for the longest.
    pub(super) fn text<'a>(&self, place: &'a mut [u8; HLC_BYTES_MAX]) -> &'a str {
        let node = self.node.as_bytes();
        let mut at = HLC_BYTES_MAX - node.len();
        place[at..].copy_from_slice(node);
        for number in [u64::from(self.counter), self.millis] {
            at -= 1;
            place[at] = b':';
            at = put_digits(number, at, place);
        }
        // ASCII is UTF-8.
        str::from_utf8(&place[at..]).unwrap_or_default()
    }
}

/// Writes a decimal number before `end`, and says where it begins.
fn put_digits(mut number: u64, end: usize, place: &mut [u8]) -> usize {
    let mut at = end;
    loop {
        at -= 1;
        place[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return at;
        }
    }
}

/// A decimal number up to the next colon, and what follows that.
fn digits(bytes: &[u8], max: u64) -> Option<(u64, &[u8])> {
    let mut number = 0_u64;
    for (at, &byte) in bytes.iter().enumerate() {
        match byte {
            b'0'..=b'9' => number = number * 10 + u64::from(byte - b'0'),
            b':' if at > 0 => return Some((number, &bytes[at + 1..])),
            _ => return None,
        }
        if number > max {
            return None;
        }
    }
    None
}

impl FromStr for Hlc {
    type Err = BadTimestamp;

    fn from_str(text: &str) -> Result<Self, BadTimestamp> {
        Self::parse(text)
    }
}

impl fmt::Display for Hlc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text(&mut [0; HLC_BYTES_MAX]))
    }
}

impl fmt::Debug for Hlc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Gives timestamps of one node, each above all it has given and seen.
///
/// Whoever starts again must [resume](Clock::resume) at, or above, what was given last: a slower wall
/// clock would otherwise give a timestamp twice. At [`MILLIS_MAX`] and the highest counter it stands still.
#[derive(Clone, Debug)]
pub struct Clock {
    last: Hlc,
}

impl Clock {
    /// A clock that has given nothing yet.
    #[must_use]
    pub fn new(node: NodeId) -> Self {
        Self { last: Hlc { millis: 0, counter: 0, node } }
    }

    /// A clock of `node` that gives nothing up to `last`, whoever's that is.
    #[must_use]
    pub fn resume(node: NodeId, last: Hlc) -> Self {
        Self { last: Hlc { node, ..last } }
    }

    /// The next timestamp: of the wall clock, or just above the last one.
    pub fn now(&mut self, wall: UnixMillis) -> Hlc {
        let wall = wall.0.min(MILLIS_MAX);
        if wall > self.last.millis {
            self.set(wall, 0);
        } else {
            self.set_after(self.last.millis, self.last.counter);
        }
        self.last.clone()
    }

    /// Takes note of another node's timestamp, and answers with one above it and above the last one.
    pub fn update(&mut self, seen: &Hlc, wall: UnixMillis) -> Hlc {
        let wall = wall.0.min(MILLIS_MAX);
        let last = &self.last;
        let highest = wall.max(last.millis).max(seen.millis);
        let counter = match (highest == last.millis, highest == seen.millis) {
            (true, true) => Some(last.counter.max(seen.counter)),
            (true, false) => Some(last.counter),
            (false, true) => Some(seen.counter),
            (false, false) => None,
        };
        match counter {
            Some(counter) => self.set_after(highest, counter),
            None => self.set(highest, 0),
        }
        self.last.clone()
    }

    /// The last timestamp given, or what it resumed at.
    #[must_use]
    pub fn last(&self) -> &Hlc {
        &self.last
    }

    fn set(&mut self, millis: u64, counter: u32) {
        self.last.millis = millis;
        self.last.counter = counter;
    }

    fn set_after(&mut self, millis: u64, counter: u32) {
        match counter.checked_add(1) {
            Some(counter) => self.set(millis, counter),
            None if millis < MILLIS_MAX => self.set(millis + 1, 0),
            None => self.set(millis, counter),
        }
    }
}
