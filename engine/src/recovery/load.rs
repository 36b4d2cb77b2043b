//! Puts the collections of a snapshot's image together, on all cores.
//!
//! Knows the image and the indexes; nothing of files.

use super::parallel::on_cores;
use crate::{
    collection::{Collection, LogData, MapData},
    format::image::{self, BadImage, End, Image, Imaged, LogEnd},
    index::{log::LogIndex, map::MapIndex, table::Table},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Bytes of the image that one core puts together at once.
const TASK_BYTES: usize = 256 << 10;

/// The collections of an image, `count` of them; `None` when it does not hold together.
pub(super) fn collections(bytes: &[u8], count: u64) -> Option<Vec<Collection>> {
    let all = Image::new(bytes).collect::<Result<Vec<_>, BadImage>>().ok()?;
    if all.len() as u64 != count {
        return None;
    }
    let tasks = tasks(&all);
    let done = Mutex::new(vec![None; tasks.len()]);
    let next = AtomicUsize::new(0);
    on_cores(bytes.len() as u64, || {
        loop {
            let nth = next.fetch_add(1, Ordering::Relaxed);
            let Some(task) = tasks.get(nth) else { return };
            let built = task.iter().map(build).collect::<Option<Vec<_>>>();
            done.lock()[nth] = built;
        }
    });
    let parts = done.into_inner().into_iter().collect::<Option<Vec<_>>>()?;
    Some(parts.into_iter().flatten().collect())
}

/// Cuts the list into stretches of about as many bytes.
fn tasks<'i, 'a>(all: &'i [Imaged<'a>]) -> Vec<&'i [Imaged<'a>]> {
    let (mut tasks, mut from, mut bytes) = (Vec::new(), 0, 0);
    for (nth, one) in all.iter().enumerate() {
        bytes += one.bytes() + one.name.len();
        if bytes >= TASK_BYTES {
            tasks.push(&all[from..=nth]);
            (from, bytes) = (nth + 1, 0);
        }
    }
    tasks.push(&all[from..]);
    tasks
}

fn build(one: &Imaged<'_>) -> Option<Collection> {
    let collection = match one.end {
        End::Log(end) => {
            let LogEnd { first, next, payload_bytes } = end;
            let pages = one.pages().map(|(tag, bytes)| (tag, image::words(bytes)));
            let index = LogIndex::from_pages(first, next, pages)?;
            Collection::Log(Arc::new(LogData::new(one.id, one.name, index, payload_bytes)))
        }
        End::Map { tables } => {
            let index = map(one, usize::try_from(tables).ok()?)?;
            Collection::Map(Arc::new(MapData::new(one.id, one.name, index)))
        }
    };
    Some(collection)
}

fn map(one: &Imaged<'_>, count: usize) -> Option<MapIndex> {
    let pages: Vec<_> = one.pages().collect();
    let is_in_order = pages.is_sorted_by_key(|(nth, _)| *nth);
    if !is_in_order || pages.last().is_some_and(|(nth, _)| *nth >= count as u64) {
        return None;
    }
    let mut rest = &pages[..];
    let mut tables = Vec::new();
    // More tables than a map can have are refused below; here they must not take memory.
    for nth in 0..count.min(1 << 10) as u64 {
        let own = rest.partition_point(|(page, _)| *page == nth);
        let (own, behind) = rest.split_at(own);
        rest = behind;
        let words = own.iter().flat_map(|(_, bytes)| image::words(bytes));
        let count = own.iter().map(|(_, bytes)| image::words(bytes).len()).sum();
        tables.push(Table::from_words(count, words)?);
    }
    MapIndex::from_tables(tables)
}
