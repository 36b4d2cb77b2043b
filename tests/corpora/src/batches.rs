//! Batches whose frames all pass their checks and say anything: recovery must take from them exactly what
//! a plain reading of docs/format.md takes.

use std::collections::BTreeMap;

use syncline_engine::{Error, storage::sim::SimDisk};

use crate::{
    contents::{self, Contents},
    input::Input,
    layout::{self, Salt},
};

const STORE: u64 = 7;
const FRAMES_MAX: usize = 200;
const END: u8 = 1;

/// What a frame says.
#[derive(Debug)]
struct Said {
    kind: u8,
    flags: u8,
    key_bytes: u16,
    collection: u32,
    fields: Vec<u8>,
}

/// What the frames come to.
#[derive(Debug, PartialEq, Eq)]
enum Meaning {
    Contents(Contents),
    Corrupt,
    Unsupported,
    /// Two collections of one name: no answer is the right one.
    Unclear,
}

fn frame(input: &mut Input<'_>, next: &BTreeMap<u32, u64>) -> Said {
    let choice = input.byte();
    // Kinds of every version and one that is none; marks and footers have a target of their own.
    let kind = [1, 2, 3, 3, 3, 4, 5, 5, 5, 6, 6, 1, 3, 5, 3, 77][usize::from(choice % 16)];
    let flags = if choice & 0x30 == 0 { 0 } else { END } | if choice == 0xff { 2 } else { 0 };
    let is_odd = choice & 0xc0 == 0xc0;
    let collection = u32::from(input.byte() % 5);
    let count = usize::from(input.byte() % 40);
    let mut fields = input.bytes(count).to_vec();
    let mut key_bytes = match kind {
        1 => fields.len().saturating_sub(1) as u16,
        5 => (fields.len() / 2) as u16,
        6 => fields.len() as u16,
        _ => 0,
    };
    match kind {
        1 if !is_odd && !fields.is_empty() => fields[0] = 1 + fields[0] % 2,
        2 if !is_odd => fields.clear(),
        3 => {
            let usual = next.get(&collection).copied().unwrap_or(1);
            let seq = if is_odd { input.number(8) } else { usual };
            fields.splice(0..0, seq.to_le_bytes());
        }
        4 if !is_odd => {
            let seq = next.get(&collection).copied().unwrap_or(1);
            let back = u64::from(fields.first().copied().unwrap_or(0) % 4);
            fields = seq.saturating_sub(back).to_le_bytes().to_vec();
        }
        _ if is_odd => key_bytes = input.number(2) as u16 % 64,
        _ => {}
    }
    Said { kind, flags, key_bytes, collection, fields }
}

/// Whether the fields fit the kind.
fn is_well_formed(said: &Said) -> bool {
    let (key, fields) = (usize::from(said.key_bytes), said.fields.len());
    match said.kind {
        1 => key > 0 && fields == 1 + key,
        2 => fields == 0 && key == 0,
        3 => key == 0 && fields >= 8,
        4 => key == 0 && fields == 8,
        5 => fields >= key,
        6 => fields == key,
        _ => true,
    }
}

#[derive(Default)]
struct Reading {
    /// Names by id from 1, with whether it is a log; `None` when dropped.
    collections: Vec<Option<(String, bool)>>,
    contents: Contents,
    is_unclear: bool,
}

impl Reading {
    /// Takes a frame; `None` when it does not follow from those before.
    fn take(&mut self, said: &Said) -> Option<()> {
        if said.kind == 1 {
            return self.create(said);
        }
        let at = (said.collection as usize).checked_sub(1)?;
        let (name, is_log) = self.collections.get(at)?.clone()?;
        let contents = &mut self.contents;
        match (said.kind, is_log) {
            (2, _) => {
                self.collections[at] = None;
                contents.logs.remove(&name);
                contents.next.remove(&name);
                contents.maps.remove(&name);
            }
            (3, true) => {
                let next = contents.next.get_mut(&name)?;
                if Input(&said.fields).number(8) != *next {
                    return None;
                }
                contents.logs.get_mut(&name)?.insert(*next, said.fields[8..].to_vec());
                *next += 1;
            }
            (4, true) => {
                let seq = Input(&said.fields).number(8);
                if seq > *contents.next.get(&name)? {
                    return None;
                }
                contents.logs.get_mut(&name)?.retain(|own, _| *own >= seq);
            }
            (5, false) => {
                let (key, value) = said.fields.split_at(said.key_bytes.into());
                contents.maps.get_mut(&name)?.insert(key.to_vec(), value.to_vec());
            }
            (6, false) => drop(contents.maps.get_mut(&name)?.remove(&said.fields)),
            _ => return None,
        }
        Some(())
    }

    fn create(&mut self, said: &Said) -> Option<()> {
        let name = std::str::from_utf8(&said.fields[1..]).ok()?.to_owned();
        let is_log = match said.fields[0] {
            1 => true,
            2 => false,
            _ => return None,
        };
        if said.collection as usize != self.collections.len() + 1 {
            return None;
        }
        self.is_unclear |= self.collections.iter().flatten().any(|(other, _)| *other == name);
        self.collections.push(Some((name.clone(), is_log)));
        if is_log {
            self.contents.logs.insert(name.clone(), BTreeMap::new());
            self.contents.next.insert(name, 1);
        } else {
            self.contents.maps.insert(name, BTreeMap::new());
        }
        Some(())
    }
}

fn meaning(frames: &[Said]) -> Meaning {
    let mut whole = 0;
    for (nth, said) in frames.iter().enumerate() {
        if said.kind > 9 || said.flags & !END != 0 {
            if said.kind == 3 && said.fields.len() < 8 {
                break;
            }
            return Meaning::Unsupported;
        }
        if !is_well_formed(said) {
            break;
        }
        if said.flags & END != 0 {
            whole = nth + 1;
        }
    }
    let mut reading = Reading::default();
    for said in &frames[..whole] {
        let follows = reading.take(said).is_some();
        if reading.is_unclear {
            return Meaning::Unclear;
        }
        if !follows {
            return Meaning::Corrupt;
        }
    }
    Meaning::Contents(reading.contents)
}

pub(crate) fn run(data: &[u8]) {
    let mut input = Input(data);
    let salt = Salt::new(STORE, 1);
    let (mut file, mut frames, mut next) =
        (layout::header(STORE, 1, 0), Vec::new(), BTreeMap::new());
    while !input.is_empty() && frames.len() < FRAMES_MAX {
        let said = frame(&mut input, &next);
        if said.kind == 3 {
            *next.entry(said.collection).or_insert(1) += 1;
        }
        let Said { kind, flags, key_bytes, collection, ref fields } = said;
        layout::frame(&mut file, salt, kind, flags, key_bytes, collection, fields);
        frames.push(said);
    }
    file.resize((file.len() + 64).next_multiple_of(4096), 0);
    let files = [("0000000000000001.seg".to_owned(), file)].into();
    let disk = SimDisk::with_files(0, files);
    let found = match contents::open(&disk) {
        Ok(store) => Meaning::Contents(contents::read(&store, false)),
        Err(Error::Corrupt { .. }) => Meaning::Corrupt,
        Err(Error::Unsupported { .. }) => Meaning::Unsupported,
        Err(error) => panic!("neither sound nor damaged: {error}"),
    };
    let expected = meaning(&frames);
    if expected != Meaning::Unclear {
        assert_eq!(found, expected, "{frames:?}");
    }
}
