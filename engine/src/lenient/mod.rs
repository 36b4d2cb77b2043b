//! Opens a store to read only, whatever its state: what is whole is read, what is damaged is an error
//! of the read that meets it.
//!
//! Writes nothing and takes no lock. Knows what a survey found and the indexes; starts nothing.

mod apply;
pub(crate) mod files;

use std::{io, sync::Arc};

use apply::{Indexed, index};

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
/// usual opening reads.
///
/// # Errors
/// [`Error::Rejected`] when the directory holds no store, [`Error::Unsupported`], [`Error::Io`].
pub(crate) fn open(disk: &Arc<dyn Disk>, is_thorough: bool) -> Result<Opened, Error> {
    for _ in 0..TRIES {
        let survey = survey::survey(disk, &How { is_thorough, progress: &|_, _| {} })?;
        // Who looks at every byte does so for a disk that may fail: reading a map of it would be a crash.
        if let Some(placed) = files::place(disk, &survey, !is_thorough)? {
            let indexed = index(&placed, &survey)?;
            if indexed.met_damage && !is_thorough {
                // Told as exactly as can be.
                return open(disk, true);
            }
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
            return Ok(Opened { recovered, damages, torn: survey.torn });
        }
    }
    Err(io::Error::other("the store's files change faster than they can be read").into())
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
