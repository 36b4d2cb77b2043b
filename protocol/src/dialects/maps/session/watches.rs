//! What a session follows: of each map the keys, what its client was told last, and whether it hears of
//! changes as they come or is behind.
//!
//! A client knows of a gap by the cursors of what it is told. So what counts here is what it was told last,
//! not what the map is at: there is one such place for each map, whatever keys of it are followed. Sends
//! nothing and asks nobody.

use std::collections::HashMap;

use super::answers::{Got, How};
use crate::{
    dialect::UnixMillis,
    dialects::maps::{cursor::Cursor, proto::SyncRequest},
};

/// How many beginnings of keys are followed in one map. With more all keys are.
const PREFIXES_MAX: usize = 16;

/// How long a client that reads page by page may rest between two before it is told of changes again.
const PAGE_REST_MS: u64 = 30_000;

/// A map that is followed, or about to be.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// Tells it apart from one that ended before: what was asked for that says nothing here.
    number: u64,
    /// Beginnings of the keys; one empty one for all. None before the first answer.
    prefixes: Vec<Box<str>>,
    /// What the client was told last.
    pub(super) sent: Option<Cursor>,
    /// Up to where there was nothing for the client, behind `sent`.
    reached: Option<Cursor>,
    flow: Flow,
    /// Requests that are to have an answer.
    reading: u32,
    /// Answers that have not left, because others must leave before them.
    ready: u32,
    /// There were changes after one of these was made.
    missed: bool,
}

/// How a client comes to its changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Flow {
    /// It has not been told where it is.
    #[default]
    Opening,
    /// It is told as they come.
    Live,
    /// It was not told of some. The map will be asked for them.
    Behind,
    /// The map is being asked for them.
    Feeding,
    /// It reads page by page, and has not come to the end.
    Paging { since: UnixMillis },
    /// It does not want to be told.
    Left,
}

/// Everything a session follows.
#[derive(Debug)]
pub(super) struct Watches {
    most: usize,
    by_map: HashMap<Box<str>, Watch>,
    last_number: u64,
    /// Some may be behind.
    behind: bool,
    /// A map is being asked for what a client was not told.
    feeding: bool,
    /// The client has much left to take.
    slow: bool,
    /// Bytes that were fed since the client was seen to take what it is sent.
    fed_bytes: usize,
    /// Enough was fed for now.
    resting: bool,
}

/// Whether a map can be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begun {
    /// It is to be watched from now on, under this number.
    New(u64),
    /// It is watched already, under this number.
    Known(u64),
    /// There are too many, or its client has left it.
    Not,
}

impl Watch {
    /// Whether a key is followed.
    pub(super) fn follows(&self, key: &[u8]) -> bool {
        self.prefixes.iter().any(|prefix| key.starts_with(prefix.as_bytes()))
    }

    /// Whether all keys are.
    pub(super) fn follows_all(&self) -> bool {
        matches!(&*self.prefixes, [prefix] if prefix.is_empty())
    }

    /// What all keys that are followed begin with.
    fn prefix(&self) -> &str {
        let (first, rest) = match &*self.prefixes {
            [] => return "",
            [first, rest @ ..] => (&**first, rest),
        };
        let len = rest.iter().fold(first.len(), |len, other| {
            let same = first.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
            len.min(same)
        });
        (0..=len).rev().find_map(|len| first.get(..len)).unwrap_or_default()
    }

    fn follow(&mut self, prefix: Box<str>) {
        if self.prefixes.iter().any(|known| prefix.starts_with(&**known)) {
            return;
        }
        self.prefixes.retain(|known| !known.starts_with(&*prefix));
        self.prefixes.push(prefix);
        if self.prefixes.len() > PREFIXES_MAX {
            self.prefixes = vec!["".into()];
        }
    }

    fn got(&mut self, got: Got, now: UnixMillis) {
        self.reading = self.reading.saturating_sub(1);
        self.ready = self.ready.saturating_sub(1);
        let all = self.prefixes.iter().all(|prefix| prefix.starts_with(&*got.key_prefix));
        self.follow(got.key_prefix);
        let next = if self.missed { Flow::Behind } else { Flow::Live };
        // An answer that still waits may be older than what was missed.
        self.missed &= self.ready > 0;
        self.flow = match got.how {
            // It was told of what it follows beyond that up to `sent` only.
            How::Whole | How::Page if !all => self.flow_after(next),
            How::Look if self.sent.is_some() => self.flow_after(next),
            How::Whole | How::Look => next,
            How::Page => Flow::Paging { since: now },
            How::Resume => Flow::Behind,
        };
        let sent = match (self.sent, got.how) {
            (Some(sent), How::Look) => sent,
            (Some(sent), How::Whole | How::Page) if !all => sent,
            (Some(sent), How::Resume) if sent.seq < got.up_to.seq => sent,
            _ => got.up_to,
        };
        if self.sent.replace(sent) != Some(sent) {
            self.reached = None;
        }
    }

    /// The flow after an answer that does not move `sent`.
    fn flow_after(&self, next: Flow) -> Flow {
        match self.flow {
            Flow::Live => next,
            other => other,
        }
    }
}

impl Watches {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            by_map: HashMap::new(),
            last_number: 0,
            behind: false,
            feeding: false,
            slow: false,
            fed_bytes: 0,
            resting: false,
        }
    }

    /// A request whose answer will show a map. With `asked_for` its client wants to follow it, else it
    /// will unless it has left it.
    pub(super) fn begin(&mut self, map: &str, asked_for: bool) -> Begun {
        let number = self.last_number + 1;
        let new = Watch { number, reading: 1, ..Watch::default() };
        match self.by_map.get_mut(map) {
            Some(watch) if watch.flow == Flow::Left => {
                if !asked_for {
                    return Begun::Not;
                }
                *watch = new;
            }
            Some(watch) => {
                watch.reading += 1;
                return Begun::Known(watch.number);
            }
            None => {
                if self.by_map.len() >= self.most {
                    self.by_map.retain(|_, watch| watch.flow != Flow::Left);
                }
                if self.by_map.len() >= self.most {
                    return Begun::Not;
                }
                self.by_map.insert(map.into(), new);
            }
        }
        self.last_number = number;
        Begun::New(number)
    }

    /// A map that is followed, unless that ended since it had this number.
    fn find(&mut self, map: &str, number: u64) -> Option<&mut Watch> {
        self.by_map.get_mut(map).filter(|watch| watch.number == number)
    }

    /// A request has no answer that shows the map. True when nobody wants to follow it then.
    #[must_use]
    pub(super) fn fail(&mut self, map: &str, number: u64) -> bool {
        let Some(watch) = self.find(map, number) else { return false };
        watch.reading = watch.reading.saturating_sub(1);
        let idle = watch.prefixes.is_empty() && watch.reading == 0;
        if idle {
            self.by_map.remove(map);
        }
        idle
    }

    /// A request has its answer, which has not left yet.
    pub(super) fn has_answer(&mut self, map: &str, number: u64) {
        if let Some(watch) = self.find(map, number) {
            watch.ready += 1;
        }
    }

    /// An answer has left.
    pub(super) fn got(&mut self, got: Got, now: UnixMillis) {
        if let Some(watch) = self.by_map.get_mut(&got.map).filter(|it| it.number == got.number) {
            watch.got(got, now);
            self.behind |= watch.flow == Flow::Behind;
        }
    }

    /// Ends the following of keys that begin so, and of what it is a part of. True when nothing of the map
    /// is left.
    #[must_use]
    pub(super) fn leave(&mut self, map: &str, prefix: &str) -> bool {
        let Some(watch) = self.by_map.get_mut(map).filter(|watch| watch.flow != Flow::Left) else {
            return false;
        };
        watch.prefixes.retain(|known| !known.starts_with(prefix));
        let left = watch.prefixes.is_empty();
        if left {
            *watch = Watch { flow: Flow::Left, ..Watch::default() };
        }
        left
    }

    /// Ends the following of maps; gives their names.
    pub(super) fn end_where(&mut self, mut ends: impl FnMut(&str) -> bool) -> Vec<Box<str>> {
        let ended = self.by_map.extract_if(|map, _| ends(map));
        ended.filter(|(_, watch)| watch.flow != Flow::Left).map(|(map, _)| map).collect()
    }

    /// Whether a request asks for the page behind the last one that was read.
    pub(super) fn reads_on(&self, request: &SyncRequest) -> bool {
        self.by_map.get(&*request.map_name).is_some_and(|watch| {
            matches!(watch.flow, Flow::Paging { .. })
                && watch.sent.is_some_and(|at| at.to_bytes(&request.map_name) == request.cursor)
        })
    }

    /// A map changed: what its client is to be told of, if it can be told now.
    pub(super) fn changed(&mut self, map: &str, may_tell: bool) -> Option<&mut Watch> {
        let watch = self.by_map.get_mut(map)?;
        watch.missed |= watch.ready > 0;
        if watch.flow != Flow::Live {
            return None;
        }
        if !may_tell || self.slow || watch.ready > 0 {
            watch.flow = Flow::Behind;
            self.behind = true;
            return None;
        }
        Some(watch)
    }

    /// The client has taken what it was sent, or has not.
    pub(super) fn set_slow(&mut self, slow: bool) {
        self.slow = slow;
        if !slow {
            self.rested();
        }
    }

    fn rested(&mut self) {
        (self.fed_bytes, self.resting) = (0, false);
    }

    /// Some time has passed.
    pub(super) fn tick(&mut self, now: UnixMillis) {
        self.rested();
        for watch in self.by_map.values_mut() {
            if let Flow::Paging { since } = watch.flow
                && now.0.saturating_sub(since.0) > PAGE_REST_MS
                && watch.ready == 0
            {
                watch.flow = Flow::Behind;
                self.behind = true;
            }
        }
    }

    /// A map whose client is behind and can be fed now: from where, and what all keys begin with.
    pub(super) fn next_behind(&mut self) -> Option<(Box<str>, Cursor, Box<str>)> {
        if !self.behind || self.feeding || self.slow || self.resting {
            return None;
        }
        let behind = |watch: &Watch| watch.flow == Flow::Behind && watch.ready == 0;
        let found = self.by_map.iter_mut().find(|(_, watch)| behind(watch));
        let Some((map, watch)) = found else {
            self.behind = self.by_map.values().any(|watch| watch.flow == Flow::Behind);
            return None;
        };
        let from = watch.reached.or(watch.sent)?;
        watch.flow = Flow::Feeding;
        self.feeding = true;
        Some((map.clone(), from, watch.prefix().into()))
    }

    /// What was asked for a client that is behind has come: whom it is for, if it still is for anybody.
    pub(super) fn fed(&mut self, map: &str, may_tell: bool) -> Option<&mut Watch> {
        self.feeding = false;
        let watch = self.by_map.get_mut(map).filter(|watch| watch.flow == Flow::Feeding)?;
        if !may_tell || watch.ready > 0 {
            watch.flow = Flow::Behind;
            self.behind = true;
            return None;
        }
        Some(watch)
    }

    /// A client that is behind was fed up to here.
    pub(super) fn fed_up_to(
        &mut self,
        map: &str,
        at: Cursor,
        more: bool,
        bytes: usize,
        most: usize,
    ) {
        if let Some(watch) = self.by_map.get_mut(map) {
            watch.reached = more.then_some(at);
            watch.flow = if more { Flow::Behind } else { Flow::Live };
            self.behind |= more;
        }
        self.fed_bytes = self.fed_bytes.saturating_add(bytes);
        self.resting |= self.fed_bytes >= most;
    }

    /// What was asked for a client that is behind has not come: it is asked for again later.
    pub(super) fn not_fed(&mut self, map: &str) {
        self.feeding = false;
        self.resting = true;
        if let Some(watch) = self.by_map.get_mut(map).filter(|watch| watch.flow == Flow::Feeding) {
            watch.flow = Flow::Behind;
            self.behind = true;
        }
    }
}
