//! The codes that let strangers in. They are secrets: never in a log, compared in constant time.
//!
//! Knows no group.

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::dialects::peer::random::{Random, random};

/// Bytes of a code, at most.
pub const CODE_BYTES_MAX: usize = 256;

/// Signs of a code that is made here.
const SIGNS: usize = 16;

/// Crockford's base 32: no sign looks like another.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// A new code: 80 random bits in 16 signs of Crockford's base 32.
#[must_use]
pub fn new_code(source: &mut dyn Random) -> String {
    let bytes: [u8; SIGNS] = random(source);
    bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect()
}

/// Whether two codes are the same, whatever the case. In codes of the form made here, hyphens and spaces
/// do not count, and signs that look alike are the same. Takes as long for any two of the same lengths.
#[must_use]
pub fn is_same_code(one: &str, other: &str) -> bool {
    hash(one).ct_eq(&hash(other)).into()
}

/// The SHA-256 of a code in the one form in which it is compared.
pub(super) fn hash(code: &str) -> [u8; 32] {
    Sha256::digest(canonical(code)).into()
}

fn canonical(code: &str) -> String {
    let signs = code.chars().filter(|c| *c != '-' && !c.is_whitespace());
    // One more than a code has, so that longer ones are seen to be longer.
    let signs: Option<String> = signs.take(SIGNS + 1).map(crockford).collect();
    match signs {
        Some(signs) if signs.len() == SIGNS => signs,
        _ => code.trim().to_lowercase(),
    }
}

fn crockford(sign: char) -> Option<char> {
    match sign.to_ascii_uppercase() {
        'O' => Some('0'),
        'I' | 'L' => Some('1'),
        other => u8::try_from(other).is_ok_and(|byte| ALPHABET.contains(&byte)).then_some(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_code_has_80_bits() {
        let mut count = 0_u8;
        let mut counting = |out: &mut [u8]| {
            for byte in out {
                *byte = count;
                count = count.wrapping_add(1);
            }
        };
        assert_eq!(new_code(&mut counting), "0123456789ABCDEF");
        assert_eq!(new_code(&mut counting), "GHJKMNPQRSTVWXYZ");
        assert_eq!(new_code(&mut |out: &mut [u8]| out.fill(0xff)), "Z".repeat(16));
    }

    #[test]
    fn codes_that_are_the_same() {
        for (one, other) in [
            ("CODE123", "code123"),
            (" code123\n", "CODE123"),
            ("0123-4567-89AB-CDEF", "0123456789abcdef"),
            ("olL1 olL1 olL1 olL1", "0111011101110111"),
            ("É", "é"),
        ] {
            assert!(is_same_code(one, other), "{one:?} {other:?}");
        }
        for (one, other) in [
            ("CODE123", "CODE124"),
            ("CODE-123", "CODE123"),
            ("O", "0"),
            ("", "x"),
            ("0123456789ABCDEF", "0123456789ABCDEF0"),
            ("0123456789ABCDEF", "0123456789ABCDEU"),
        ] {
            assert!(!is_same_code(one, other), "{one:?} {other:?}");
        }
    }
}
