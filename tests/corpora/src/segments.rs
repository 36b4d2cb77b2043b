//! A store whose files were changed: opening it tells, or answers with what was written.
//!
//! The store is the golden one. An input is a list of changes, and whether the checks are mended behind
//! them: then wrong answers are what was asked for, and only the answers' form is judged.

use std::{collections::BTreeMap, sync::OnceLock};

use syncline_engine::{Error, offline, storage::sim::SimDisk};

use crate::{
    again,
    contents::{self, History},
    golden::{self, Files},
    input::Input,
    layout::{self, APPEND},
};

const CHANGES_MAX: usize = 24;
const FILE_BYTES_MAX: usize = 16 << 10;
const CREATE: u8 = 1;
const PUT: u8 = 5;

struct Base {
    files: Files,
    history: History,
}

fn base() -> &'static Base {
    static BASE: OnceLock<Base> = OnceLock::new();
    BASE.get_or_init(|| {
        let files = golden::files(1);
        let history = history(&files);
        Base { files, history }
    })
}

fn history(files: &Files) -> History {
    let (mut names, mut history) = (BTreeMap::new(), History::default());
    for frame in files.values().flat_map(|file| layout::frames(file)) {
        let name = |names: &BTreeMap<u32, String>| names[&frame.collection].clone();
        match frame.kind {
            CREATE => {
                let text = String::from_utf8_lossy(&frame.fields[1..]).into_owned();
                names.insert(frame.collection, text);
            }
            APPEND => {
                let (seq, payload) = frame.fields.split_at(8);
                let seq = Input(seq).number(8);
                history.records.insert((name(&names), seq, payload.to_vec()));
            }
            PUT => {
                let (key, value) = frame.fields.split_at(frame.key_bytes);
                history.entries.insert((name(&names), key.to_vec(), value.to_vec()));
            }
            _ => {}
        }
    }
    history
}

/// Changes the files as the input says.
fn change(files: &mut Files, input: &mut Input<'_>) {
    let names: Vec<String> = files.keys().cloned().collect();
    for _ in 0..CHANGES_MAX {
        if input.is_empty() {
            return;
        }
        let (what, name) = (input.byte(), &names[input.below(names.len())]);
        let Some(file) = files.get_mut(name) else { continue };
        let at = input.number(2) as usize % (file.len() + 1);
        match what % 12 {
            0 => drop(files.remove(name)),
            1 => file.truncate(at),
            2 => file.resize((file.len() + at).min(FILE_BYTES_MAX), 0),
            3 => {
                let other = names[input.below(names.len())].clone();
                let moved = file.clone();
                files.insert(other, moved);
            }
            4 => {
                let end = (at + input.number(2) as usize).min(file.len());
                file[at..end].fill(input.byte());
            }
            5 => {
                // Bytes of another place, as a block that was used before.
                let from = input.number(2) as usize % (file.len() + 1);
                let count = (input.number(2) as usize).min(file.len() - from.max(at));
                file.copy_within(from..from + count, at);
            }
            6 => {
                // A number at the place of a length.
                let at = at & !7;
                let number = input.number(4).to_le_bytes();
                if let Some(place) = file.get_mut(at..at + 4) {
                    place.copy_from_slice(&number[..4]);
                }
            }
            7 => {
                let number = input.number(8).to_le_bytes();
                if let Some(place) = file.get_mut((at & !7)..(at & !7) + 8) {
                    place.copy_from_slice(&number);
                }
            }
            8 => {
                if let Some(byte) = file.get_mut(at) {
                    *byte ^= 1 << (input.byte() % 8);
                }
            }
            _ => {
                let count = usize::from(input.byte() % 32);
                let bytes = input.bytes(count);
                let end = (at + bytes.len()).min(file.len());
                file[at..end].copy_from_slice(&bytes[..end - at]);
            }
        }
    }
}

pub(crate) fn run(data: &[u8]) {
    let mut input = Input(data);
    let is_mended = input.byte() % 2 == 1;
    let mut files = base().files.clone();
    change(&mut files, &mut input);
    if is_mended {
        files.values_mut().for_each(|file| layout::mend(file));
    }
    let disk = SimDisk::with_files(0, files);
    let verified = offline::verify_on(std::sync::Arc::new(disk.clone()));
    let store = match contents::open(&disk) {
        Ok(store) => store,
        Err(Error::Corrupt { .. }) => {
            let is_sound = verified.is_ok_and(|report| report.is_sound());
            assert!(is_mended || !is_sound, "opening finds a damage that verifying does not");
            return;
        }
        Err(Error::Unsupported { .. } | Error::Rejected(_)) => return,
        Err(error) => panic!("neither sound nor damaged: {error}"),
    };
    let before = contents::read(&store, is_mended);
    drop(store);
    if is_mended {
        return again::forged(&disk);
    }
    base().history.expect_only_own(&before);
    again::write_and_reopen(&disk, before);
}
