//! Opens a store to read only, whatever its state: what is whole is read, what is damaged is an error
//! of the read that meets it.
//!
//! Writes nothing and takes no lock. Knows what a survey found and the indexes; starts nothing.

mod apply;
mod files;

use std::{io, sync::Arc};

use apply::{Indexed, index};

use crate::{
    error::Error,
    format::{header::HEADER_BYTES, table::TableBuilder},
    kept::Maintenance,
    location::SLOTS_MAX,
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
/// usual opening reads.
///
/// # Errors
/// [`Error::Rejected`] when the directory holds no store, [`Error::Unsupported`], [`Error::Io`].
pub(crate) fn open(disk: &Arc<dyn Disk>, is_thorough: bool) -> Result<Opened, Error> {
    for _ in 0..TRIES {
        let survey = survey::survey(disk, &How { is_thorough, progress: &|_, _| {} })?;
        if survey.segments.len() >= SLOTS_MAX {
            return Err(Error::rejected(format!("the store has more than {SLOTS_MAX} segments")));
        }
        if let Some(frames) = files::frames(&**disk, &survey)? {
            let indexed = index(&frames, &survey)?;
            if indexed.met_damage && !is_thorough {
                // Told as exactly as can be.
                return open(disk, true);
            }
            let Indexed { names, next_collection_id, damages, records, .. } = indexed;
            let recovered = Recovered {
                store_id: survey.store_id,
                frames,
                names,
                next_collection_id,
                active: None,
                table: TableBuilder::default(),
                prepared: None,
                segments: survey.segments.len(),
                next_segment_id: survey.segments.last().map_or(1, |last| last.entry.id + 1),
                maintenance: Maintenance::default(),
                snapshot: None,
                snapshots_unusable: 0,
                position: position(&survey),
                records,
                bytes_cut: 0,
            };
            return Ok(Opened { recovered, damages, torn: survey.torn });
        }
    }
    Err(io::Error::other("the store's files change faster than they can be read").into())
}

/// Where what can be read ends in history.
fn position(survey: &Survey) -> u64 {
    let (nth, end) = match survey.cut {
        Some(cut) => cut,
        None => match survey.segments.last() {
            Some(last) => (survey.segments.len() - 1, last.looked.end.into()),
            None => return 0,
        },
    };
    survey.segments[nth].base + end.saturating_sub(HEADER_BYTES as u64)
}
