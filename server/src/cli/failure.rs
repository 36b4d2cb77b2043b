//! Why a command failed, as an exit code and words for people. Every error ends here.

use std::{fmt, io, process::ExitCode};

use syncline::{
    StartError,
    config::{DemoExposed, Exposed, Problem, Problems, WebhookUnready},
};

use super::output;

/// The exit codes, a contract with scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It was tried and failed.
    Failed = 1,
    /// What was asked for cannot be meant.
    Usage = 2,
    /// Bytes of the store are damaged.
    Damaged = 3,
    /// What was named is not there.
    NotFound = 4,
    /// Another process has the data directory open.
    Locked = 5,
    /// The server is not there, or does not let the caller in.
    Unreachable = 6,
}

/// Why a command failed.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    message: String,
    hint: Option<String>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl fmt::Display) -> Self {
        Self { exit, message: message.to_string(), hint: None }
    }

    /// Puts what it is about before the message.
    pub(crate) fn about(mut self, what: impl fmt::Display) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }

    /// Adds what to do next.
    pub(crate) fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }

    /// Tells the user on standard error and gives the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        let bold = output::Style::of_stderr();
        let mut text = format!("{} {}\n", bold.red("error:"), self.message);
        if let Some(hint) = &self.hint {
            text += &format!("{} {hint}\n", bold.bold("hint:"));
        }
        output::complain(&text);
        ExitCode::from(self.exit as u8)
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        let absent =
            |problem: &Problem| matches!(problem, Problem::Unreadable { absent: true, .. });
        let exit = if problems.0.iter().all(absent) { Exit::NotFound } else { Exit::Usage };
        Self::new(exit, problems)
            .hint("`syncline config default` prints every setting with what it takes")
    }
}

impl From<DemoExposed> for Failure {
    fn from(exposed: DemoExposed) -> Self {
        Self::new(Exit::Usage, exposed.to_string())
            .hint("leave out --demo, listen on 127.0.0.1, or say --insecure-open")
    }
}

impl From<WebhookUnready> for Failure {
    fn from(unready: WebhookUnready) -> Self {
        Self::new(Exit::Usage, unready).hint(
            "make a secret with: echo \"whsec_$(openssl rand -base64 32)\", and give it in a file \
             (--peer-webhook-secret-file FILE or SYNCLINE_PEER_WEBHOOK_SECRET_FILE)",
        )
    }
}

impl From<Exposed> for Failure {
    fn from(exposed: Exposed) -> Self {
        Self::new(Exit::Usage, exposed).hint(
            "give the relay a token of 16 or more letters and digits (--relay-token-file FILE, \
             SYNCLINE_RELAY_TOKEN_FILE or [relay] token) and let the oplog ask for tokens \
             (--oplog-tenants token), or say that it is meant: --insecure-open",
        )
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        match error {
            StartError::AddressInUse(_) => Self::new(Exit::Failed, error).hint(
                "another program listens there; take a free port with --listen 127.0.0.1:0, \
                 or another one with PORT=8081",
            ),
            StartError::Store(error) => error.into(),
            StartError::Auth(error) => error.into(),
            StartError::Webhook(error) => error.into(),
            error => Self::new(Exit::Failed, error),
        }
    }
}

impl From<syncline_engine::Error> for Failure {
    fn from(error: syncline_engine::Error) -> Self {
        match error {
            syncline_engine::Error::Locked { .. } => Self::new(Exit::Locked, error)
                .hint("stop that process, or name another directory with --data-dir"),
            error if error.is_corruption() => Self::new(Exit::Damaged, error),
            error => Self::new(Exit::Failed, error),
        }
    }
}

#[cfg(feature = "sqlite")]
impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::new(Exit::Failed, format!("SQLite: {error}"))
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::new(Exit::Failed, error)
    }
}
