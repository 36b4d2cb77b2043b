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
/// More tables than any map is in.
const TABLES_MAX: usize = 1 << 10;

/// Something that one core puts together.
enum Task<'i, 'a> {
    /// Whole collections, one after the other.
    All(&'i [Imaged<'a>]),
    /// A table of a map that is in many: its pages.
    Table(Vec<&'a [u8]>),
}

/// What came of it.
enum Built {
    All(Vec<Collection>),
    Table(Table),
}

/// The collections of an image, `count` of them; `None` when it does not hold together.
pub(super) fn collections(bytes: &[u8], count: u64) -> Option<Vec<Collection>> {
    let all = Image::new(bytes).collect::<Result<Vec<_>, BadImage>>().ok()?;
    if all.len() as u64 != count {
        return None;
    }
    let (whole, split): (Vec<_>, Vec<_>) = all.into_iter().partition(|one| tables(one) <= 1);
    let mut tasks = Vec::new();
    for one in &split {
        tasks.extend(pages_by_table(one)?.into_iter().map(Task::Table));
    }
    tasks.extend(stretches(&whole).into_iter().map(Task::All));
    let done = Mutex::new(tasks.iter().map(|_| None).collect::<Vec<_>>());
    let next = AtomicUsize::new(0);
    on_cores(bytes.len() as u64, || {
        loop {
            let nth = next.fetch_add(1, Ordering::Relaxed);
            let Some(task) = tasks.get(nth) else { return };
            let built = build(task);
            done.lock()[nth] = built;
        }
    });
    let mut done = done.into_inner().into_iter();
    let mut collections = Vec::new();
    for one in &split {
        let parts = done.by_ref().take(tables(one) as usize);
        let parts = parts.map(|part| match part {
            Some(Built::Table(table)) => Some(table),
            _ => None,
        });
        let index = MapIndex::from_tables(parts.collect::<Option<_>>()?)?;
        collections.push(Collection::Map(Arc::new(MapData::new(one.id, one.name, index))));
    }
    for part in done {
        let Some(Built::All(all)) = part else { return None };
        collections.extend(all);
    }
    Some(collections)
}

/// In how many tables a collection is: none, when it is a log.
fn tables(one: &Imaged<'_>) -> u64 {
    match one.end {
        End::Log(_) => 0,
        End::Map { tables } => tables,
    }
}

/// The pages of each table of a map; `None` when they do not hold together, or when no map is in so
/// many tables.
fn pages_by_table<'a>(one: &Imaged<'a>) -> Option<Vec<Vec<&'a [u8]>>> {
    let count = usize::try_from(tables(one)).ok().filter(|count| *count <= TABLES_MAX)?;
    let mut by_table = vec![Vec::new(); count];
    for (nth, words) in one.pages() {
        by_table.get_mut(usize::try_from(nth).ok()?)?.push(words);
    }
    Some(by_table)
}

/// Cuts the list into stretches of about as many bytes.
fn stretches<'i, 'a>(all: &'i [Imaged<'a>]) -> Vec<&'i [Imaged<'a>]> {
    let (mut stretches, mut from, mut bytes) = (Vec::new(), 0, 0);
    for (nth, one) in all.iter().enumerate() {
        bytes += one.bytes() + one.name.len();
        if bytes >= TASK_BYTES {
            stretches.push(&all[from..=nth]);
            (from, bytes) = (nth + 1, 0);
        }
    }
    stretches.push(&all[from..]);
    stretches
}

fn build(task: &Task<'_, '_>) -> Option<Built> {
    match task {
        Task::All(all) => all.iter().map(collection).collect::<Option<_>>().map(Built::All),
        Task::Table(pages) => table(pages).map(Built::Table),
    }
}

fn collection(one: &Imaged<'_>) -> Option<Collection> {
    Some(match one.end {
        End::Log(end) => {
            let LogEnd { first, next, payload_bytes } = end;
            let pages = one.pages().map(|(tag, bytes)| (tag, image::words(bytes)));
            let index = LogIndex::from_pages(first, next, pages)?;
            Collection::Log(Arc::new(LogData::new(one.id, one.name, index, payload_bytes)))
        }
        End::Map { .. } => {
            let pages = pages_by_table(one)?;
            let tables = pages.iter().map(|pages| table(pages)).collect::<Option<_>>();
            let index = MapIndex::from_tables(tables?)?;
            Collection::Map(Arc::new(MapData::new(one.id, one.name, index)))
        }
    })
}

fn table(pages: &[&[u8]]) -> Option<Table> {
    let words: Vec<u64> = pages.iter().flat_map(|bytes| image::words(bytes)).collect();
    Table::from_words(&words)
}
