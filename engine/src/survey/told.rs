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
                if is_mark {
                    unfinished(looked, batch_at, offset);
                }
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
    unfinished(looked, batch_at, footer.data_end.into());
    looked.stretches = vec![Stretch { start: HEADER_BYTES as u32, table: footer.table }];
    Ok(())
}

/// Notes a batch that should have ended by `end`: marks stand between batches, and so do segments.
fn unfinished(looked: &mut Looked, batch_at: u64, end: u64) {
    // A frame that does not pass may be the one that ends it.
    let is_sound = looked.spots.last().is_none_or(|spot| spot.offset < batch_at);
    if batch_at < end && is_sound {
        looked.flaw(batch_at, end - batch_at, Flaw::Unfinished, batch_at);
    }
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        Batch, Options, Store,
        format::{
            check::Salt,
            frame::Head,
            header::{SegmentHeader, segment_name},
            u64_at,
        },
        offline::verify_on,
        storage::sim::SimDisk,
    };

    /// A batch of which the last frame is sound but does not say so, though a mark or the segment's
    /// end stands behind it.
    #[test]
    fn a_batch_without_an_end_is_found_in_a_segment_with_a_footer() {
        let options = Options { segment_bytes: 4 << 10, ..Options::default() };
        let disk = SimDisk::new(1);
        let store = Store::open_on(Arc::new(disk.clone()), options).unwrap();
        let log = store.log("log").unwrap();
        for _ in 0..40 {
            let mut batch = Batch::new();
            batch.append(&log, &[7; 300]);
            store.commit(batch).unwrap().wait().unwrap();
        }
        store.close().unwrap();
        let (files, name) = (disk.files(), segment_name(1));
        let sound = &files[&name];
        let store_id = SegmentHeader::decode(&sound[..HEADER_BYTES]).unwrap().store_id;
        let salt = Salt::new(store_id, 1);
        let (mut at, mut tried) = (HEADER_BYTES, 0);
        while let Some(head) = Head::parse(&sound[at..]) {
            let frame = Frame::check(&sound[at..], salt, at as u32).unwrap();
            if frame.kind == Kind::Append {
                let mut bytes = sound.clone();
                let place = |bytes: &[u8]| {
                    salt.frame(at as u32, head.length as u32, u64_at(bytes, 8), frame.seq())
                };
                let crc = head.check ^ place(&bytes[at..]);
                bytes[at + 9] = 0;
                let check = crc ^ place(&bytes[at..]);
                bytes[at + 4..at + 8].copy_from_slice(&check.to_le_bytes());
                assert!(!Frame::check(&bytes[at..], salt, at as u32).unwrap().end);
                let mut files = files.clone();
                files.insert(name.clone(), bytes);
                let report = verify_on(Arc::new(SimDisk::with_files(1, files))).unwrap();
                let [damage] = &report.damages[..] else { panic!("at {at}: {report:?}") };
                assert_eq!((damage.offset, &damage.flaw), (at as u64, &Flaw::Unfinished));
                tried += 1;
            }
            at += head.padded();
        }
        assert!(tried > 5, "{tried}");
    }
}
