//! Where webhooks go and what signs them: what an address and a secret look like, and that one does not come
//! without the other. Pure.

use data_encoding::BASE64;
use http::{Uri, uri::Scheme};

use super::{Config, WebhookConfig};

/// What a secret begins with, as the Standard Webhooks have it.
const SECRET_PREFIX: &str = "whsec_";

/// Webhooks cannot be sent as they are configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookUnready {
    /// There is an address and no secret.
    #[error("peer.webhook_url is set and peer.webhook_secret is not: webhooks are always signed")]
    NoSecret,
    /// The secret is none.
    #[error("peer.webhook_secret wants whsec_ and 24 to 64 bytes in base64")]
    BadSecret,
    /// The address is none.
    #[error("peer.webhook_url wants an https:// or http:// address without a name or password")]
    BadUrl,
    /// The system gives no random numbers.
    #[error("webhooks cannot be given names: there are no random numbers")]
    NoNames,
}

impl WebhookConfig {
    /// Where webhooks go, and the key that signs them; `None` when there are to be none.
    ///
    /// # Errors
    /// [`WebhookUnready`].
    pub(crate) fn target(&self) -> Result<Option<(&str, Vec<u8>)>, WebhookUnready> {
        let Some(url) = &self.url else { return Ok(None) };
        let secret = self.secret.as_ref().ok_or(WebhookUnready::NoSecret)?;
        let key = key(secret).ok_or(WebhookUnready::BadSecret)?;
        is_address(url).then_some(Some((&**url, key))).ok_or(WebhookUnready::BadUrl)
    }
}

impl Config {
    /// Whether webhooks can be sent, or are off.
    ///
    /// # Errors
    /// [`WebhookUnready`] says what to mend.
    pub fn check_webhooks(&self) -> Result<(), WebhookUnready> {
        self.peer.webhook.target().map(drop)
    }
}

/// The bytes of a secret.
pub(super) fn key(secret: &str) -> Option<Vec<u8>> {
    let key = BASE64.decode(secret.strip_prefix(SECRET_PREFIX)?.as_bytes()).ok()?;
    (24..=64).contains(&key.len()).then_some(key)
}

/// Whether something can be sent there. A password would be seen by whoever is shown the configuration.
pub(super) fn is_address(text: &str) -> bool {
    let Ok(uri) = text.parse::<Uri>() else { return false };
    let known = uri.scheme() == Some(&Scheme::HTTPS) || uri.scheme() == Some(&Scheme::HTTP);
    let named = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
    known && !named && uri.host().is_some_and(|host| !host.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_base64_behind_its_prefix() {
        let secret = |bytes: usize| format!("whsec_{}", BASE64.encode(&vec![7; bytes]));
        assert_eq!(key(&secret(24)).unwrap(), [7; 24]);
        assert!(key(&secret(64)).is_some());
        assert!(key(&secret(23)).is_none() && key(&secret(65)).is_none());
        assert!(key(secret(32).trim_start_matches("whsec_")).is_none());
        assert!(key("whsec_").is_none() && key("whsec_not base64 of anything at all").is_none());
    }

    #[test]
    fn an_address_names_its_host_and_nobody() {
        for url in ["https://a.example/hooks?to=b", "http://127.0.0.1:8000", "http://[::1]:1/x"] {
            assert!(is_address(url), "{url}");
        }
        for url in
            ["", "a.example", "/hooks", "ftp://a.example/", "https://", "https://u:p@a.example/"]
        {
            assert!(!is_address(url), "{url}");
        }
    }

    #[test]
    fn an_address_wants_a_secret() {
        let ready = |url: Option<&str>, secret: Option<&str>| {
            let mut config = Config::default();
            config.peer.webhook.url = url.map(Into::into);
            config.peer.webhook.secret = secret.map(Into::into);
            config.check_webhooks()
        };
        let secret = Some("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let url = Some("https://a.example/hooks");
        assert_eq!(ready(None, None), Ok(()));
        assert_eq!(ready(None, secret), Ok(()));
        assert_eq!(ready(url, secret), Ok(()));
        assert_eq!(ready(url, None), Err(WebhookUnready::NoSecret));
        assert_eq!(ready(url, Some("whsec_short")), Err(WebhookUnready::BadSecret));
        assert_eq!(ready(Some("a.example"), secret), Err(WebhookUnready::BadUrl));
    }
}
