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
