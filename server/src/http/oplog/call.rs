//! The paths of the API: their names, their methods, whether they are switched on.

use http::Method;

use crate::config::OplogConfig;

/// What a path asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Bootstrap,
    Push,
    Pull,
    Reset,
    Checkpoint,
    Events,
}

impl Call {
    /// The call at a path; what is switched off is not there.
    pub(super) fn of(path: &str, config: &OplogConfig) -> Option<Self> {
        match path {
            "/sync/bootstrap" => Some(Self::Bootstrap),
            "/sync/push" => Some(Self::Push),
            "/sync/pull" => Some(Self::Pull),
            "/sync/reset" => Some(Self::Reset),
            "/sync/checkpoint" => config.checkpoint.then_some(Self::Checkpoint),
            "/sync/events" => config.events.then_some(Self::Events),
            _ => None,
        }
    }

    /// Whether it comes with a body, and changes something.
    pub(super) fn has_body(self) -> bool {
        matches!(self, Self::Push | Self::Reset | Self::Checkpoint)
    }

    pub(super) fn takes(self, method: &Method) -> bool {
        if self.has_body() {
            method == Method::POST
        } else {
            matches!(*method, Method::GET | Method::HEAD)
        }
    }

    /// The methods it takes, for `Allow`.
    pub(super) fn methods(self) -> &'static str {
        if self.has_body() { "POST, OPTIONS" } else { "GET, HEAD, OPTIONS" }
    }
}
