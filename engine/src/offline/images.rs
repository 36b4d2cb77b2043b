//! Holds the indexes of snapshots against the frames that they point at.
//!
//! Knows indexes, frames and what the survey found; changes nothing.

use std::{
    collections::{
        HashMap,
        btree_map::{BTreeMap, Entry},
    },
    sync::Arc,
};

use crate::{
    collection::{Collection, LogData, MapData},
    error::Error,
    format::{
        check::KeyHash,
        frame::{HEAD_BYTES, Head, Kind},
        header::segment_name,
    },
    ids::Seq,
    index::{map::Cursor, table},
    lenient::files::{self, Placed},
    location::Location,
    offline::{Damage, Flaw, Lost},
    read::window::Window,
    recovery::image::Image,
    storage::Disk,
    survey::{Survey, ledger::Known},
};

/// Entries of a map that are looked at with one hold of its index.
const PAGE: usize = 4096;

/// Looks at the frame of every word of every snapshot, and adds what is not as it should be to the
/// damages: to the one that lies there, when there is one.
///
/// # Errors
/// [`Error::Io`], [`Error::Rejected`].
pub(super) fn check(
    disk: &Arc<dyn Disk>,
    survey: &Survey,
    known: &[(u32, String, Known)],
    damages: &mut Vec<Damage>,
) -> Result<(), Error> {
    let Some(newest) = survey.image() else { return Ok(()) };
    let Some(placed) = files::place(disk, survey, false)? else { return Ok(()) };
    let known: HashMap<u32, &Known> = known.iter().map(|(id, _, known)| (*id, known)).collect();
    let images = survey.snapshots.iter().filter_map(|snapshot| snapshot.image.as_ref());
    for image in images {
        let is_newest = image.header.snapshot_id == newest.header.snapshot_id;
        let mut bad = Check { placed: &placed, survey, image, bad: BTreeMap::new() }.run();
        if !bad.is_empty() {
            // A writer removes what no snapshot points into any more: this one is of no use then.
            let gone = files::gone(&**disk, survey)?;
            bad.retain(|(segment, _), _| !gone.contains(segment));
        }
        for (place, lost) in bad {
            // What only the older one has is of no use any more.
            let lost = lost.into_iter().filter(|lost| is_newest && lost.is_kept(&known));
            add(damages, survey, image, place, lost.map(Broken::tell).collect());
        }
    }
    Ok(())
}

/// A place by segment id and offset.
type Place = (u64, u32);

/// A record that is not where a word points.
#[derive(Debug)]
enum Broken {
    Record { id: u32, log: String, seq: u64 },
    Value { id: u32, map: String },
}

impl Broken {
    /// Whether it would be of use after what was replayed over the image.
    fn is_kept(&self, known: &HashMap<u32, &Known>) -> bool {
        match self {
            Self::Record { id, seq, .. } => {
                known.get(id).is_some_and(|known| !known.is_dropped && *seq >= known.first)
            }
            Self::Value { id, .. } => known.get(id).is_some_and(|known| !known.is_dropped),
        }
    }

    fn tell(self) -> Lost {
        match self {
            Self::Record { log, seq, .. } => Lost::Records { log, first: Seq(seq), last: Seq(seq) },
            Self::Value { map, .. } => Lost::Value { map },
        }
    }
}

struct Check<'a> {
    placed: &'a Placed,
    survey: &'a Survey,
    image: &'a Image,
    bad: BTreeMap<Place, Vec<Broken>>,
}

impl Check<'_> {
    fn run(mut self) -> BTreeMap<Place, Vec<Broken>> {
        for collection in &self.image.collections {
            match collection {
                Collection::Log(log) => self.log(log),
                Collection::Map(map) => self.map(map),
            }
        }
        self.bad
    }

    fn log(&mut self, log: &LogData) {
        let index = log.index.read();
        let mut stretches = Vec::new();
        index.stretches(index.first(), index.next(), usize::MAX, &mut stretches);
        let (first, next) = (index.first(), index.next());
        drop(index);
        let (frames, mut window) = (&self.placed.frames, Window::default());
        for stretch in stretches {
            let mut location = stretch.location;
            for seq in stretch.seq..(stretch.seq + stretch.count as u64).min(next) {
                let is_it = window.checked(frames, location, stretch.stride).is_ok_and(|found| {
                    let frame = found.0;
                    let is_append = frame.kind == Kind::Append;
                    is_append && frame.collection == log.id && frame.seq() == seq
                });
                if !is_it && seq >= first {
                    let broken = Broken::Record { id: log.id, log: log.name.to_string(), seq };
                    self.broken(location, broken);
                }
                let head = window.frame(frames, location, HEAD_BYTES).ok().and_then(Head::parse);
                let length = head.map_or(HEAD_BYTES, |head| head.padded());
                location = location.plus(if stretch.stride > 0 { stretch.stride } else { length });
            }
        }
    }

    fn map(&mut self, map: &MapData) {
        let hash = KeyHash::new(self.survey.store_id);
        let mut cursor = Some(Cursor::default());
        while let Some(at) = cursor {
            let page = map.index.page(at, PAGE);
            cursor = page.next;
            for (print, location) in page.entries {
                let found = self.placed.frames.with(location, |frame, _| {
                    let is_put = frame.kind == Kind::Put && frame.collection == map.id;
                    is_put.then(|| hash.hash(frame.key()))
                });
                // The word must stand where its key is looked for.
                let is_it = |hash: u64| {
                    let is_there = map.index.matches(hash).iter().any(|at| at == location);
                    table::print(hash) == print && is_there
                };
                if !found.ok().flatten().is_some_and(is_it) {
                    let broken = Broken::Value { id: map.id, map: map.name.to_string() };
                    self.broken(location, broken);
                }
            }
        }
    }

    fn broken(&mut self, at: Location, broken: Broken) {
        let segment = self.placed.frames.segments.at(at.slot).map_or(0, |segment| segment.id());
        match self.bad.entry((segment, at.offset)) {
            Entry::Occupied(mut there) => there.get_mut().push(broken),
            Entry::Vacant(free) => drop(free.insert(vec![broken])),
        }
    }
}

/// Adds what is broken at a place to the damage that lies there, or as one of its own.
fn add(
    damages: &mut Vec<Damage>,
    survey: &Survey,
    image: &Image,
    (segment, offset): Place,
    lost: Vec<Lost>,
) {
    let at = u64::from(offset);
    let covers = |damage: &Damage| {
        let is_whole = matches!(
            damage.flaw,
            Flaw::Missing | Flaw::OtherStore { .. } | Flaw::OtherSegment { .. } | Flaw::CutShort
        );
        let is_there = (damage.offset..damage.offset + damage.bytes).contains(&at);
        damage.segment == Some(segment) && (is_whole || is_there)
    };
    if let Some(damage) = damages.iter_mut().find(|damage| covers(damage)) {
        let is_new =
            |lost: &Lost| !damage.lost.contains(lost) || matches!(lost, Lost::Value { .. });
        let new: Vec<Lost> = lost.into_iter().filter(is_new).collect();
        damage.lost.extend(new);
        return;
    }
    let found = survey.segments.iter().find(|one| one.entry.id == segment);
    damages.push(Damage {
        file: found.map_or_else(|| segment_name(segment), |one| one.entry.name.clone()),
        segment: Some(segment),
        offset: at,
        bytes: HEAD_BYTES as u64,
        flaw: Flaw::NoRecord { snapshot: image.header.snapshot_id },
        lost,
    });
}
