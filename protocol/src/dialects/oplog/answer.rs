//! What a dataset answers, and the bodies that say so.
//!
//! Knows the wire of answers. Records of the log are finished JSON objects: who sends a body puts them
//! between its two ends, with commas, and reads them from the log as it goes.

use std::sync::Arc;

use bytes::Bytes;

use super::{fault::BadRequest, text};

/// Records of a dataset's log, by the log's own numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Records {
    /// The number before the first one.
    pub after: u64,
    /// The number of the last one; not below `after`.
    pub last: u64,
}

impl Records {
    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.last - self.after
    }
}

/// What a dataset answers. Everything it says is durable when it is released.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// To a bootstrap.
    Bootstrap {
        /// The active generation's key.
        generation: Arc<str>,
        /// The snapshot's JSON string, as it was written.
        snapshot: Bytes,
        /// The number of the last operation; 0 for none.
        server_seq: u64,
        /// The operations behind the snapshot.
        records: Records,
    },
    /// To a push: its operations are stored.
    Pushed {
        /// The key that the client shall go on with.
        generation: Arc<str>,
        /// The number of the last operation; 0 for none.
        server_seq: u64,
        /// How many operations were new.
        stored: u64,
    },
    /// To a pull.
    Pulled {
        /// The active generation's key.
        generation: Arc<str>,
        /// The number of the last operation; 0 for none.
        server_seq: u64,
        /// The operations asked for.
        records: Records,
    },
    /// To a reset and to a rotation: a new generation is active.
    Reset {
        /// Its key.
        generation: Arc<str>,
        /// The number of its last operation; 0 after a reset.
        server_seq: u64,
    },
    /// To a checkpoint: the snapshot, or a newer one, stands for the operations up to its number.
    Checkpointed {
        /// The key that is active now.
        generation: Arc<str>,
        /// The number of the last operation.
        server_seq: u64,
        /// How many operations were dropped.
        dropped: u64,
    },
    /// The client must begin anew with this key and snapshot.
    Stale {
        /// The active generation's key.
        generation: Arc<str>,
        /// The snapshot's JSON string, as it was written.
        snapshot: Bytes,
        /// How many operations of a push without a key were stored in spite of it.
        stored: u64,
    },
    /// To a reset: its key is taken, or was; nothing is changed.
    GenerationExists,
    /// To a checkpoint: its number is above that of the last operation; nothing is changed.
    BeyondHead,
}

/// A body, and the status that goes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// What comes first, in pieces.
    pub head: Vec<Bytes>,
    /// What comes between, with a comma between two.
    pub records: Option<Records>,
    /// What comes last.
    pub tail: &'static str,
}

impl Answer {
    /// Whether clients that wait for news should ask now: operations were added, or the generation
    /// is another.
    #[must_use]
    pub fn is_news(&self) -> bool {
        match self {
            Self::Pushed { stored, .. } | Self::Stale { stored, .. } => *stored > 0,
            Self::Reset { .. } | Self::Checkpointed { .. } => true,
            _ => false,
        }
    }

    /// The answer as it goes over HTTP.
    #[must_use]
    pub fn into_reply(self) -> Reply {
        match self {
            Self::Bootstrap { generation, snapshot, server_seq, records } => {
                let mut head = key_and_snapshot(&generation, snapshot);
                head.push(with_ops(format!(r#","serverSeq":{server_seq}"#).into_bytes()));
                Reply { status: 200, head, records: Some(records), tail: "]}" }
            }
            Self::Pulled { generation, server_seq, records } => {
                let head = vec![with_ops(seq_and_key(server_seq, &generation))];
                Reply { status: 200, head, records: Some(records), tail: "]}" }
            }
            Self::Pushed { generation, server_seq, .. }
            | Self::Reset { generation, server_seq }
            | Self::Checkpointed { generation, server_seq, .. } => {
                whole(200, vec![seq_and_key(server_seq, &generation).into()], "}")
            }
            Self::Stale { generation, snapshot, .. } => {
                whole(409, key_and_snapshot(&generation, snapshot), "}")
            }
            Self::GenerationExists => error(409, "datasetGenerationKey already exists"),
            Self::BeyondHead => error(400, "serverSeq is above that of the last operation"),
        }
    }
}

impl BadRequest {
    /// The answer as it goes over HTTP.
    #[must_use]
    pub fn into_reply(self) -> Reply {
        error(400, &self.to_string())
    }
}

/// An answer that says what went wrong.
#[must_use]
pub fn error(status: u16, message: &str) -> Reply {
    let mut body = br#"{"error":"#.to_vec();
    text::write_string(message, &mut body);
    whole(status, vec![body.into()], "}")
}

fn whole(status: u16, head: Vec<Bytes>, tail: &'static str) -> Reply {
    Reply { status, head, records: None, tail }
}

/// `{"datasetGenerationKey":…,"snapshot":…`, where the snapshot is not copied.
fn key_and_snapshot(generation: &str, snapshot: Bytes) -> Vec<Bytes> {
    let mut begin = br#"{"datasetGenerationKey":"#.to_vec();
    text::write_string(generation, &mut begin);
    begin.extend_from_slice(br#","snapshot":"#);
    vec![begin.into(), snapshot]
}

/// `{"serverSeq":…,"datasetGenerationKey":…`
fn seq_and_key(server_seq: u64, generation: &str) -> Vec<u8> {
    let mut begin = br#"{"serverSeq":"#.to_vec();
    text::write_number(server_seq, &mut begin);
    begin.extend_from_slice(br#","datasetGenerationKey":"#);
    text::write_string(generation, &mut begin);
    begin
}

fn with_ops(mut head: Vec<u8>) -> Bytes {
    head.extend_from_slice(br#","ops":["#);
    head.into()
}
