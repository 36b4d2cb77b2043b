//! A map made anew from what it keeps.
//!
//! Reads every record once, and hashes it. Nothing is written here.

use std::collections::HashMap;

use super::{
    super::{
        digest::{Path, hash_of},
        index::{Entry, Index},
        settings::Settings,
        stored::StoredRef,
    },
    map::{Lately, META, Map, RECORDS, is_counted},
    meta::{META_KEY, Meta},
    times::Times,
    views::Views,
};
use crate::dialect::{EachEntry, Unreadable};

/// The map of this name.
///
/// # Errors
/// [`Unreadable`], also when something there was not written by this or an older version.
pub(super) fn load(
    name: &str,
    settings: Settings,
    entries: &mut EachEntry<'_>,
) -> Result<Map, Unreadable> {
    let (meta, late) = load_meta(entries)?;
    let (mut times, mut found, mut is_sound) = (Times::default(), Vec::new(), true);
    entries(RECORDS, &mut |key, value| {
        let (Some(path), Some(stored)) = (Path::from_key(key), StoredRef::decode(value)) else {
            is_sound = false;
            return;
        };
        let StoredRef { seq, record } = stored;
        times.add(path, &record, late.get(&path.0).copied(), meta.watermark_ms);
        let counted = is_counted(&record, meta.watermark_ms);
        found.push(Entry { path, leaf: hash_of(record), seq, counted });
    })?;
    if !is_sound || (meta.generation == 0 && !found.is_empty()) {
        return Err(Unreadable);
    }
    let index = Index::from_entries(found);
    let (name, lately, views) = (name.into(), Lately::new(meta.floor), Views::default());
    Ok(Map { name, settings, meta, lately, index, times, views })
}

/// What it keeps besides its records, and which tombstones were late.
fn load_meta(entries: &mut EachEntry<'_>) -> Result<(Meta, HashMap<u128, u64>), Unreadable> {
    let (mut meta, mut late, mut is_sound) = (Meta::default(), HashMap::new(), true);
    entries(META, &mut |key, value| {
        if key == META_KEY {
            match Meta::decode(value) {
                Some(found) => meta = found,
                None => is_sound = false,
            }
        } else if let (Some(path), Ok(arrived)) = (Path::from_key(key), value.try_into()) {
            late.insert(path.0, u64::from_le_bytes(arrived));
        } else {
            is_sound = false;
        }
    })?;
    if is_sound { Ok((meta, late)) } else { Err(Unreadable) }
}
