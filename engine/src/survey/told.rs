//! Checks the frames of a segment against the table that its footer has of them.
//!
//! The table tells where each frame begins, so that a damaged one hides no other.

use super::{
    bytes::FileBytes,
    damage::Flaw,
    look::{Looked, Spot, Stretch, Subject},
};
use crate::{
    error::Error,
    format::{
        VERSION,
        check::KeyHash,
        footer::Footer,
        frame::{BadFrame, Frame, Kind, padded},
        header::HEADER_BYTES,
        mark,
        table::Item,
    },
};

/// Whether the table holds together: as many frames as it says, up to where they end.
pub(super) fn holds(footer: &Footer) -> bool {
    let (mut end, mut items) = (HEADER_BYTES as u64, 0);
    for item in footer.table.items() {
        let Ok(item) = item else { return false };
        end = u64::from(item.offset) + padded(item.length as usize) as u64;
        items += 1;
        if end > u64::from(footer.data_end) {
            return false;
        }
    }
    end == u64::from(footer.data_end) && items == footer.table.items
}

/// Reads every frame.
///
/// # Errors
/// [`Error::Unsupported`] for one of a newer version.
pub(super) fn check(
    looked: &mut Looked,
    bytes: &mut FileBytes,
    footer: Footer,
    subject: &Subject<'_>,
) -> Result<(), Error> {
    let mut batch_at = HEADER_BYTES as u64;
    for item in footer.table.items().flatten() {
        let (offset, length) = (u64::from(item.offset), padded(item.length as usize));
        let flaw = match Frame::check(bytes.from(offset, length), subject.salt, item.offset) {
            Ok(frame) if is_as_told(&frame, &item, subject.hash) => {
                let durable = mark::durable(&frame, subject.salt, item.offset);
                looked.durable = looked.durable.max(durable.unwrap_or(0));
                let is_mark = matches!(frame.kind, Kind::Flush | Kind::Close);
                if frame.end {
                    batch_at = offset + length as u64;
                }
                (is_mark && durable.is_none()).then_some(Flaw::Frame)
            }
            Ok(_) => Some(Flaw::NotAsTold),
            Err(BadFrame::Damaged) => Some(Flaw::Frame),
            Err(BadFrame::Newer) => return Err(Error::Unsupported { version: VERSION + 1 }),
        };
        if let Some(flaw) = flaw {
            let bytes = length as u64;
            looked.spots.push(Spot { offset, bytes, flaw, batch_at, is_told: true });
        }
    }
    looked.stretches = vec![Stretch { start: HEADER_BYTES as u32, table: footer.table }];
    Ok(())
}

fn is_as_told(frame: &Frame<'_>, item: &Item<'_>, hash: KeyHash) -> bool {
    let fields = match frame.kind {
        Kind::Append | Kind::Trim => frame.seq() == item.seq,
        Kind::Put | Kind::Remove => hash.hash(frame.key()) == item.hash,
        Kind::Create => frame.fields() == item.fields,
        Kind::Drop | Kind::Flush | Kind::Close | Kind::Footer => true,
        Kind::Piece | Kind::SnapshotEnd => false,
    };
    let is_mark = matches!(frame.kind, Kind::Flush | Kind::Close);
    let same_collection = is_mark || frame.collection == item.collection;
    frame.kind == item.kind && same_collection && frame.length == item.length as usize && fields
}
