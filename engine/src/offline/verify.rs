//! Walks every byte of a store and lists what is damaged.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use super::images;
use crate::{
    error::Error,
    offline::{Damage, Torn},
    storage::{Disk, RealDisk},
    survey::{self, How, Surveyed, ledger::Ledger, replay::Event},
};

/// What a walk over every byte of a store found.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct VerifyReport {
    /// Segments in use.
    pub segments: u64,
    /// Snapshots found.
    pub snapshots: u64,
    /// Sound records in them, of all kinds, of use or not.
    pub records: u64,
    /// Bytes of all files that were read.
    pub bytes: u64,
    /// Names of files that nothing needs: what a crash left, for the next opening to remove.
    pub leftovers: Vec<String>,
    /// Everything that is damaged, in the order of the files.
    pub damages: Vec<Damage>,
    /// An end that is unfinished, which is no damage: what a crash left, or what a writer was just
    /// about to write.
    pub torn: Option<Torn>,
    /// How long it took.
    pub elapsed: Duration,
}

impl VerifyReport {
    /// Whether nothing is damaged. A torn end is no damage.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.damages.is_empty()
    }
}

/// Walks every byte of the store in a directory, on all cores, and lists what is damaged. Takes no
/// lock and writes nothing; the store may be open elsewhere and be written to: what is not durable
/// yet is no damage.
///
/// # Errors
/// [`Error::Rejected`] when there is no store, [`Error::Unsupported`] for one of a newer version,
/// [`Error::Io`] when its files cannot be opened. Bytes that the disk does not give back are a damage
/// and not an error.
pub fn verify(dir: impl AsRef<Path>) -> Result<VerifyReport, Error> {
    verify_on(Arc::new(RealDisk::open_read_only(dir)?))
}

/// As [`verify`], on a disk of the caller's.
///
/// # Errors
/// As [`verify`].
pub fn verify_on(disk: Arc<dyn Disk>) -> Result<VerifyReport, Error> {
    verify_with(disk, &|_, _| {})
}

/// As [`verify_on`], telling from time to time how many bytes are done and how many there are. The
/// call comes from any thread and must be short.
///
/// # Errors
/// As [`verify`].
pub fn verify_with(
    disk: Arc<dyn Disk>,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<VerifyReport, Error> {
    let began = Instant::now();
    let survey = survey::survey(&disk, &How { is_thorough: true, progress })?;
    let mut ledger = Ledger::new(survey.damages.clone(), survey.image());
    survey.replay(|event| {
        match event {
            Event::Hole { damage, .. } => ledger.hole(damage),
            Event::Frame { nth, item, damage, is_imaged, .. } => {
                let entry = &survey.segments[nth].entry;
                ledger.take(&item, damage, is_imaged, (&entry.name, entry.id));
            }
        }
        Ok(())
    })?;
    let (known, mut damages) = ledger.finish();
    images::check(&disk, &survey, &known, &mut damages)?;
    damages.sort_by(|one, other| (&one.file, one.offset).cmp(&(&other.file, other.offset)));
    let snapshots = survey.snapshots.iter().map(|snapshot| snapshot.file_bytes);
    let files = survey.segments.iter().map(|one| &one.entry).chain(&survey.spares);
    Ok(VerifyReport {
        segments: survey.segments.len() as u64,
        snapshots: survey.snapshots.len() as u64,
        records: survey.segments.iter().map(Surveyed::records).sum(),
        bytes: files.map(|entry| entry.file_bytes).chain(snapshots).sum(),
        leftovers: survey.leftovers,
        damages,
        torn: survey.torn,
        elapsed: began.elapsed(),
    })
}
