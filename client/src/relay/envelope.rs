//! Changes inside sealed payloads: the compact form carries a change's id in front of its body,
//! the original form has no place for one. Knows no message.

use bytes::Bytes;

use super::{
    change_id::ChangeId,
    seal::{Form, OpenError, SealError, Sealer},
};

/// Seals a change.
pub(super) fn seal(sealer: &Sealer, id: ChangeId, body: &[u8]) -> Result<Bytes, SealError> {
    match sealer.form() {
        Form::Compact => sealer.seal_parts(&[&id.to_bytes(), body]),
        Form::Original => sealer.seal_parts(&[body]),
    }
}

/// Opens a payload: a change's id, when it was sealed with one, and its body.
pub(super) fn open(sealer: &Sealer, sealed: &[u8]) -> Result<(Option<ChangeId>, Bytes), OpenError> {
    let form = Form::of(sealed).ok_or(OpenError::Malformed)?;
    let plaintext = sealer.open(sealed)?;
    match form {
        Form::Original => Ok((None, plaintext)),
        Form::Compact => {
            let (id, body) = ChangeId::split(plaintext).ok_or(OpenError::Malformed)?;
            Ok((Some(id), body))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay::{change_id::Origin, secret::Secret};

    const ID: ChangeId = ChangeId { origin: Origin::new([5; 16]), counter: 3 };

    fn sealer(form: Form) -> Sealer {
        Sealer::new(&Secret::new([1; 32]), form)
    }

    #[test]
    fn the_compact_form_brings_the_id_and_the_original_form_does_not() {
        let (compact, original) = (sealer(Form::Compact), sealer(Form::Original));
        let body = Bytes::from("body");
        let sealed = seal(&compact, ID, &body).unwrap();
        assert_eq!(open(&original, &sealed), Ok((Some(ID), body.clone())));
        let sealed = seal(&original, ID, &body).unwrap();
        assert_eq!(open(&compact, &sealed), Ok((None, body.clone())));
        assert_eq!(original.open(&sealed), Ok(body), "the original app finds the body alone");
    }

    #[test]
    fn a_compact_payload_without_an_id_is_malformed() {
        let compact = sealer(Form::Compact);
        let sealed = compact.seal(b"short").unwrap();
        assert_eq!(open(&compact, &sealed), Err(OpenError::Malformed));
    }
}
