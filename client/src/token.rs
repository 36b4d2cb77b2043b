//! Where the token comes from that the server is shown. Knows no token's content.

use std::{fmt, sync::Arc};

/// Says the token that the server is shown: at each connection, and when the last one ends.
#[derive(Clone)]
pub struct Token(Arc<dyn Fn() -> String + Send + Sync>);

impl Token {
    /// A token that is asked for whenever one is wanted, so that it may be a newer one. The call must
    /// be short. What has to fetch it from somewhere rather uses
    /// [`maps::Client::set_token`](crate::maps::Client::set_token) when it has it.
    pub fn from_fn(source: impl Fn() -> String + Send + Sync + 'static) -> Self {
        Self(Arc::new(source))
    }

    pub(crate) fn say(&self) -> String {
        (self.0)()
    }
}

impl From<String> for Token {
    fn from(token: String) -> Self {
        Self::from_fn(move || token.clone())
    }
}

impl From<&str> for Token {
    fn from(token: &str) -> Self {
        token.to_owned().into()
    }
}

/// It is a secret.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}
