//! What can be set in `[auth]`, and its defaults. Values only; a secret is never shown.

use std::{fmt, path::PathBuf, time::Duration};

use crate::config::TokenAlgorithm;

/// Who may do what.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuthConfig {
    /// Whether an address that others can reach may be served without a token.
    pub insecure_open: bool,
    /// When set, whoever shows this token may ask `/admin/` for figures and backups, and
    /// moderate the rooms of the peer dialect.
    pub admin_token: Option<String>,
    /// The HMAC secret that tokens are signed with, its bytes as they are. With neither this nor a
    /// key one is made in the data directory.
    pub secret: Option<String>,
    /// The HMAC secret that is still accepted while tokens move to a new one.
    pub secret_previous: Option<String>,
    /// A public key in PEM that checks tokens.
    pub public_key_file: Option<PathBuf>,
    /// A JSON Web Key Set whose keys check tokens.
    pub jwks_file: Option<PathBuf>,
    /// Where a JSON Web Key Set is fetched: https, or http on a loopback address.
    pub jwks_url: Option<String>,
    /// What tokens may be signed with; empty for all that fit the keys.
    pub algorithms: Vec<TokenAlgorithm>,
    /// A token must name one of these (`aud`); empty asks for none.
    pub audience: Vec<String>,
    /// A token must name this (`iss`); `None` asks for none.
    pub issuer: Option<String>,
    /// How far the clocks of those who issue tokens may be off; at most a minute.
    pub leeway: Duration,
    /// Whether a token that never expires is refused.
    pub require_expiry: bool,
    /// Whether a connection ends when its token expires.
    pub close_expired: bool,
}

impl fmt::Debug for AuthConfig {
    /// Everything but the secrets, so that no log of a configuration shows them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hidden = |secret: &Option<String>| secret.as_ref().map(|_| "(set)");
        f.debug_struct("AuthConfig")
            .field("insecure_open", &self.insecure_open)
            .field("admin_token", &hidden(&self.admin_token))
            .field("secret", &hidden(&self.secret))
            .field("secret_previous", &hidden(&self.secret_previous))
            .field("public_key_file", &self.public_key_file)
            .field("jwks_file", &self.jwks_file)
            .field("jwks_url", &self.jwks_url)
            .field("algorithms", &self.algorithms)
            .field("audience", &self.audience)
            .field("issuer", &self.issuer)
            .field("leeway", &self.leeway)
            .field("require_expiry", &self.require_expiry)
            .field("close_expired", &self.close_expired)
            .finish()
    }
}

impl Default for AuthConfig {
    fn default() -> Self {
        Self {
            insecure_open: false,
            admin_token: None,
            secret: None,
            secret_previous: None,
            public_key_file: None,
            jwks_file: None,
            jwks_url: None,
            algorithms: Vec::new(),
            audience: Vec::new(),
            issuer: None,
            leeway: Duration::from_secs(30),
            require_expiry: false,
            close_expired: false,
        }
    }
}
