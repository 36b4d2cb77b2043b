//! What can be wrong with a configuration, and where each value came from. Words only, no parsing.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// A line of the configuration file, from 1.
    File {
        /// The file as it was named.
        path: PathBuf,
        /// The line.
        line: usize,
    },
    /// An environment variable.
    Variable(String),
    /// A command-line flag, without its dashes.
    Flag(String),
}

/// One thing that is wrong with a configuration. Never shows the value of a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The file is no TOML.
    #[error("{origin}: {message}")]
    Syntax {
        /// Where.
        origin: Origin,
        /// What the parser says.
        message: String,
    },
    /// No setting has this name.
    #[error("{origin}: unknown {what} {name}{}", hint(.nearest.as_deref()))]
    Unknown {
        /// Where.
        origin: Origin,
        /// `key`, `section` or `variable`.
        what: &'static str,
        /// As it was written.
        name: String,
        /// The known name it may have meant.
        nearest: Option<String>,
    },
    /// The setting does not take this value.
    #[error("{origin}: {name} {message}")]
    Invalid {
        /// Where.
        origin: Origin,
        /// The setting.
        name: &'static str,
        /// What it wants.
        message: String,
    },
    /// The setting and its `_file` form are both given in one place.
    #[error("{origin}: {name} is given twice; keep either the value or the _file that holds it")]
    Twice {
        /// Where the second one is.
        origin: Origin,
        /// The setting.
        name: &'static str,
    },
    /// A file could not be read.
    #[error("{origin}: cannot read {}: {message}", .path.display())]
    Unreadable {
        /// Who names the file.
        origin: Origin,
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        message: String,
        /// Whether it does not exist.
        absent: bool,
    },
}

impl Problem {
    pub(super) fn unreadable(origin: &Origin, path: &Path, error: &io::Error) -> Self {
        Self::Unreadable {
            origin: origin.clone(),
            path: path.into(),
            message: error.to_string(),
            absent: error.kind() == io::ErrorKind::NotFound,
        }
    }
}

/// Everything that is wrong with a configuration; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Variable(name) => f.write_str(name),
            Self::Flag(name) => write!(f, "--{name}"),
        }
    }
}

impl fmt::Display for Problems {
    /// One line each.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.0.iter().enumerate() {
            write!(f, "{}{problem}", if i == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

fn hint(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!(" (did you mean {name}?)"))
}
