//! How the server asks others over HTTP: the address that was configured and no other, for no longer
//! than it is given.

use std::{sync::Arc, time::Duration};

use ureq::{
    Agent,
    tls::{TlsConfig, TlsProvider},
};

/// What asks `url` and no other address: no redirect is followed, and any status is an answer. One request takes
/// at most `time`.
pub(crate) fn agent(url: &str, time: Duration) -> Agent {
    let crypto = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(crypto)
        .build();
    let config = Agent::config_builder()
        .tls_config(tls)
        .timeout_global(Some(time))
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .user_agent(concat!("syncline/", env!("CARGO_PKG_VERSION")));
    // A proxy would see, and could change, what is not encrypted.
    let encrypted = url.starts_with("https:");
    let config = if encrypted { config } else { config.proxy(None) };
    Agent::from(config.build())
}
