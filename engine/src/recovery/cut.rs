//! Makes a torn end a clean one, and what was only written durable.
//!
//! Each step may be the last one before a crash: the next opening then judges the same end again.

use std::{io, sync::Arc};

use super::{
    Tabled,
    found::{Directory, Found},
    judge::End,
    read::FileBytes,
};
use crate::{
    format::{
        frame::ALIGN_BYTES,
        header::{HEADER_BYTES, segment_name},
    },
    storage::{Disk, File},
};

const STEP_BYTES: usize = 1 << 20;

/// Cuts what follows the end, which is in the last of `count` segments; returns how many bytes that were not zero went.
pub(super) fn cut(
    disk: &dyn Disk,
    directory: &mut Directory,
    tabled: &mut Vec<Tabled>,
    count: usize,
) -> io::Result<u64> {
    let mut bytes_cut = 0;
    for removed in directory.segments.split_off(count) {
        bytes_cut += used_bytes(&removed)?;
        directory.spares.insert(0, removed);
    }
    directory.spares.sort_by_key(|spare| spare.id);
    let spares = std::mem::take(&mut directory.spares);
    remove_behind(disk, spares.iter().map(|spare| spare.id))?;
    tabled.truncate(count);
    if let Some((found, last)) = directory.segments.last().zip(tabled.last_mut()) {
        let is_whole = last.is_sealed;
        if !is_whole {
            bytes_cut += used_bytes(found)?.saturating_sub(u64::from(last.end));
            zero_behind(found, last.end)?;
        }
    }
    Ok(bytes_cut)
}

/// Zeros what is left of footers that a power cut took parts of: later nothing could tell them from
/// damaged ones.
pub(super) fn clear_footers(segments: &[Found], tabled: &[Tabled]) -> io::Result<()> {
    let done = segments.len().saturating_sub(1);
    for (found, tabled) in segments.iter().zip(tabled).take(done) {
        if !tabled.is_sealed && used_bytes(found)? > tabled.end.into() {
            zero_behind(found, tabled.end)?;
        }
    }
    Ok(())
}

fn used_bytes(found: &Found) -> io::Result<u64> {
    let mut bytes = FileBytes::new(Arc::clone(&found.file), found.file_bytes);
    bytes.last_used(0)
}

/// Removes whole segments behind the end. The newest goes first and each for good before the next:
/// a power cut that brought a newer one back would leave a gap, and that is a missing segment.
pub(super) fn remove_behind(
    disk: &dyn Disk,
    removed: impl DoubleEndedIterator<Item = u64>,
) -> io::Result<()> {
    for id in removed.rev() {
        disk.remove(&segment_name(id))?;
        disk.sync_dir()?;
    }
    Ok(())
}

/// Zeros what follows `end` in a file, so that nothing stale can be taken for a frame later.
///
/// The last bytes go by themselves, and last: should the first sync fail, the page cache has zeros that
/// the device may not have, and only what is left makes the next opening write them once more. What
/// a failure of the second sync may leave is too short for a frame.
fn zero_behind(found: &Found, end: u32) -> io::Result<()> {
    let mut bytes = FileBytes::new(Arc::clone(&found.file), found.file_bytes);
    let used = bytes.last_used(end.into())?;
    let last = used.saturating_sub(ALIGN_BYTES as u64).max(end.into());
    for (from, to) in [(u64::from(end), last), (last, used)] {
        let mut at = from;
        while at < to {
            let step = (to - at).min(STEP_BYTES as u64) as usize;
            found.file.write_at(&vec![0; step], at)?;
            at += step as u64;
        }
        found.file.sync()?;
    }
    Ok(())
}

/// Makes durable what may only have been written: everything from `end.durable` on. With `rewrite`
/// the bytes are written once more before the sync, since after a failed sync the system may hold
/// them to be clean though the device does not have them. A store that only promises what the operating
/// system has spares itself that: what it acknowledged was in the page cache, and still is.
pub(super) fn settle(segments: &[Found], ends: &[u32], end: &End, rewrite: bool) -> io::Result<()> {
    for (nth, (found, &file_end)) in segments.iter().zip(ends).enumerate() {
        let base = found.base().unwrap_or(0);
        let position = base + u64::from(file_end) - HEADER_BYTES as u64;
        let is_last = nth + 1 == segments.len();
        // One that ends just there is synced too: its footer may not have been.
        if position < end.durable && !is_last {
            continue;
        }
        let known = end.durable.saturating_sub(base);
        let from = if known == 0 { 0 } else { known + HEADER_BYTES as u64 };
        if rewrite {
            write_again(&found.file, from, file_end.into())?;
        }
        found.file.sync()?;
    }
    Ok(())
}

fn write_again(file: &Arc<dyn File>, from: u64, end: u64) -> io::Result<()> {
    let (mut at, mut bytes) = (from, FileBytes::new(Arc::clone(file), end));
    while at < end {
        let chunk = bytes.from(at, STEP_BYTES)?;
        if chunk.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        file.write_at(chunk, at)?;
        at += chunk.len() as u64;
    }
    Ok(())
}
