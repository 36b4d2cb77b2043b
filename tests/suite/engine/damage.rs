//! Bits flipped, pages zeroed, files cut short: an error, never a wrong answer.

use std::{collections::HashMap, sync::Mutex};

use syncline_engine::storage::sim::SimDisk;

use crate::world::{
    damaged::Sound,
    dice::{Dice, in_parallel},
    driver::Driver,
    judge::Verdict,
    model::Change,
};

#[test]
fn every_bit_may_flip() {
    for is_closed in [true, false] {
        let sound = Sound::new(is_closed);
        assert!(sound.files.len() > 2, "several segments");
        let seen = Mutex::new(HashMap::new());
        for (name, bytes) in &sound.files {
            in_parallel(bytes.len() as u64 * 8, |bit| {
                let (at, mask) = (bit as usize / 8, 1 << (bit % 8));
                let verdict = sound.with(name, |bytes| bytes[at] ^= mask);
                assert!(sound.allows(is_closed, verdict), "{name} bit {bit}: {verdict:?}");
                *seen.lock().expect("no panic").entry(kind(verdict)).or_insert(0) += 1;
            });
        }
        let seen = seen.into_inner().expect("no panic");
        // Most of what is in use is payload, and every byte of that is looked at.
        let used: usize = sound.files.keys().map(|name| sound.used(name)).sum();
        let told = seen.get("refused").unwrap_or(&0) + seen.get("told").unwrap_or(&0);
        assert!(told > used * 8 / 2, "closed {is_closed}: {seen:?} of {} bits used", used * 8);
    }
}

fn kind(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Intact => "intact",
        Verdict::Refused => "refused",
        Verdict::Told => "told",
        Verdict::Cut(_) | Verdict::CutInSilence(_) => "cut",
    }
}

/// Any sector or page of zeros, garbage, or another sector's bytes (E6).
#[test]
fn any_sector_may_be_replaced() {
    let sound = Sound::new(true);
    for (name, bytes) in &sound.files {
        for size in [512, 4096] {
            for at in (0..bytes.len()).step_by(size) {
                let end = (at + size).min(bytes.len());
                let other = bytes[..end - at].to_vec();
                let garbage = Dice::new(at as u64).bytes(end - at);
                for new in [vec![0; end - at], other, garbage] {
                    let verdict = sound.with(name, |bytes| bytes[at..end].copy_from_slice(&new));
                    // The end itself takes along what would have vouched for it.
                    let is_cut = matches!(verdict, Verdict::Cut(_) | Verdict::CutInSilence(_));
                    let is_end = sound.is_last(name) && (at..end).contains(&(sound.used(name) - 1));
                    let allowed = sound.allows(true, verdict) || (is_cut && is_end);
                    assert!(allowed, "{name} at {at}: {verdict:?}");
                }
            }
        }
    }
}

/// A length that is huge, tiny or wraps reads nothing it should not and takes no memory (E5).
#[test]
fn any_word_may_be_any_number() {
    let sound = Sound::new(true);
    for name in sound.files.keys() {
        let words = sound.used(name) as u64 / 4;
        in_parallel(words, |word| {
            let at = word as usize * 4;
            for value in [0, 1, 7, 8, 15, 16, 0x7fff_ffff, 0x8000_0000, u32::MAX - 7, u32::MAX] {
                let verdict = sound.with(name, |bytes| {
                    bytes[at..at + 4].copy_from_slice(&u32::to_le_bytes(value));
                });
                assert!(sound.allows(true, verdict), "{name} at {at} = {value:#x}: {verdict:?}");
            }
        });
    }
}

/// A file that is cut anywhere is noticed, also when something else stands behind the cut; of a store
/// that ended well nothing is taken for torn.
#[test]
fn any_file_may_be_cut_anywhere() {
    let sound = Sound::new(true);
    for (name, bytes) in &sound.files {
        let is_last = sound.is_last(name);
        in_parallel(bytes.len() as u64 + 1, |length| {
            let length = length as usize;
            let garbage = Dice::new(length as u64).bytes(bytes.len() - length);
            for behind in [&[][..], &garbage[..garbage.len().min(40)], &garbage] {
                let verdict = sound.with(name, |bytes| {
                    bytes.truncate(length);
                    bytes.extend_from_slice(behind);
                });
                // Cutting the last file takes along what would have vouched for the rest.
                let is_cut = matches!(verdict, Verdict::Cut(_) | Verdict::CutInSilence(_));
                assert!(
                    sound.allows(true, verdict) || (is_last && is_cut),
                    "{name} to {length} and {} bytes: {verdict:?}",
                    behind.len()
                );
            }
        });
    }
}

/// A frame that is sound but stands where another one belongs, as a misdirected write leaves it, is
/// no answer: here one value of a key in the place of another.
#[test]
fn no_frame_passes_in_the_place_of_another() {
    const VALUES: u8 = 6;
    let mut driver = Driver::start(SimDisk::new(4)).expect("opens");
    let value = |n: u8| vec![b'a' + n; 24];
    for n in 0..VALUES {
        let change = Change::Put { map: 0, key: vec![b'k', 0], value: value(n) };
        driver.commit(&[change]).expect("committed");
    }
    let Driver { disk, store, history, .. } = driver;
    store.close().expect("closes");
    let sound = Sound { files: disk.files(), history };
    let (name, bytes) = sound.files.first_key_value().expect("a segment");
    // A put is its head, the key and the value, filled up to a multiple of eight.
    let length = 16 + 2 + value(0).len();
    let start = |n| {
        let at = bytes.windows(24).position(|window| window == value(n)).expect("is there");
        at - (length - 24)
    };
    for from in 0..VALUES {
        for to in (0..VALUES).filter(|to| *to != from) {
            let (from, to) = (start(from), start(to));
            let verdict = sound.with(name, |bytes| bytes.copy_within(from..from + length, to));
            let is_seen = matches!(verdict, Verdict::Refused | Verdict::Told);
            assert!(is_seen, "{from} in the place of {to}: {verdict:?}");
        }
    }
}
