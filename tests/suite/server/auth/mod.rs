//! Tokens, right and forged: what a server believes, and that nothing of it is told or kept.

mod claims;
mod forged;
mod keys;
mod published;
mod redaction;
mod vectors;
mod wire;

use std::sync::LazyLock;

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair,
        RsaPublicKeyComponents,
    },
};
use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use serde_json::{Value, json};
use syncline::{
    auth::{Auth, Denied, Identity},
    config::AuthConfig,
};
use tempfile::TempDir;

const SECRET: &str = "a-secret-of-the-house-with-many-letters";

/// A token of these texts, signed whatever they say.
fn token(header: &str, claims: &str, key: &EncodingKey, algorithm: Algorithm) -> String {
    let part = |text: &str| BASE64URL_NOPAD.encode(text.as_bytes());
    let signed = format!("{}.{}", part(header), part(claims));
    let signature = crypto::sign(signed.as_bytes(), key, algorithm).expect("a key that signs");
    format!("{signed}.{signature}")
}

/// One signed with the secret, of this header and no claims.
fn with_header(header: &str) -> String {
    token(header, "{}", &EncodingKey::from_secret(SECRET.as_bytes()), Algorithm::HS256)
}

/// One signed with the secret, of these claims.
fn with_claims(claims: &str) -> String {
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    token(r#"{"alg":"HS256","typ":"JWT"}"#, claims, &key, Algorithm::HS256)
}

/// What checks tokens as this configuration says.
fn auth(adapt: impl FnOnce(&mut AuthConfig)) -> Auth {
    let mut config = AuthConfig::default();
    adapt(&mut config);
    let nowhere = TempDir::new().expect("a temporary directory");
    Auth::start(&config, nowhere.path()).expect("keys that can be read")
}

/// What checks tokens with the secret.
fn by_secret() -> Auth {
    auth(|c| c.secret = Some(SECRET.into()))
}

/// What a key set in a file makes of tokens.
fn by_set(set: &Value) -> Auth {
    let dir = TempDir::new().expect("a temporary directory");
    let path = dir.path().join("keys.json");
    std::fs::write(&path, set.to_string()).expect("a file");
    auth(|c| c.jwks_file = Some(path))
}

fn denied(auth: &Auth, token: &str) -> Denied {
    auth.verify(token).expect_err("a token that is refused")
}

fn believed(auth: &Auth, token: &str) -> Identity {
    auth.verify(token).unwrap_or_else(|why| panic!("{why}: {token}"))
}

/// A key pair: what signs, and what checks as a member of a key set.
struct Pair {
    signing: EncodingKey,
    algorithm: Algorithm,
    public: Value,
}

impl Pair {
    fn sign(&self, header: &Value, claims: &Value) -> String {
        token(&header.to_string(), &claims.to_string(), &self.signing, self.algorithm)
    }

    /// Its public key in a set, under this name.
    fn named(&self, id: &str) -> Value {
        let mut key = self.public.clone();
        key["kid"] = id.into();
        key
    }
}

fn base64(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}

fn elliptic() -> Pair {
    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let pair = EcdsaKeyPair::generate(algorithm).unwrap();
    let point = pair.public_key().as_ref();
    let public = json!({ "kty": "EC", "crv": "P-256", "x": base64(&point[1..33]), "y": base64(&point[33..]) });
    let der = pair.to_pkcs8v1().unwrap();
    Pair { signing: EncodingKey::from_ec_der(der.as_ref()), algorithm: Algorithm::ES256, public }
}

fn edwards() -> Pair {
    let pair = Ed25519KeyPair::generate().unwrap();
    let public = json!({ "kty": "OKP", "crv": "Ed25519", "x": base64(pair.public_key().as_ref()) });
    let der = pair.to_pkcs8().unwrap();
    Pair { signing: EncodingKey::from_ed_der(der.as_ref()), algorithm: Algorithm::EdDSA, public }
}

fn rsa_of(size: KeySize) -> Pair {
    let pair = RsaKeyPair::generate(size).unwrap();
    let RsaPublicKeyComponents { n, e } =
        RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key());
    let public = json!({ "kty": "RSA", "n": base64(&n), "e": base64(&e) });
    let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    let pem = pem("PRIVATE KEY", der.as_ref());
    let signing = EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap();
    Pair { signing, algorithm: Algorithm::RS256, public }
}

/// The one RSA key of this run: making one takes a while.
static RSA: LazyLock<Pair> = LazyLock::new(|| rsa_of(KeySize::Rsa2048));

fn pem(name: &str, der: &[u8]) -> String {
    let text = data_encoding::BASE64.encode(der);
    format!("-----BEGIN {name}-----\n{text}\n-----END {name}-----\n")
}
