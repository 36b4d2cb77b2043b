//! Takes a collection's words out of its index, page by page, while writers go on.
//!
//! No lock is held for longer than a page. Knows indexes and the image; nothing of files.

use super::file::ImageFile;
use crate::{
    collection::{Collection, LogData, MapData},
    error::Error,
    format::image::{self, End, LogEnd},
    index::image::slot_of,
    location::SLOTS_MAX,
    sync::RwLock,
};

/// Words that are copied under one lock.
const PAGE_WORDS: usize = 8192;
/// How often a log that was trimmed faster than it was copied is begun anew with the numbers it has
/// then; later its payload bytes are only an upper bound.
const RESTARTS_MAX: usize = 8;

/// What is known of an image while it is taken.
pub(super) struct Capture<'a> {
    /// Taken to look at a log's numbers: no trim is between what it changes and what it counts.
    counting: &'a RwLock<()>,
    /// Slots of the segments that a word points into.
    referenced: Box<[bool]>,
    words: Vec<u64>,
}

impl<'a> Capture<'a> {
    pub(super) fn new(counting: &'a RwLock<()>) -> Self {
        Self { counting, referenced: vec![false; SLOTS_MAX].into(), words: Vec::new() }
    }

    pub(super) fn is_referenced(&self, slot: u16) -> bool {
        self.referenced[usize::from(slot)]
    }

    /// Adds a collection to the image, unless it was dropped; whether it did. `page_done` is called
    /// when something was added.
    ///
    /// # Errors
    /// Those of `page_done`.
    pub(super) fn collection(
        &mut self,
        collection: &Collection,
        file: &mut ImageFile,
        page_done: impl Fn(&mut ImageFile) -> Result<(), Error>,
    ) -> Result<bool, Error> {
        // Whoever drops it from now on does so after `replay`, and that is replayed.
        if collection.is_dropped() {
            return Ok(false);
        }
        let (kind, id) = (collection.kind().byte(), collection.id());
        image::put_head(file.image(), kind, id, collection.name());
        match collection {
            Collection::Log(log) => self.log(log, file, page_done)?,
            Collection::Map(map) => self.map(map, file, page_done)?,
        }
        Ok(true)
    }

    fn log(
        &mut self,
        log: &LogData,
        file: &mut ImageFile,
        page_done: impl Fn(&mut ImageFile) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let counting = self.counting;
        let numbers = || {
            let _nobody_counts = counting.write();
            let index = log.index.read();
            LogEnd { first: index.first(), next: index.next(), payload_bytes: log.bytes() }
        };
        let mut end = numbers();
        let (mut at, mut restarts) = (end.first, 0);
        while at < end.next {
            let (from, to) = log.index.read().page(at, end.next, PAGE_WORDS, &mut self.words);
            if from > at {
                // What comes next was trimmed meanwhile, and with it all that was copied.
                let new = numbers();
                if restarts < RESTARTS_MAX {
                    end = new;
                } else {
                    end.first = new.first.min(end.next);
                }
                restarts += 1;
                at = end.first;
                continue;
            }
            self.add_page(from, file);
            page_done(file)?;
            at = to;
        }
        image::put_end(file.image(), End::Log(end));
        page_done(file)
    }

    fn map(
        &mut self,
        map: &MapData,
        file: &mut ImageFile,
        page_done: impl Fn(&mut ImageFile) -> Result<(), Error>,
    ) -> Result<(), Error> {
        // One that is split meanwhile is copied anew: what of its one table belongs to which of the
        // many, only the keys tell. So nothing is added before the one table is whole.
        let (mut from, mut whole) = (Some(0), Vec::new());
        while let Some((page, next)) =
            from.and_then(|print| map.index.words(1, 0, print, PAGE_WORDS))
        {
            whole.extend(page);
            from = next;
        }
        if from.is_none() {
            self.words = whole;
            self.add_page(0, file);
            image::put_end(file.image(), End::Map { tables: 1 });
            return page_done(file);
        }
        let tables = map.index.tables();
        for nth in 0..tables {
            let mut from = Some(0);
            while let Some(print) = from {
                let page = map.index.words(tables, nth, print, PAGE_WORDS);
                let (page, next) = page.unwrap_or_default();
                self.words = page;
                self.add_page(nth as u64, file);
                page_done(file)?;
                from = next;
            }
        }
        image::put_end(file.image(), End::Map { tables: tables as u64 });
        page_done(file)
    }

    fn add_page(&mut self, tag: u64, file: &mut ImageFile) {
        for word in &self.words {
            self.referenced[usize::from(slot_of(*word))] = true;
        }
        image::put_page(file.image(), tag, &self.words);
    }
}
