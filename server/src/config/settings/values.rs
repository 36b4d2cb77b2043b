//! What the texts of settings mean: addresses, paths, secrets, lists. Pure; knows no particular setting.

use std::{
    collections::HashSet,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use http::{Uri, uri::Scheme};

use crate::config::{
    choice::{Choice, choose},
    webhook,
};

pub(super) const MINUTE_MS: u64 = 60_000;
pub(super) const DAY_MS: u64 = 24 * 60 * MINUTE_MS;

/// What a token that is compared whole must look like.
pub(super) const TOKEN: &str = "16 to 1024 letters, digits or any of -._~";
/// What an HMAC secret must look like (RFC 7518, section 3.2, for HS256).
pub(super) const SECRET: &str = "32 to 1024 bytes of text on one line";

/// Items of a list.
const ITEMS_MAX: usize = 64;
/// Bytes of an item of a list.
const ITEM_BYTES_MAX: usize = 256;

pub(super) fn address(text: &str) -> Option<SocketAddr> {
    match text.strip_prefix("localhost:") {
        Some(port) => Some(SocketAddr::from(([127, 0, 0, 1], port.parse().ok()?))),
        None => text.parse().ok(),
    }
}

pub(super) fn path(text: &str) -> Option<PathBuf> {
    (!text.is_empty()).then(|| Path::new(text).to_owned())
}

/// A path that may be left out; nothing says so.
pub(super) fn optional_path(text: &str) -> Option<PathBuf> {
    path(text)
}

pub(super) fn shown_path(path: Option<&Path>) -> String {
    path.map(|path| path.display().to_string()).unwrap_or_default()
}

/// Only what needs no escaping in a query string or a header (RFC 3986, unreserved).
pub(super) fn token(text: &str) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    ((16..=1024).contains(&text.len()) && text.bytes().all(plain)).then(|| text.into())
}

/// Its bytes are the key of the HMAC.
pub(super) fn secret(text: &str) -> Option<String> {
    let plain = !text.contains(char::is_control);
    ((32..=1024).contains(&text.len()) && plain).then(|| text.into())
}

/// Words of which none is empty, overlong or there twice.
pub(super) fn listed(items: &[&str]) -> Option<Vec<String>> {
    let plain = |item: &&str| (1..=ITEM_BYTES_MAX).contains(&item.len());
    let once = items.iter().collect::<HashSet<_>>().len() == items.len();
    let fine = items.len() <= ITEMS_MAX && once && items.iter().all(plain);
    fine.then(|| items.iter().map(|&item| item.into()).collect())
}

/// Origins as a browser writes them (RFC 6454): scheme, host and port in lower case, nothing behind.
pub(super) fn origins(items: &[&str]) -> Option<Vec<String>> {
    let is_origin = |item: &&str| {
        let rest = item.split_once("://").map(|(_, rest)| rest);
        let whole = rest.is_some_and(|rest| !rest.contains(['/', '?', '#', '@', '*']));
        let parsed = item.parse::<Uri>().is_ok_and(|uri| uri.host().is_some());
        whole && parsed && **item == item.to_ascii_lowercase()
    };
    listed(items).filter(|_| items.iter().all(is_origin))
}

/// The same, or `*` alone.
pub(super) fn origins_or_all(items: &[&str]) -> Option<Vec<String>> {
    if *items == ["*"] { Some(vec!["*".into()]) } else { origins(items) }
}

/// Values of these names, none twice.
pub(super) fn choose_all<C: Choice + Default>(items: &[&str], to: &mut Vec<C>) -> Option<()> {
    let mut chosen = Vec::new();
    for item in listed(items)? {
        let mut value = C::default();
        choose(&item, &mut value).then(|| chosen.push(value))?;
    }
    *to = chosen;
    Some(())
}

pub(super) fn shown_names<C: Choice>(values: &[C]) -> Vec<String> {
    values.iter().map(|value| value.name().into()).collect()
}

/// Keys decide who comes in: they are fetched where nobody on the way can change them. `Some(None)`
/// when nothing is said.
pub(super) fn key_set_url(text: &str) -> Option<Option<String>> {
    if text.is_empty() {
        return Some(None);
    }
    let uri: Uri = text.parse().ok()?;
    let host = uri.host()?;
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let local = host == "localhost" || address.is_ok_and(|ip| ip.to_canonical().is_loopback());
    let safe =
        uri.scheme() == Some(&Scheme::HTTPS) || (uri.scheme() == Some(&Scheme::HTTP) && local);
    let named = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
    (safe && !named).then(|| Some(text.into()))
}

/// Where webhooks go; `Some(None)` when nothing is said.
pub(super) fn webhook_url(text: &str) -> Option<Option<String>> {
    let fine = text.is_empty() || webhook::is_address(text);
    fine.then(|| Some(text.to_owned()).filter(|url| !url.is_empty()))
}

/// What signs webhooks.
pub(super) fn webhook_secret(text: &str) -> Option<String> {
    webhook::key(text).map(|_| text.into())
}

/// All bounds of the table fit 32 bits or come from a `usize`.
pub(super) fn to_usize(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

pub(super) fn to_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_only_from_where_nobody_on_the_way_can_change_them() {
        for url in [
            "https://issuer.example/.well-known/jwks.json",
            "http://127.0.0.1:8000/keys",
            "http://localhost/keys",
            "http://[::1]:1/keys",
        ] {
            assert_eq!(key_set_url(url), Some(Some(url.into())));
        }
        assert_eq!(key_set_url(""), Some(None));
        for url in [
            "http://issuer.example/keys",
            "http://127.0.0.1.example/keys",
            "http://169.254.169.254/keys",
            "https://user:password@issuer.example/keys",
            "http://127.0.0.1@issuer.example/keys",
            "file:///etc/keys",
            "/keys",
            "keys",
            "https://",
        ] {
            assert_eq!(key_set_url(url), None, "{url}");
        }
    }

    #[test]
    fn an_origin_is_whole_and_nothing_more() {
        let fine = ["https://app.example", "http://localhost:3000", "tauri://localhost"];
        assert_eq!(origins(&fine).unwrap(), fine);
        assert_eq!(origins(&[]).unwrap(), [""; 0]);
        for item in [
            "app.example",
            "https://app.example/",
            "https://APP.example",
            "https://*.example",
            "null",
            "*",
            "",
            "https://user@app.example",
        ] {
            assert_eq!(origins(&[item]), None, "{item}");
        }
        assert_eq!(origins(&["https://a.b", "https://a.b"]), None);
    }

    #[test]
    fn a_secret_is_long_enough_for_the_weakest_algorithm() {
        assert!(secret(&"s".repeat(31)).is_none() && secret("").is_none());
        assert!(secret(&"s".repeat(32)).is_some() && secret(&"s".repeat(1025)).is_none());
        assert!(secret("thirty-two bytes and a line break\n").is_none());
    }
}
