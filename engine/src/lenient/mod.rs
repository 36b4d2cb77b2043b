//! Opens a store to read only, whatever its state: what is whole is read, what is damaged is an error
//! of the read that meets it.
//!
//! Writes nothing and takes no lock. Knows what a survey found and the indexes; starts nothing.

mod apply;
pub(crate) mod files;

use std::{io, sync::Arc};

use apply::{Indexed, index};
use files::Placed;

use crate::{
    error::Error,
    format::{
        header::{HEADER_BYTES, is_cold},
        table::TableBuilder,
    },
    kept::Maintenance,
    recovery::Recovered,
    storage::Disk,
    survey::{
        self, How, Survey,
        damage::{Damage, Torn},
    },
};

/// How often a store is looked at again when files of it go meanwhile.
const TRIES: usize = 8;

/// A store that can be read.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) recovered: Recovered,
    pub(crate) damages: Vec<Damage>,
    pub(crate) torn: Option<Torn>,
}

/// Opens what can be read of a store; every byte of it is looked at when `is_thorough`, else what a
/// usual opening reads. When it `is_held`, it stays readable whatever a writer deletes; otherwise no
/// map of a disk that may fail is read, which would be a crash.
///
/// # Errors
/// [`Error::Rejected`] when the directory holds no store, [`Error::Unsupported`], [`Error::Io`].
pub(crate) fn open(
    disk: &Arc<dyn Disk>,
    is_thorough: bool,
    is_held: bool,
) -> Result<Opened, Error> {
    for _ in 0..TRIES {
        let survey = survey::survey(disk, &How { is_thorough, progress: &|_, _| {} })?;
        let Some(placed) = files::place(disk, &survey, is_held)? else { continue };
        let indexed = index(&placed, &survey)?;
        if !is_held && !files::gone(&**disk, &survey)?.is_empty() {
            continue;
        }
        if indexed.met_damage && !is_thorough {
            // Told as exactly as can be.
            return open(disk, true, is_held);
        }
        return Ok(opened(survey, placed, indexed));
    }
    Err(io::Error::other("the store's files change faster than they can be read").into())
}

fn opened(survey: Survey, placed: Placed, indexed: Indexed) -> Opened {
    let Indexed { names, next_collection_id, damages, records, .. } = indexed;
    let recovered = Recovered {
        store_id: survey.store_id,
        frames: placed.frames,
        names,
        next_collection_id,
        active: None,
        table: TableBuilder::default(),
        prepared: None,
        segments: survey.segments.len(),
        next_segment_id: 0,
        maintenance: Maintenance::default(),
        snapshot: survey.image().map(|image| image.header.snapshot_id),
        snapshots_unusable: 0,
        position: position(&survey),
        records,
        bytes_cut: 0,
    };
    Opened { recovered, damages, torn: survey.torn }
}

/// Where what can be read ends in history.
fn position(survey: &Survey) -> u64 {
    let (nth, end) = match survey.cut {
        Some(cut) => cut,
        None => match survey.segments.iter().rposition(|one| !is_cold(one.entry.id)) {
            Some(last) => (last, survey.segments[last].looked.end.into()),
            None => return 0,
        },
    };
    survey.segments[nth].base + end.saturating_sub(HEADER_BYTES as u64)
}
