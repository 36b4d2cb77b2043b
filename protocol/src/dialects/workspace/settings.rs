//! What the owner of a server chooses for its workspaces, and the bounds that are fixed.
//!
//! Knows no message and no room.

/// The longest name of a workspace, in bytes of UTF-8. The shortest is 1.
pub const WORKSPACE_BYTES_MAX: usize = 512;

/// The longest key that can be stored at all, in bytes of UTF-8; [`Limits::key_bytes_max`] is
/// usually below it.
pub const KEY_BYTES_MAX: usize = u16::MAX as usize;

/// How deep arrays and objects of a value may lie in each other. Parsers with the usual bound of 128
/// can then read every message that carries it.
pub const VALUE_DEPTH_MAX: usize = 120;

/// When the sender of an operation gets it back.
///
/// The original clients store what they set and what they get, whatever came first. A client whose
/// operation crosses another one on the wire ends with the wrong value, unless it gets its own again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Heal {
    /// Never, to the letter of the specification.
    Never,
    /// When the sender's copy could otherwise end apart from the room's.
    #[default]
    WhenNeeded,
    /// Always.
    Always,
}

/// What the opening message says of each key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Opening {
    /// Its value.
    #[default]
    Values,
    /// An object of its workspace, key, value and timestamp, for the demo page of the first server.
    Entries,
}

/// What one workspace may hold. 0 means no limit of ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all its keys and stored entries.
    pub bytes_max: u64,
    /// Keys.
    pub keys_max: u64,
    /// Bytes of one key; never more than [`KEY_BYTES_MAX`].
    pub key_bytes_max: usize,
}

/// Everything there is to choose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// When the sender of an operation gets it back.
    pub heal: Heal,
    /// What the opening message says of each key.
    pub opening: Opening,
    /// How far in the future a timestamp may lie, in milliseconds; 0 for any.
    pub future_skew_max_ms: u64,
    /// What one workspace may hold.
    pub limits: Limits,
}
