//! Making tokens: for the command line and for trying things out. Knows nothing of what claims mean.

use jsonwebtoken::{Algorithm, AlgorithmFamily, EncodingKey, Header, encode};
use serde_json::{Map, Value};

use crate::config::TokenAlgorithm;

use super::keys::{curve_of_private_key, native};

/// A key that signs tokens. Its bytes are never printed.
#[derive(Clone, Debug)]
pub struct SigningKey {
    key: EncodingKey,
    algorithm: Algorithm,
    id: Option<String>,
}

impl SigningKey {
    /// An HMAC secret, signing with HS256.
    #[must_use]
    pub fn from_secret(secret: &str) -> Self {
        let key = EncodingKey::from_secret(secret.as_bytes());
        Self { key, algorithm: Algorithm::HS256, id: None }
    }

    /// A private key in PEM: RSA, or in PKCS #8 one of P-256, P-384 or Ed25519. It signs with the
    /// first algorithm that fits it.
    ///
    /// # Errors
    /// Words about what is wrong with it.
    pub fn from_pem(pem: &[u8]) -> Result<Self, String> {
        let found = if let Ok(key) = EncodingKey::from_ed_pem(pem) {
            Some((key, Algorithm::EdDSA))
        } else if let Ok(key) = EncodingKey::from_ec_pem(pem) {
            curve_of_private_key(&key).map(|algorithm| (key, algorithm))
        } else {
            EncodingKey::from_rsa_pem(pem).ok().map(|key| (key, Algorithm::RS256))
        };
        let (key, algorithm) = found.ok_or(
            "it is no private key in PEM that is known here: RSA, or in PKCS #8 one of P-256, P-384 \
             or Ed25519",
        )?;
        let key = Self { key, algorithm, id: None };
        key.sign(&Map::new()).map_err(|_| "it is a private key that does not sign")?;
        Ok(key)
    }

    /// Signs with another algorithm.
    ///
    /// # Errors
    /// Words about why the key does not.
    pub fn with_algorithm(mut self, algorithm: TokenAlgorithm) -> Result<Self, String> {
        let wanted = native(algorithm);
        let fits = wanted == self.algorithm
            || (wanted.family() == self.algorithm.family()
                && self.algorithm.family() != AlgorithmFamily::Ec);
        if !fits {
            let can = self.algorithm;
            return Err(format!("the key does not sign with {wanted:?}; it does with {can:?}"));
        }
        self.algorithm = wanted;
        Ok(self)
    }

    /// Names the key in its tokens (`kid`).
    #[must_use]
    pub fn with_id(mut self, id: Option<String>) -> Self {
        self.id = id;
        self
    }

    /// A token of these claims.
    ///
    /// # Errors
    /// Words about why it could not be signed.
    pub fn sign(&self, claims: &Map<String, Value>) -> Result<String, String> {
        let mut header = Header::new(self.algorithm);
        header.kid.clone_from(&self.id);
        encode(&header, claims, &self.key).map_err(|error| error.to_string())
    }
}
