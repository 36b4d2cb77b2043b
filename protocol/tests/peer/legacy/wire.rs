//! Packets of version 1 as the dossier tells them (1.1, 1.2, 1.4): nothing here is of the dialect's own code.

use aes_gcm::{
    Aes256Gcm, KeyInit as _,
    aead::{Aead as _, Payload},
};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use prost::Message;
use sha2::{Digest as _, Sha256};
use x25519_dalek::{PublicKey, StaticSecret};

pub(crate) const SYNC_REQ: i32 = 0;
pub(crate) const SYNC_CLAIM: i32 = 1;
pub(crate) const DATA_CHUNK: i32 = 2;
pub(crate) const HANDSHAKE: i32 = 3;
pub(crate) const CONSISTENCY_CHECK: i32 = 4;
pub(crate) const UNICAST_REQ: i32 = 8;

/// The fields that an original client knows.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Wire {
    #[prost(int32, tag = "1")]
    pub(crate) kind: i32,
    #[prost(string, tag = "2")]
    pub(crate) request: String,
    #[prost(string, tag = "3")]
    pub(crate) sender: String,
    #[prost(bytes = "vec", tag = "4")]
    pub(crate) signature: Vec<u8>,
    #[prost(bytes = "vec", tag = "5")]
    pub(crate) payload: Vec<u8>,
    #[prost(int32, tag = "6")]
    pub(crate) uncompressed_size: i32,
    #[prost(int32, tag = "7")]
    pub(crate) chunk_index: i32,
    #[prost(bool, tag = "8")]
    pub(crate) is_last_chunk: bool,
    #[prost(string, tag = "9")]
    pub(crate) target: String,
    #[prost(bool, tag = "10")]
    pub(crate) encrypted: bool,
    #[prost(bytes = "vec", tag = "11")]
    pub(crate) exchange_key: Vec<u8>,
    #[prost(bytes = "vec", tag = "12")]
    pub(crate) sender_key: Vec<u8>,
    #[prost(int64, tag = "13")]
    pub(crate) physical: i64,
    #[prost(int64, tag = "14")]
    pub(crate) logical: i64,
    /// No original client knows it: for what others do to its packets.
    #[prost(uint32, tag = "15")]
    pub(crate) version: u32,
    /// The same.
    #[prost(uint64, tag = "17")]
    pub(crate) key_epoch: u64,
}

impl Wire {
    pub(crate) fn signed_bytes(&self) -> Vec<u8> {
        [
            &[self.kind as u8][..],
            self.request.as_bytes(),
            self.sender.as_bytes(),
            &self.payload,
            &self.physical.to_le_bytes(),
            &self.logical.to_le_bytes(),
            &self.chunk_index.to_le_bytes(),
            &[u8::from(self.is_last_chunk)],
            self.target.as_bytes(),
            &[u8::from(self.encrypted)],
        ]
        .concat()
    }

    pub(crate) fn signed(mut self, key: &SigningKey) -> Self {
        self.signature = key.sign(&self.signed_bytes()).to_bytes().to_vec();
        self
    }

    pub(crate) fn is_signed_by(&self, key: &[u8; 32]) -> bool {
        let key = VerifyingKey::from_bytes(key).unwrap();
        let signature = Signature::from_slice(&self.signature);
        signature.is_ok_and(|signature| key.verify_strict(&self.signed_bytes(), &signature).is_ok())
    }
}

/// The key between two: the hash of their secret and the room.
pub(crate) fn pairwise(own: &StaticSecret, other: &[u8; 32], room: &str) -> [u8; 32] {
    let shared = own.diffie_hellman(&PublicKey::from(*other));
    Sha256::new().chain_update(shared.as_bytes()).chain_update(room).finalize().into()
}

/// Nonce, ciphertext and tag; nothing is bound to them.
pub(crate) fn seal(key: &[u8; 32], nonce: [u8; 12], plaintext: &[u8]) -> Vec<u8> {
    let cipher = Aes256Gcm::new(key.into());
    let sealed = cipher.encrypt((&nonce).into(), Payload { msg: plaintext, aad: b"" }).unwrap();
    [&nonce[..], &sealed].concat()
}

pub(crate) fn open(key: &[u8; 32], sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, msg) = sealed.split_first_chunk::<12>()?;
    Aes256Gcm::new(key.into()).decrypt(nonce.into(), Payload { msg, aad: b"" }).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unhex(value: &serde_json::Value) -> Vec<u8> {
        data_encoding::HEXLOWER.decode(value.as_str().unwrap().as_bytes()).unwrap()
    }

    fn unhex32(value: &serde_json::Value) -> [u8; 32] {
        unhex(value).try_into().unwrap()
    }

    fn vectors() -> serde_json::Value {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/golden/peer/vectors.json");
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    }

    #[test]
    fn it_signs_as_the_first_implementation() {
        let vector = &vectors()["signature_v1"];
        let key = SigningKey::from_bytes(&unhex32(&vector["ed25519_seed"]));
        let packet = Wire {
            kind: DATA_CHUNK,
            request: "test-req".into(),
            sender: "user-1".into(),
            payload: vec![1, 2, 3],
            sender_key: unhex(&vector["ed25519_public"]),
            physical: 1_700_000_000_000,
            logical: 7,
            ..Wire::default()
        };
        assert_eq!(packet.signed_bytes(), unhex(&vector["signed_bytes"]));
        assert_eq!(packet.signed(&key).encode_to_vec(), unhex(&vector["wire"]));
    }

    #[test]
    fn it_seals_as_the_first_implementation() {
        let vector = &vectors()["pairwise_v1"];
        let key = pairwise(&StaticSecret::from([1; 32]), &unhex32(&vector["pub_b"]), "room-1");
        assert_eq!(key, unhex32(&vector["key = SHA256(shared||utf8(room))"]));
        let nonce = unhex(&vector["nonce"]).try_into().unwrap();
        let plaintext = vector["plaintext"].as_str().unwrap().as_bytes();
        let blob = unhex(&vector["blob = nonce||ct||tag (no AAD)"]);
        assert_eq!(seal(&key, nonce, plaintext), blob);
        assert_eq!(open(&key, &blob).unwrap(), plaintext);
    }
}
