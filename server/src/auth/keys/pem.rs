//! Public keys in PEM. A private key or a certificate is refused by name, since it is no mere mistake.

use jsonwebtoken::{
    Algorithm, AlgorithmFamily, DecodingKey, EncodingKey, crypto::aws_lc::DEFAULT_PROVIDER,
};

use super::jwk::RSA_BITS_MIN;

/// A key and what it checks, or words about what is wrong.
pub(super) fn read(pem: &[u8]) -> Result<(DecodingKey, Vec<Algorithm>), String> {
    let text = String::from_utf8_lossy(pem);
    if text.contains("PRIVATE KEY") {
        return Err("it is a private key; only its public key belongs here".into());
    }
    if text.contains("BEGIN CERTIFICATE") {
        return Err("it is a certificate; take the public key out of it: \
                    openssl x509 -pubkey -noout"
            .into());
    }
    if text.matches("-----BEGIN ").count() > 1 {
        return Err("it holds more than one key; several belong into a key set (jwks_file)".into());
    }
    if let Ok(key) = DecodingKey::from_ed_pem(pem) {
        return Ok((key, vec![Algorithm::EdDSA]));
    }
    if let Ok(key) = DecodingKey::from_ec_pem(pem) {
        // An uncompressed point: a byte and two coordinates.
        return match key.try_get_as_bytes().map(<[u8]>::len) {
            Ok(65) => Ok((key, vec![Algorithm::ES256])),
            Ok(97) => Ok((key, vec![Algorithm::ES384])),
            _ => Err("its curve is neither P-256 nor P-384".into()),
        };
    }
    if let Ok(key) = DecodingKey::from_rsa_pem(pem) {
        return match modulus_bits(&key) {
            Some(RSA_BITS_MIN..) => Ok((key, AlgorithmFamily::Rsa.algorithms().into())),
            _ => Err(format!("it is no RSA key of at least {RSA_BITS_MIN} bits")),
        };
    }
    Err("it is no public key in PEM that is known here: RSA, P-256, P-384 or Ed25519".into())
}

fn modulus_bits(key: &DecodingKey) -> Option<usize> {
    let utils = &DEFAULT_PROVIDER.key_utils;
    let (modulus, _) =
        (utils.rsa_pub_components_from_public_key)(key.try_get_as_bytes().ok()?).ok()?;
    Some(modulus.len() * 8)
}

/// What a private key on an elliptic curve signs with.
pub(in crate::auth) fn curve_of_private_key(key: &EncodingKey) -> Option<Algorithm> {
    let of = DEFAULT_PROVIDER.key_utils.ec_pub_components_from_private_key;
    [Algorithm::ES256, Algorithm::ES384]
        .into_iter()
        .find(|algorithm| of(key.as_bytes(), *algorithm).is_ok())
}
