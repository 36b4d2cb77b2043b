//! What the peers of the relay say, whatever wire carries it: names, bounds, decode errors.
//!
//! Knows neither JSON nor protobuf. Nothing here prints a payload or a discovery key.

use std::fmt;

use bytes::Bytes;

/// The longest client id and the longest discovery key, in bytes of UTF-8. The shortest is 1.
pub const NAME_BYTES_MAX: usize = 256;

/// Why bytes of a peer are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Not a message of this wire.
    #[error("not a message of the relay protocol; see its description of the wire")]
    Malformed,
    /// A hello whose client id or discovery key is empty or longer than [`NAME_BYTES_MAX`].
    #[error("a hello needs a client id and a discovery key of 1 to 256 bytes")]
    InvalidHello,
}

/// The first message of a client: who it is, what it follows, what it already has.
#[derive(Clone, PartialEq, Eq)]
pub struct Hello {
    client_id: String,
    discovery_key: String,
    last_sequence: u64,
    ack: bool,
}

impl Hello {
    /// A hello that follows `discovery_key` after `last_sequence` (0: from the start) and, with
    /// `ack`, asks to be told when its changes are durable.
    ///
    /// # Errors
    /// [`DecodeError::InvalidHello`] when a name is empty or longer than [`NAME_BYTES_MAX`].
    pub fn new(
        client_id: String,
        discovery_key: String,
        last_sequence: u64,
        ack: bool,
    ) -> Result<Self, DecodeError> {
        let fits = |name: &str| (1..=NAME_BYTES_MAX).contains(&name.len());
        if fits(&client_id) && fits(&discovery_key) {
            Ok(Self { client_id, discovery_key, last_sequence, ack })
        } else {
            Err(DecodeError::InvalidHello)
        }
    }

    /// The client's name, which its changes carry; 1 to [`NAME_BYTES_MAX`] bytes.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// The name of the document on the network; 1 to [`NAME_BYTES_MAX`] bytes.
    #[must_use]
    pub fn discovery_key(&self) -> &str {
        &self.discovery_key
    }

    /// The last sequence number the client has; 0 for none.
    #[must_use]
    pub fn last_sequence(&self) -> u64 {
        self.last_sequence
    }

    /// Whether the client asks to be told when its changes are durable.
    #[must_use]
    pub fn ack(&self) -> bool {
        self.ack
    }

    /// The discovery key alone.
    pub(super) fn into_discovery_key(self) -> String {
        self.discovery_key
    }
}

impl fmt::Debug for Hello {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hello")
            .field("last_sequence", &self.last_sequence)
            .field("ack", &self.ack)
            .finish_non_exhaustive()
    }
}

/// What a server says, on either wire.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerMessage {
    /// A change somebody made.
    Change(Change),
    /// A change of this client is durable.
    Accepted {
        /// The id its submit carried: this one and every earlier one are durable. `None` on the
        /// JSON wire, where each change is accepted by itself, in the order they were sent.
        id: Option<u64>,
        /// The sequence number it got.
        sequence: u64,
    },
    /// The history asked for has been sent; what follows is live. Only on the binary wire.
    CaughtUp {
        /// The last sequence number of that history.
        sequence: u64,
    },
    /// A message of a later version, or one for another key: to be passed over.
    Unknown,
}

/// One change of a document, as it reaches a client.
#[derive(Clone, PartialEq, Eq)]
pub struct Change {
    /// Its place among the changes of its key, from 1, never given twice.
    pub sequence: u64,
    /// The client id that its maker said hello with.
    pub source_client_id: String,
    /// The bytes, as they were submitted.
    pub payload: Bytes,
}

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Change")
            .field("sequence", &self.sequence)
            .field("payload_bytes", &self.payload.len())
            .finish_non_exhaustive()
    }
}
