//! Settings that are one word of a few. Knows the words and nothing of where they are written.

/// A type whose every value has a name.
pub(super) trait Choice: Copy + 'static {
    /// Every value.
    const ALL: &'static [Self];

    /// The value's name.
    fn name(self) -> &'static str;
}

/// What an acknowledged write survives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Power loss.
    #[default]
    Device,
    /// A crash of the process.
    Os,
}

/// The least urgent events that are logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogLevel {
    /// Nothing.
    Off,
    /// What somebody must act on.
    Error,
    /// What somebody should look at.
    Warn,
    /// What a healthy server says.
    #[default]
    Info,
    /// What helps to find a fault.
    Debug,
    /// Everything.
    Trace,
}

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogFormat {
    /// For people on a terminal, JSON otherwise.
    #[default]
    Auto,
    /// For people.
    Human,
    /// One JSON object per line.
    Json,
}

/// When a sender of the workspace dialect hears its own write back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Heal {
    /// Never.
    Never,
    /// Where its view of the key may be stale.
    #[default]
    Heal,
    /// Always.
    Always,
}

/// What the first message of the workspace dialect holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Opening {
    /// Bare values.
    #[default]
    Values,
    /// Entries with their timestamps.
    Entries,
}

/// Who has a dataset of the oplog dialect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tenants {
    /// Everybody the same one, without a token.
    #[default]
    None,
    /// Each tenant that a token names.
    Token,
}

/// When a write of the maps dialect is acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ack {
    /// When it survives what [`Durability`] says.
    #[default]
    Device,
    /// When it is in memory.
    Memory,
}

/// What a token is signed with (RFC 7518, section 3.1, and RFC 8037).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TokenAlgorithm {
    /// HMAC with SHA-256.
    #[default]
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
    /// RSA, PKCS #1 v1.5, with SHA-256.
    Rs256,
    /// RSA, PKCS #1 v1.5, with SHA-384.
    Rs384,
    /// RSA, PKCS #1 v1.5, with SHA-512.
    Rs512,
    /// RSA, PSS, with SHA-256.
    Ps256,
    /// RSA, PSS, with SHA-384.
    Ps384,
    /// RSA, PSS, with SHA-512.
    Ps512,
    /// ECDSA over P-256 with SHA-256.
    Es256,
    /// ECDSA over P-384 with SHA-384.
    Es384,
    /// Ed25519.
    EdDsa,
}

/// What a webhook of the peer dialect tells of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WebhookEvent {
    /// The first has come into a room.
    #[default]
    RoomBegan,
    /// The last has gone.
    RoomEnded,
    /// Somebody has come.
    ParticipantJoined,
    /// Somebody has gone.
    ParticipantLeft,
    /// An operator has banned somebody.
    ParticipantBanned,
    /// An operator has ended a ban.
    ParticipantUnbanned,
    /// An operator has closed a room.
    RoomClosed,
    /// An operator has dropped what is stored of a room.
    RoomForgotten,
}

impl Choice for Durability {
    const ALL: &'static [Self] = &[Self::Device, Self::Os];

    fn name(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Os => "os",
        }
    }
}

impl Choice for LogLevel {
    const ALL: &'static [Self] =
        &[Self::Off, Self::Error, Self::Warn, Self::Info, Self::Debug, Self::Trace];

    fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

impl Choice for LogFormat {
    const ALL: &'static [Self] = &[Self::Auto, Self::Human, Self::Json];

    fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Human => "human",
            Self::Json => "json",
        }
    }
}

impl Choice for Heal {
    const ALL: &'static [Self] = &[Self::Never, Self::Heal, Self::Always];

    fn name(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Heal => "heal",
            Self::Always => "always",
        }
    }
}

impl Choice for Opening {
    const ALL: &'static [Self] = &[Self::Values, Self::Entries];

    fn name(self) -> &'static str {
        match self {
            Self::Values => "values",
            Self::Entries => "entries",
        }
    }
}

impl Choice for Tenants {
    const ALL: &'static [Self] = &[Self::None, Self::Token];

    fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Token => "token",
        }
    }
}

impl Choice for Ack {
    const ALL: &'static [Self] = &[Self::Device, Self::Memory];

    fn name(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Memory => "memory",
        }
    }
}

impl Choice for TokenAlgorithm {
    const ALL: &'static [Self] = &[
        Self::Hs256,
        Self::Hs384,
        Self::Hs512,
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::EdDsa,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
        }
    }
}

impl Choice for WebhookEvent {
    const ALL: &'static [Self] = &[
        Self::RoomBegan,
        Self::RoomEnded,
        Self::ParticipantJoined,
        Self::ParticipantLeft,
        Self::ParticipantBanned,
        Self::ParticipantUnbanned,
        Self::RoomClosed,
        Self::RoomForgotten,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::RoomBegan => "room_began",
            Self::RoomEnded => "room_ended",
            Self::ParticipantJoined => "participant_joined",
            Self::ParticipantLeft => "participant_left",
            Self::ParticipantBanned => "participant_banned",
            Self::ParticipantUnbanned => "participant_unbanned",
            Self::RoomClosed => "room_closed",
            Self::RoomForgotten => "room_forgotten",
        }
    }
}

impl WebhookEvent {
    /// Its name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        Choice::name(self)
    }
}

impl TokenAlgorithm {
    /// The algorithm of this name, such as `HS256`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|value| Choice::name(**value) == name).copied()
    }

    /// The names of all of them.
    #[must_use]
    pub fn names() -> Vec<&'static str> {
        names::<Self>()
    }
}

/// The names of all values.
pub(super) fn names<C: Choice>() -> Vec<&'static str> {
    C::ALL.iter().map(|value| value.name()).collect()
}

/// Sets `to` to the value of this name; false when there is none.
pub(super) fn choose<C: Choice>(name: &str, to: &mut C) -> bool {
    match C::ALL.iter().find(|value| value.name() == name) {
        Some(value) => {
            *to = *value;
            true
        }
        None => false,
    }
}
