//! What can be set of webhooks in `[peer]`, and its defaults. Values only.

use std::{fmt, time::Duration};

use crate::config::WebhookEvent;

/// Webhooks of the peer dialect.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WebhookConfig {
    /// Where they go; `None` for nowhere.
    pub url: Option<String>,
    /// What signs them: `whsec_` and 24 to 64 bytes in base64.
    pub secret: Option<String>,
    /// What is told; empty for everything.
    pub events: Vec<WebhookEvent>,
    /// How many may wait.
    pub queue_max: usize,
    /// How long after it happened something is still tried to be told.
    pub retry_for: Duration,
}

impl fmt::Debug for WebhookConfig {
    /// Everything but the secret, and of the address that there is one: it may hold another.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hidden = |secret: &Option<String>| secret.as_ref().map(|_| "(set)");
        f.debug_struct("WebhookConfig")
            .field("url", &hidden(&self.url))
            .field("secret", &hidden(&self.secret))
            .field("events", &self.events)
            .field("queue_max", &self.queue_max)
            .field("retry_for", &self.retry_for)
            .finish()
    }
}

impl Default for WebhookConfig {
    fn default() -> Self {
        Self {
            url: None,
            secret: None,
            events: Vec::new(),
            queue_max: 10_000,
            retry_for: Duration::from_secs(5 * 60),
        }
    }
}
