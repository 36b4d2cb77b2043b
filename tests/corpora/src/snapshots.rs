//! A store whose newest snapshot was changed: it opens with what it held, or says that it cannot.
//!
//! The store is the golden one, whose history does not begin at its beginning. An input is a list of
//! changes, to the file as it is or to what it tells; then the checks are made anew, so that what is
//! behind them is reached, and only the answers' form is judged.

use std::{
    collections::BTreeSet,
    sync::{Arc, OnceLock},
};

use syncline_engine::{Error, Options, Store, offline, storage::sim::SimDisk};

use crate::{
    again,
    contents::{self, Contents},
    golden::{self, Files},
    input::Input,
    layout::{self, APPEND, HEAD_BYTES, HEADER_BYTES, Salt, u32_at, u64_at},
};

const NEWEST: &str = "0000000000000004.snap";
const OLDER: &str = "0000000000000003.snap";
const CHANGES_MAX: usize = 24;
const PART_BYTES_MAX: usize = 16 << 10;
const PUT: u8 = 5;
const PIECE: u8 = 10;
const SNAPSHOT_END: u8 = 11;
/// Lengths of what an end tells before the segments, and of each segment, in bytes.
const END_BYTES: usize = 40;
const LISTED_BYTES: usize = 32;

/// What an input begins with, by bits.
const MENDED: u8 = 1;
/// There is no older snapshot.
const ALONE: u8 = 2;
/// The lengths that the end tells stay as changed.
const LENGTHS_KEPT: u8 = 4;

/// What a snapshot tells, without heads and checks.
#[derive(Clone)]
struct Parts {
    header: Vec<u8>,
    image: Vec<u8>,
    end: Vec<u8>,
}

impl Parts {
    /// Takes a sound snapshot of one piece apart.
    fn of(file: &[u8]) -> Self {
        let end_at = u32_at(file, 52) as usize * 8;
        let end = file[end_at + HEAD_BYTES..].to_vec();
        let image_bytes = u64_at(&end, 0) as usize;
        let image = file[HEADER_BYTES + HEAD_BYTES..][..image_bytes].to_vec();
        Self { header: file[..HEADER_BYTES].to_vec(), image, end }
    }

    /// The file that tells them, with sound checks.
    fn file(mut self, keeps_lengths: bool) -> Vec<u8> {
        self.header.resize(HEADER_BYTES, 0);
        self.end.resize(self.end.len().max(END_BYTES), 0);
        if !keeps_lengths {
            self.image.resize(self.image.len().next_multiple_of(8), 0);
            let listed = (self.end.len() - END_BYTES) / LISTED_BYTES;
            self.end.truncate(END_BYTES + listed * LISTED_BYTES);
            self.end[..8].copy_from_slice(&(self.image.len() as u64).to_le_bytes());
            self.end[32..40].copy_from_slice(&(listed as u64).to_le_bytes());
        }
        let salt = Salt::of_snapshot(u64_at(&self.header, 16), u64_at(&self.header, 24));
        let mut file = vec![0; HEADER_BYTES];
        let mut crc = crc32fast::Hasher::new();
        if !self.image.is_empty() {
            layout::frame(&mut file, salt, PIECE, 0, 0, 0, &self.image);
            crc.update(&file[HEADER_BYTES + 4..HEADER_BYTES + 8]);
        }
        self.header[52..56].copy_from_slice(&((file.len() / 8) as u32).to_le_bytes());
        layout::mend_header(&mut self.header);
        self.end[24..28].copy_from_slice(&crc.finalize().to_le_bytes());
        self.end[28..32].copy_from_slice(&self.header[60..]);
        layout::frame(&mut file, salt, SNAPSHOT_END, 1, 0, 0, &self.end);
        file[..HEADER_BYTES].copy_from_slice(&self.header);
        file
    }

    fn change(&mut self, input: &mut Input<'_>) {
        for _ in 0..CHANGES_MAX {
            if input.is_empty() {
                return;
            }
            let part = match input.byte() % 8 {
                0 => &mut self.header,
                1..=3 => &mut self.end,
                _ => &mut self.image,
            };
            change(part, input);
        }
    }
}

struct Base {
    files: Files,
    contents: Contents,
    parts: Parts,
    /// Every record that a file holds, by number or key.
    written: BTreeSet<(Vec<u8>, Vec<u8>)>,
}

fn base() -> &'static Base {
    static BASE: OnceLock<Base> = OnceLock::new();
    BASE.get_or_init(|| {
        let files = golden::files(2);
        let store = contents::open(&SimDisk::with_files(0, files.clone())).expect("it opens");
        let contents = contents::read(&store, false);
        let parts = Parts::of(&files[NEWEST]);
        assert_eq!(parts.clone().file(false), files[NEWEST], "not taken apart as it was made");
        let segments = files.iter().filter(|(name, _)| name.ends_with(".seg"));
        let frames = segments.flat_map(|(_, file)| layout::frames(file));
        let records = frames.filter_map(|frame| match frame.kind {
            APPEND => Some(frame.fields.split_at(8)),
            PUT => Some(frame.fields.split_at(frame.key_bytes)),
            _ => None,
        });
        let written = records.map(|(key, value)| (key.to_vec(), value.to_vec())).collect();
        Base { files, contents, parts, written }
    })
}

/// Changes bytes once, most often whole words of them.
fn change(bytes: &mut Vec<u8>, input: &mut Input<'_>) {
    let what = input.byte() % 12;
    let at = input.number(2) as usize % (bytes.len() + 1);
    let word = at & !7;
    match what {
        0 => bytes.truncate(at),
        1 => bytes.resize((bytes.len() + at).min(PART_BYTES_MAX), 0),
        2 => {
            let end = (word + 8 * usize::from(input.byte())).min(bytes.len());
            bytes.drain(word..end);
        }
        3 => {
            // Words of another place, between those that are there.
            let from = (input.number(2) as usize % (bytes.len() + 1)) & !7;
            let end = (from + 8 * usize::from(input.byte())).min(bytes.len());
            let words = bytes[from..end].to_vec();
            bytes.splice(word..word, words);
            bytes.truncate(PART_BYTES_MAX);
        }
        4 => {
            let count = usize::from(input.byte() % 64);
            bytes.splice(word..word, input.bytes(count).to_vec());
            bytes.truncate(PART_BYTES_MAX);
        }
        5..=7 => {
            let number = input.number(8).to_le_bytes();
            let end = (word + [8, 4, 2][usize::from(what) - 5]).min(bytes.len());
            bytes[word..end].copy_from_slice(&number[..end - word]);
        }
        8 => {
            // A number that is a little more or less.
            if let Some(place) = bytes.get_mut(word..word + 8) {
                let by = i64::from(input.byte() as i8);
                let number = u64_at(place, 0).wrapping_add_signed(by);
                place.copy_from_slice(&number.to_le_bytes());
            }
        }
        9 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << (input.byte() % 8);
            }
        }
        _ => {
            let count = usize::from(input.byte() % 32);
            let new = input.bytes(count);
            let end = (at + new.len()).min(bytes.len());
            bytes[at..end].copy_from_slice(&new[..end - at]);
        }
    }
}

pub(crate) fn run(data: &[u8]) {
    let mut input = Input(data);
    let (mode, base) = (input.byte(), base());
    let (is_mended, is_alone) = (mode & MENDED != 0, mode & ALONE != 0);
    let mut files = base.files.clone();
    let newest = if is_mended {
        let mut parts = base.parts.clone();
        parts.change(&mut input);
        parts.file(mode & LENGTHS_KEPT != 0)
    } else {
        let mut file = base.files[NEWEST].clone();
        for _ in 0..CHANGES_MAX {
            if !input.is_empty() {
                change(&mut file, &mut input);
            }
        }
        file
    };
    let is_changed = newest != base.files[NEWEST];
    files.insert(NEWEST.to_owned(), newest);
    if is_alone {
        files.remove(OLDER);
    }
    let disk = SimDisk::with_files(0, files);
    if is_mended && is_changed {
        forged(&disk);
    } else {
        told_or_right(&disk, is_changed, is_alone, base);
    }
}

/// Nothing behind the checks was changed: the change is seen, and the answers come from elsewhere or
/// not at all.
fn told_or_right(disk: &SimDisk, is_changed: bool, is_alone: bool, base: &Base) {
    let verified = offline::verify_on(Arc::new(disk.clone())).expect("a disk that does not fail");
    assert_eq!(verified.is_sound(), !is_changed, "verifying does not see what was changed");
    let has_snapshot = !is_changed || !is_alone;
    let looked = Store::open_read_only_on(Arc::new(disk.clone()), Options::default());
    let seen = contents::read(&looked.expect("what is left can be read"), !has_snapshot);
    if has_snapshot {
        assert_eq!(seen, base.contents, "read only");
    } else {
        only_written(&seen, base);
    }
    match contents::open(disk) {
        Ok(store) => {
            assert!(has_snapshot, "a store opens whose history is gone");
            let found = contents::read(&store, false);
            drop(store);
            assert_eq!(found, base.contents);
            again::write_and_reopen(disk, found);
        }
        Err(error) => {
            let is_told = matches!(error, Error::Corrupt { .. });
            assert!(is_told && !has_snapshot, "one of two snapshots is sound: {error}");
        }
    }
}

/// The checks lie: whatever is answered, it is answered, and in the usual form.
fn forged(disk: &SimDisk) {
    let is_usual = |error: &Error| {
        error.is_corruption() || matches!(error, Error::Unsupported { .. } | Error::Rejected(_))
    };
    match offline::verify_on(Arc::new(disk.clone())) {
        Ok(_) => {}
        Err(error) => assert!(is_usual(&error), "verifying: {error}"),
    }
    match Store::open_read_only_on(Arc::new(disk.clone()), Options::default()) {
        Ok(store) => drop(contents::read(&store, true)),
        Err(error) => assert!(is_usual(&error), "reading only: {error}"),
    }
    match contents::open(disk) {
        Ok(store) => {
            let _ = contents::read(&store, true);
            drop(store);
            again::forged(disk);
        }
        Err(error) => assert!(is_usual(&error), "neither sound nor damaged: {error}"),
    }
}

/// Collections whose names are lost are called otherwise; their records are still those written.
fn only_written(seen: &Contents, base: &Base) {
    let records = seen.logs.values().flatten();
    let records = records.map(|(seq, payload)| (seq.to_le_bytes().to_vec(), payload.clone()));
    let entries = seen.maps.values().flatten().map(|(key, value)| (key.clone(), value.clone()));
    for record in records.chain(entries) {
        assert!(base.written.contains(&record), "nobody wrote {record:?}");
    }
}
