//! Who wrote a row: a signature that stays with it, so that others can hand it on.
//!
//! Knows no member and no permission, and keeps no key.

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};

use crate::dialects::peer::{id::CanonicalId, rows::Row};

/// What is before everything that authors sign.
const TAG: &[u8] = b"cohrtz/record/v2";

/// The author of a row, whose signature was found good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    by: CanonicalId,
}

impl Signed {
    /// Who it is.
    #[must_use]
    pub fn by(&self) -> &CanonicalId {
        &self.by
    }
}

/// The bytes that the author of a row signs (dossier, section 3, RBAC): the tag, then room, table and id,
/// whether it is deleted, the value or nothing, and the one text of its timestamp; texts behind their
/// length in four bytes, the little end first.
#[must_use]
pub fn signed_bytes(room: &str, row: &Row) -> Vec<u8> {
    let value = row.value.as_deref().unwrap_or_default();
    let hlc = row.hlc.to_string();
    let mut bytes = TAG.to_vec();
    for text in [room, &row.table, &row.id] {
        text_into(&mut bytes, text);
    }
    bytes.push(u8::from(row.deleted));
    text_into(&mut bytes, value);
    text_into(&mut bytes, &hlc);
    bytes
}

/// The author's signature of a row in a room.
#[must_use]
pub fn sign(room: &str, row: &Row, key: &SigningKey) -> [u8; 64] {
    key.sign(&signed_bytes(room, row)).to_bytes()
}

/// The author of a row, when it names one, `key_of` knows the key in force for it, and the signature is
/// good under that key.
#[must_use]
pub fn verify(
    room: &str,
    row: &Row,
    key_of: impl FnOnce(&CanonicalId) -> Option<[u8; 32]>,
) -> Option<Signed> {
    let author = row.author.as_ref()?;
    let by = CanonicalId::of(&author.by);
    let key = VerifyingKey::from_bytes(&key_of(&by)?).ok()?;
    let signature = Signature::from_bytes(&author.sig);
    key.verify_strict(&signed_bytes(room, row), &signature).ok()?;
    Some(Signed { by })
}

fn text_into(bytes: &mut Vec<u8>, text: &str) {
    // No text here is longer than a row's value, which has megabytes at most.
    bytes.extend_from_slice(&(text.len() as u32).to_le_bytes());
    bytes.extend_from_slice(text.as_bytes());
}
