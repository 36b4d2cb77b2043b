//! Golden vectors of both forms, and what must not open.

use proptest::prelude::*;

use super::*;

#[derive(Deserialize)]
struct Vector {
    secret: String,
    discovery_key: String,
    content_key: String,
    nonce: String,
    plaintext: String,
    compact: String,
    original: String,
}

fn unhex(text: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digit).collect()
}

fn golden() -> Vec<Vector> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/golden/client/relay_sealed.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

impl Vector {
    fn secret(&self) -> Secret {
        Secret::new(unhex(&self.secret).try_into().unwrap())
    }

    fn sealed(&self, form: Form) -> Bytes {
        let nonce = unhex(&self.nonce).try_into().unwrap();
        let plaintext = unhex(&self.plaintext);
        let (head, tail) = plaintext.split_at(plaintext.len() / 2);
        Sealer::new(&self.secret(), form).seal_with(nonce, &[head, tail]).unwrap()
    }
}

#[test]
fn keys_are_derived_as_the_golden_vectors_say() {
    for vector in golden() {
        assert_eq!(vector.secret().discovery_key(), vector.discovery_key);
        assert_eq!(vector.secret().content_key().to_vec(), unhex(&vector.content_key));
    }
}

#[test]
fn payloads_are_sealed_as_the_golden_vectors_say() {
    for vector in golden() {
        assert_eq!(vector.sealed(Form::Compact), unhex(&vector.compact));
        assert_eq!(vector.sealed(Form::Original), vector.original);
    }
}

#[test]
fn a_sealer_opens_both_forms_whatever_it_seals() {
    for vector in golden() {
        for form in [Form::Compact, Form::Original] {
            let sealer = Sealer::new(&vector.secret(), form);
            assert_eq!(sealer.open(&unhex(&vector.compact)).unwrap(), unhex(&vector.plaintext));
            assert_eq!(sealer.open(vector.original.as_bytes()).unwrap(), unhex(&vector.plaintext));
        }
    }
}

#[test]
fn nothing_opens_with_another_secret() {
    let other = Sealer::new(&Secret::new([7; 32]), Form::Compact);
    for vector in golden() {
        assert_eq!(other.open(&unhex(&vector.compact)), Err(OpenError::Unauthentic));
        assert_eq!(other.open(vector.original.as_bytes()), Err(OpenError::Unauthentic));
    }
}

#[test]
fn a_compact_payload_is_bound_to_its_document() {
    let secret = Secret::new([3; 32]);
    let here = Sealer::new(&secret, Form::Compact);
    let mut elsewhere = Sealer::new(&secret, Form::Compact);
    elsewhere.bound_to.push(b'x');
    let sealed = here.seal(b"mine").unwrap();
    assert_eq!(elsewhere.open(&sealed), Err(OpenError::Unauthentic));
}

#[test]
fn what_is_no_sealed_payload_is_malformed() {
    let sealer = Sealer::new(&Secret::new([3; 32]), Form::Compact);
    let short: &[u8] = &[COMPACT_VERSION; COMPACT_HEAD_BYTES - 1];
    for bytes in [&b""[..], b"\x02future", b"{}", b"{\"nonce\":[1],\"ciphertext\":[]}", short] {
        assert_eq!(sealer.open(bytes), Err(OpenError::Malformed), "{bytes:?}");
    }
    let tagless: &[u8] = &[COMPACT_VERSION; COMPACT_HEAD_BYTES + TAG_BYTES - 1];
    assert_eq!(sealer.open(tagless), Err(OpenError::Unauthentic));
}

#[test]
fn the_same_plaintext_is_never_sealed_the_same_way_twice() {
    let sealer = Sealer::new(&Secret::new([3; 32]), Form::Compact);
    assert_ne!(sealer.seal(b"again").unwrap(), sealer.seal(b"again").unwrap());
}

proptest! {
    #[test]
    fn what_is_sealed_opens(plaintext: Vec<u8>, original: bool) {
        let form = if original { Form::Original } else { Form::Compact };
        let sealer = Sealer::new(&Secret::new([9; 32]), form);
        prop_assert_eq!(sealer.open(&sealer.seal(&plaintext).unwrap()).unwrap(), plaintext);
    }

    #[test]
    fn a_flipped_bit_never_opens(plaintext: Vec<u8>, at: prop::sample::Index, bit in 0..8u8) {
        let sealer = Sealer::new(&Secret::new([9; 32]), Form::Compact);
        let mut sealed = sealer.seal(&plaintext).unwrap().to_vec();
        let at = at.index(sealed.len());
        sealed[at] ^= 1 << bit;
        prop_assert!(sealer.open(&sealed).is_err());
    }
}
