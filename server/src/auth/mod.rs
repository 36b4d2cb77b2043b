//! Who a token says its holder is, and whether to believe it (RFC 7519, as RFC 8725 wants it checked).
//!
//! Knows tokens, keys and where keys come from; nothing of a dialect or of what somebody may do.

mod claims;
mod credential;
mod denied;
mod error;
mod json;
mod keys;
mod remote;
mod rooms;
mod secret;
mod sign;
mod token;

use std::{
    fmt,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

pub use syncline_protocol::dialect::UnixMillis;

use crate::config::{AuthConfig, Permission};

pub use self::claims::perms_claim;
pub(crate) use self::credential::{BEARER_PROTOCOL, bearer, same_secret};
use self::{
    claims::Rules,
    keys::{Key, Keys},
    remote::Remote,
};
pub use self::{
    credential::{Credential, credential},
    denied::Denied,
    error::StartError,
    rooms::{RoomGrant, is_room_claim},
    sign::SigningKey,
};

/// Bytes of a token; a longer one is refused before anything of it is decoded.
pub const TOKEN_BYTES_MAX: usize = 8 << 10;

/// Bytes of an HMAC secret (RFC 7518, section 3.2, for HS256).
pub const SECRET_BYTES_MIN: usize = 32;

/// The file in a data directory with the secret that a server makes for itself.
const OWN_SECRET: &str = "SECRET";

/// Lifetime of a development token.
const DEVELOPMENT_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// Who a token says its holder is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Identity {
    /// `sub`
    pub subject: Option<String>,
    /// `tenant`
    pub tenant: Option<String>,
    /// `scope`: what the holder may do; `None` when the token does not say.
    pub scopes: Option<Vec<String>>,
    /// `workspaces`: where the holder may do it; `None` when the token does not say.
    pub workspaces: Option<Vec<String>>,
    /// `perms`: what the holder may do in which maps; `None` when the token does not say.
    pub perms: Option<Vec<Permission>>,
    /// `roles`: names that the configuration gives a meaning; `None` when the token does not say.
    pub roles: Option<Vec<String>>,
    /// `perms` or `roles` has another form than maps wants. A token may mean something else by these
    /// names, so only maps refuses it.
    pub grants_unreadable: bool,
    /// `room`, `kind`, `pub` and `hist`: what the holder may do in rooms of the peer dialect.
    pub room_grant: RoomGrant,
    /// One of those has another form than peer wants. As above: only peer refuses the token.
    pub room_grant_unreadable: bool,
    /// From when on the token counts no more: `exp` and the leeway.
    pub expires: Option<UnixMillis>,
}

/// Checks tokens. Shared by all shards; a check takes no lock.
pub struct Auth {
    keys: Keys,
    remote: Option<Remote>,
    rules: Rules,
    /// The secret that was made because none is configured.
    own_secret: Option<String>,
}

impl fmt::Debug for Auth {
    /// Nothing that opens it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auth").field("keys", &self.keys.len()).finish_non_exhaustive()
    }
}

impl Auth {
    /// Reads the configured keys and begins to fetch those of an address. When none is configured, a
    /// secret is made in the file `SECRET` of `data_dir`, or the one that is there is taken.
    ///
    /// # Errors
    /// A [`StartError`] names the file or the address and what is wrong with it.
    pub fn start(config: &AuthConfig, data_dir: &Path) -> Result<Self, StartError> {
        let own_secret = if has_keys(config) { None } else { Some(secret::make(data_dir)?) };
        let remote =
            config.jwks_url.as_deref().map(|url| Remote::start(url, config)).transpose()?;
        Self::new(config, own_secret, remote)
    }

    /// The same for a look from outside: makes no secret, and has fetched the keys of an address
    /// once when it returns.
    ///
    /// # Errors
    /// As [`Auth::start`]; also when there is no secret, or an address cannot be fetched.
    pub fn look(config: &AuthConfig, data_dir: &Path) -> Result<Self, StartError> {
        let own_secret = if has_keys(config) { None } else { Some(secret::read(data_dir)?) };
        let remote = config.jwks_url.as_deref().map(|url| Remote::once(url, config)).transpose()?;
        Self::new(config, own_secret, remote)
    }

    fn new(
        config: &AuthConfig,
        own_secret: Option<String>,
        remote: Option<Remote>,
    ) -> Result<Self, StartError> {
        let keys = local_keys(config, own_secret.as_deref())?;
        if keys.is_empty() && remote.is_none() {
            return Err(StartError::NoKey);
        }
        Ok(Self { keys, remote, rules: Rules::new(config), own_secret })
    }

    /// Who the holder of a token is.
    ///
    /// # Errors
    /// [`Denied`] says why it is not believed. That is for logs and metrics: a peer hears only that
    /// it was refused.
    pub fn verify(&self, token: &str) -> Result<Identity, Denied> {
        self.verify_at(token, now())
    }

    /// [`Auth::verify`] at a time of the caller's choice.
    ///
    /// # Errors
    /// As [`Auth::verify`].
    pub fn verify_at(&self, token: &str, now: UnixMillis) -> Result<Identity, Denied> {
        let parts = token::take_apart(token)?;
        match &self.remote {
            None => self.keys.check(&parts)?,
            Some(remote) => {
                let fetched = remote.keys();
                match Keys::check_all([&self.keys, &fetched], &parts) {
                    Err(Denied::UnknownKey) => {
                        remote.ask();
                        return Err(Denied::UnknownKey);
                    }
                    checked => checked?,
                }
            }
        }
        self.rules.judge(&token::claims(&parts)?, now)
    }

    /// A token for trying things out, of the subject `dev` and good for a day, that may do everything in
    /// all maps and in all data rooms. `None` when keys are
    /// configured: this one is signed with the secret that was made.
    #[must_use]
    pub fn development_token(&self) -> Option<String> {
        let key = SigningKey::from_secret(self.own_secret.as_deref()?);
        let issued = now().0 / 1000;
        let mut claims = serde_json::Map::new();
        claims.insert("sub".into(), "dev".into());
        claims.insert("iat".into(), issued.into());
        claims.insert("exp".into(), (issued + DEVELOPMENT_LIFETIME.as_secs()).into());
        claims.insert("perms".into(), perms_claim(&[Permission::everything()]));
        claims.insert("room".into(), "*".into());
        claims.insert("hist".into(), true.into());
        key.sign(&claims).ok()
    }

    /// How long ago the keys of an address were fetched; `None` when there is no address, or nothing
    /// has come from it yet.
    #[must_use]
    pub fn key_set_age(&self) -> Option<Duration> {
        self.remote.as_ref()?.age()
    }
}

/// Whether the configured secrets and files hold keys that check tokens; an address is not asked.
///
/// # Errors
/// A [`StartError`] names the file and what is wrong with it.
pub fn check(config: &AuthConfig) -> Result<(), StartError> {
    let keys = local_keys(config, None)?;
    let others = config.jwks_url.is_some() || !has_keys(config);
    if keys.is_empty() && !others { Err(StartError::NoKey) } else { Ok(()) }
}

/// The secret that tokens are signed with: the configured one, or the one that a server has made in
/// this data directory.
///
/// # Errors
/// A [`StartError`] when there is neither.
pub fn signing_secret(config: &AuthConfig, data_dir: &Path) -> Result<String, StartError> {
    config.secret.clone().map_or_else(|| secret::read(data_dir), Ok)
}

fn has_keys(config: &AuthConfig) -> bool {
    config.secret.is_some()
        || config.secret_previous.is_some()
        || config.public_key_file.is_some()
        || config.jwks_file.is_some()
        || config.jwks_url.is_some()
}

fn local_keys(config: &AuthConfig, own_secret: Option<&str>) -> Result<Keys, StartError> {
    let secrets = [own_secret, config.secret.as_deref(), config.secret_previous.as_deref()];
    let mut keys: Vec<Key> = secrets.into_iter().flatten().map(Key::from_secret).collect();
    if let Some(path) = &config.public_key_file {
        let key = Key::from_pem(&read(path)?);
        keys.push(key.map_err(|reason| StartError::BadKey { path: path.clone(), reason })?);
    }
    if let Some(path) = &config.jwks_file {
        let set = keys::read_set(&read(path)?, keys::Secrets::Taken);
        keys.extend(set.map_err(|reason| StartError::BadKey { path: path.clone(), reason })?);
    }
    Ok(Keys::new(keys, &config.algorithms))
}

fn read(path: &PathBuf) -> Result<Vec<u8>, StartError> {
    std::fs::read(path).map_err(|error| StartError::Unreadable { path: path.clone(), error })
}

fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
