//! JSON Web Key Sets (RFC 7517): which of their keys check tokens, and what each is for.

use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

use super::Key;
use crate::auth::{SECRET_BYTES_MIN, token::KEY_ID_BYTES_MAX};

/// Bits of an RSA key (RFC 7518, section 3.3).
pub(super) const RSA_BITS_MIN: usize = 2048;
/// Keys of a set; those behind are passed over.
const KEYS_MAX: usize = 64;

/// Whether a set may hold HMAC secrets. One that anybody can fetch must not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::auth) enum Secrets {
    Taken,
    Refused,
}

/// The parts of a key that are looked at (RFC 7517, RFC 7518, RFC 8037).
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
    k: Option<String>,
    /// The private part of a key pair.
    d: Option<String>,
}

/// The keys of a set that check tokens; what else is in it is passed over and logged. Words about
/// what is wrong when there is none.
pub(in crate::auth) fn read_set(text: &[u8], secrets: Secrets) -> Result<Vec<Key>, String> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<Value>,
    }
    let set: Set = serde_json::from_slice(text).map_err(|_| "it is no JSON Web Key Set")?;
    let mut keys = Vec::new();
    let mut wrong = String::from("it holds no key");
    for (number, jwk) in set.keys.into_iter().take(KEYS_MAX).enumerate() {
        match read(jwk, secrets) {
            Ok(key) => keys.push(key),
            Err(reason) => {
                tracing::debug!(number, reason, "passed over a key of a key set");
                wrong = format!("it holds no key that checks tokens; key {number}: {reason}");
            }
        }
    }
    if keys.is_empty() { Err(wrong) } else { Ok(keys) }
}

fn read(jwk: Value, secrets: Secrets) -> Result<Key, &'static str> {
    let jwk: Jwk = serde_json::from_value(jwk).map_err(|_| "it is no key")?;
    if jwk.d.is_some() {
        return Err("it is a private key; only its public key belongs here");
    }
    let is = |usage: &[String], word: &str| usage.iter().any(|usage| usage == word);
    let other = jwk.usage.as_deref().is_some_and(|usage| usage != "sig")
        || jwk.key_ops.as_deref().is_some_and(|all| !is(all, "verify"));
    if other {
        return Err("it is for something else than signatures");
    }
    if jwk.kid.as_ref().is_some_and(|id| id.len() > KEY_ID_BYTES_MAX) {
        return Err("its kid is too long");
    }
    let (checking, mut algorithms) = material(&jwk, secrets)?;
    if let Some(only) = &jwk.alg {
        algorithms.retain(|algorithm| only.parse() == Ok(*algorithm));
    }
    if algorithms.is_empty() {
        return Err("its alg is not known, or not of its kind");
    }
    Ok(Key { id: jwk.kid, algorithms, checking })
}

fn material(jwk: &Jwk, secrets: Secrets) -> Result<(DecodingKey, Vec<Algorithm>), &'static str> {
    let curve = jwk.crv.as_deref();
    match (jwk.kty.as_str(), curve) {
        ("EC", Some("P-256")) => Ok((point(jwk, 32)?, vec![Algorithm::ES256])),
        ("EC", Some("P-384")) => Ok((point(jwk, 48)?, vec![Algorithm::ES384])),
        ("OKP", Some("Ed25519")) => {
            Ok((DecodingKey::from_ed_der(&exactly(&jwk.x, 32)?), vec![Algorithm::EdDSA]))
        }
        ("RSA", _) => {
            let modulus = bytes(&jwk.n, RSA_BITS_MIN / 8);
            let modulus = modulus.map_err(|_| "it is no RSA key of at least 2048 bits")?;
            let key = DecodingKey::from_rsa_raw_components(&modulus, &bytes(&jwk.e, 1)?);
            Ok((key, AlgorithmFamily::Rsa.algorithms().into()))
        }
        ("oct", _) if secrets == Secrets::Taken => {
            let secret = bytes(&jwk.k, SECRET_BYTES_MIN).map_err(|_| "its secret is too short")?;
            let key = DecodingKey::from_secret(&secret);
            Ok((key, AlgorithmFamily::Hmac.algorithms().into()))
        }
        ("oct", _) => Err("it is a secret where everybody can fetch it"),
        _ => Err("its kty or crv is not known"),
    }
}

/// An uncompressed point with coordinates of so many bytes.
fn point(jwk: &Jwk, length: usize) -> Result<DecodingKey, &'static str> {
    let (x, y) = (exactly(&jwk.x, length)?, exactly(&jwk.y, length)?);
    Ok(DecodingKey::from_ec_der(&[&[4][..], &x, &y].concat()))
}

/// What is written in base64url, of so many bytes.
fn exactly(text: &Option<String>, length: usize) -> Result<Vec<u8>, &'static str> {
    let bytes = bytes(text, length)?;
    if bytes.len() == length { Ok(bytes) } else { Err("a part of it is too long") }
}

/// What is written in base64url, of at least so many bytes.
fn bytes(text: &Option<String>, length_min: usize) -> Result<Vec<u8>, &'static str> {
    let text = text.as_deref().ok_or("a part of it is missing")?;
    let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| "a part is no base64url")?;
    if bytes.len() < length_min { Err("a part of it is too short") } else { Ok(bytes) }
}
