//! A token's parts: what its header says, what was signed, and the claims once the signature is right.
//!
//! Of the header only `alg`, `kid`, `typ` and `crit` are looked at: what names a key or an address of
//! keys (`jwk`, `jku`, `x5u`, `x5c`) is the sender's word and counts for nothing.

use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::Algorithm;
use serde_json::{Map, Value};

use super::{Denied, TOKEN_BYTES_MAX, json};

/// Bytes of a key's identifier.
pub(super) const KEY_ID_BYTES_MAX: usize = 256;

/// A token taken apart; nothing of it is believed yet.
#[derive(Debug)]
pub(super) struct Parts<'a> {
    pub(super) algorithm: Algorithm,
    pub(super) key_id: Option<String>,
    /// Header and claims, as they were signed.
    pub(super) signed: &'a str,
    pub(super) signature: &'a str,
    claims: &'a str,
}

/// Takes a token apart.
pub(super) fn take_apart(token: &str) -> Result<Parts<'_>, Denied> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(Denied::TooLong);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(Denied::Malformed)?;
    let (header, claims) = signed.split_once('.').ok_or(Denied::Malformed)?;
    let header = part(header)?;
    let algorithm = header.get("alg").and_then(Value::as_str).ok_or(Denied::Algorithm)?;
    let algorithm = Algorithm::from_str(algorithm).map_err(|_| Denied::Algorithm)?;
    if !is_taken(header.get("typ")) || header.contains_key("crit") {
        return Err(Denied::Header);
    }
    let key_id = key_id(header.get("kid"))?;
    Ok(Parts { algorithm, key_id, signed, signature, claims })
}

/// The claims of a token whose signature is right.
pub(super) fn claims(parts: &Parts<'_>) -> Result<Map<String, Value>, Denied> {
    part(parts.claims)
}

fn part(text: &str) -> Result<Map<String, Value>, Denied> {
    let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| Denied::Malformed)?;
    json::object(&bytes)
}

/// A token of another kind must not pass for one that lets in (RFC 8725, section 3.11).
fn is_taken(kind: Option<&Value>) -> bool {
    let Some(kind) = kind else { return true };
    kind.as_str().is_some_and(|kind| {
        let kind = kind.to_ascii_lowercase();
        matches!(kind.strip_prefix("application/").unwrap_or(&kind), "jwt" | "at+jwt")
    })
}

fn key_id(value: Option<&Value>) -> Result<Option<String>, Denied> {
    match value {
        None => Ok(None),
        Some(Value::String(id)) if id.len() <= KEY_ID_BYTES_MAX => Ok(Some(id.clone())),
        Some(_) => Err(Denied::Header),
    }
}
