//! Keys that check signatures, each with what it is for. Where they come from is said elsewhere.

mod jwk;
mod pem;

use std::fmt;

use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, crypto};

use crate::config::TokenAlgorithm;

use super::{Denied, token::Parts};

pub(super) use self::{
    jwk::{Secrets, read_set},
    pem::curve_of_private_key,
};

/// Keys tried for a token that names none: each costs up to a tenth of a millisecond.
const TRIES_MAX: usize = 4;

/// A key and what it is for.
#[derive(Clone)]
pub(super) struct Key {
    id: Option<String>,
    /// What it checks: its own kind decides, never a token.
    algorithms: Vec<Algorithm>,
    checking: DecodingKey,
}

impl fmt::Debug for Key {
    /// Everything but the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("id", &self.id)
            .field("algorithms", &self.algorithms)
            .finish_non_exhaustive()
    }
}

impl Key {
    /// An HMAC secret.
    pub(super) fn from_secret(secret: &str) -> Self {
        Self {
            id: None,
            algorithms: AlgorithmFamily::Hmac.algorithms().into(),
            checking: DecodingKey::from_secret(secret.as_bytes()),
        }
    }

    /// A public key in PEM, or words about what is wrong with it.
    pub(super) fn from_pem(text: &[u8]) -> Result<Self, String> {
        let (checking, algorithms) = pem::read(text)?;
        Ok(Self { id: None, algorithms, checking })
    }

    /// Whether a token that names `id` may be checked with this one.
    fn may_be(&self, id: Option<&str>) -> bool {
        match (&self.id, id) {
            (Some(own), Some(named)) => own == named,
            _ => true,
        }
    }
}

/// Some keys.
#[derive(Debug, Default)]
pub(super) struct Keys(Vec<Key>);

impl Keys {
    /// Those of `keys` that check one of `algorithms`, and nothing else; all when none is named.
    pub(super) fn new(mut keys: Vec<Key>, algorithms: &[TokenAlgorithm]) -> Self {
        let taken: Vec<Algorithm> = algorithms.iter().map(|algorithm| native(*algorithm)).collect();
        for key in &mut keys {
            key.algorithms.retain(|algorithm| taken.is_empty() || taken.contains(algorithm));
        }
        keys.retain(|key| !key.algorithms.is_empty());
        Self(keys)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of the keys has signed.
    pub(super) fn check(&self, parts: &Parts<'_>) -> Result<(), Denied> {
        Self::check_all([self], parts)
    }

    /// Whether a key of any of these has signed.
    pub(super) fn check_all<'a>(
        all: impl IntoIterator<Item = &'a Self>,
        parts: &Parts<'_>,
    ) -> Result<(), Denied> {
        let keys: Vec<&Key> = all.into_iter().flat_map(|keys| &keys.0).collect();
        let fitting = keys.iter().filter(|key| key.algorithms.contains(&parts.algorithm));
        let named = fitting.clone().filter(|key| key.may_be(parts.key_id.as_deref()));
        let mut candidates = named.take(TRIES_MAX).peekable();
        if candidates.peek().is_none() {
            // Without any key yet, as without this one, another look where keys come from may help.
            let known = keys.is_empty() || fitting.count() > 0;
            return Err(if known { Denied::UnknownKey } else { Denied::Algorithm });
        }
        let signed = parts.signed.as_bytes();
        let by = |key: &&Key| {
            crypto::verify(parts.signature, signed, &key.checking, parts.algorithm).unwrap_or(false)
        };
        if candidates.any(by) { Ok(()) } else { Err(Denied::Signature) }
    }
}

/// What an algorithm is called by the library.
pub(super) fn native(algorithm: TokenAlgorithm) -> Algorithm {
    match algorithm {
        TokenAlgorithm::Hs256 => Algorithm::HS256,
        TokenAlgorithm::Hs384 => Algorithm::HS384,
        TokenAlgorithm::Hs512 => Algorithm::HS512,
        TokenAlgorithm::Rs256 => Algorithm::RS256,
        TokenAlgorithm::Rs384 => Algorithm::RS384,
        TokenAlgorithm::Rs512 => Algorithm::RS512,
        TokenAlgorithm::Ps256 => Algorithm::PS256,
        TokenAlgorithm::Ps384 => Algorithm::PS384,
        TokenAlgorithm::Ps512 => Algorithm::PS512,
        TokenAlgorithm::Es256 => Algorithm::ES256,
        TokenAlgorithm::Es384 => Algorithm::ES384,
        TokenAlgorithm::EdDsa => Algorithm::EdDSA,
    }
}
