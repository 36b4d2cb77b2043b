//! `syncline dump`: everything a store holds, one JSON object per line, in bounded memory.
//!
//! The first line says what this is, the last one that nothing is missing.

use std::io::{self, IsTerminal};

use syncline_engine::{Log, Map, Seq};

use super::{
    get::no_collection,
    json::Object,
    ls::{Collection, collections},
    place,
};
use crate::cli::{
    failure::{Exit, Failure},
    flags::StoreFlags,
    output::{self, Stdout, count},
    progress::Progress,
};

/// The version of the form of a dump.
const VERSION: u64 = 1;

const FORM: &str = "\
The lines, in this order:
  {\"dump\":\"syncline store\",\"version\":1}                     what this is
  {\"log\",\"first_seq\",\"next_seq\",\"records\",\"payload_bytes\"}  a log, and behind it
  {\"log\",\"seq\",\"payload\"}                                   each of its records
  {\"map\",\"keys\"}                                            a map, and behind it
  {\"map\",\"key\",\"value\"}                                     each of its keys, in no order
  {\"end\":true,\"records\",\"unreadable\",\"damages\"}             nothing is missing behind this

Bytes that are no text are in base64, under a name that ends with _base64. A record that is damaged
is told on standard error and left out; the exit code is then 3. \"damages\" counts what the opening
found damaged: what stood there may be missing without being counted.";

/// The arguments of `dump`.
#[derive(Debug, clap::Args)]
#[command(after_help = FORM)]
pub(crate) struct DumpArgs {
    /// Only these collections
    collections: Vec<String>,
    #[command(flatten)]
    flags: StoreFlags,
}

pub(super) fn run(args: &DumpArgs) -> Result<(), Failure> {
    let store = place::open_to_read(&place::directory(&args.flags)?)?;
    let mut found = collections(&store, "")?;
    if !args.collections.is_empty() {
        for name in &args.collections {
            let is_there = found.iter().any(|one| one.name() == name);
            is_there.then_some(()).ok_or_else(|| no_collection(name))?;
        }
        found.retain(|one| args.collections.iter().any(|name| one.name() == name));
    }
    let mut dump = Dump {
        out: Stdout::new(),
        progress: Progress::new("dumped"),
        is_shown: io::stdout().is_terminal(),
        records: 0,
        unreadable: 0,
        damages: store.report().damages.len() as u64,
    };
    dump.progress.expect(found.iter().map(Collection::records).sum());
    dump.all(&found)
}

/// What `--json` and a dump say of a record.
pub(super) fn record(log: &str, seq: Seq, payload: &[u8]) -> Object {
    Object::new().text("log", log).number("seq", seq.0).bytes("payload", payload)
}

struct Dump {
    out: Stdout,
    progress: Progress,
    /// The records themselves show how far it is.
    is_shown: bool,
    records: u64,
    unreadable: u64,
    /// What the opening met: records may be missing of which nobody knows.
    damages: u64,
}

impl Dump {
    fn all(&mut self, collections: &[Collection]) -> Result<(), Failure> {
        self.line(Object::new().text("dump", "syncline store").number("version", VERSION))?;
        for collection in collections {
            self.line(collection.object())?;
            match collection {
                Collection::Log(log) => self.log(log)?,
                Collection::Map(map) => self.map(map)?,
            }
            if self.out.is_gone() {
                break;
            }
        }
        self.progress.end();
        let end = Object::new().value("end", &true.into()).number("records", self.records);
        self.line(end.number("unreadable", self.unreadable).number("damages", self.damages))?;
        self.out.end()?;
        if self.unreadable + self.damages == 0 {
            return Ok(());
        }
        let what = format!("the store is damaged, {} not dumped", count(self.unreadable, "record"));
        Err(Failure::new(Exit::Damaged, what)
            .hint("`syncline verify` lists all damage and what it lost"))
    }

    fn log(&mut self, log: &Log) -> Result<(), Failure> {
        let (mut next, end) = (log.first_seq(), log.next_seq());
        while next < end && !self.out.is_gone() {
            for found in log.read(next..end) {
                match found {
                    Ok(found) => {
                        self.line(record(log.name(), found.seq, &found.payload))?;
                        next = Seq(found.seq.0 + 1);
                        self.step();
                    }
                    Err(error) => {
                        self.tell(log.name(), &format!("record {next}"), &error)?;
                        next = Seq(next.0 + 1);
                        break;
                    }
                }
                if self.out.is_gone() {
                    break;
                }
            }
        }
        Ok(())
    }

    fn map(&mut self, map: &Map) -> Result<(), Failure> {
        for entry in map {
            match entry {
                Ok((key, value)) => {
                    let object = Object::new().text("map", map.name()).bytes("key", &key);
                    self.line(object.bytes("value", &value))?;
                    self.step();
                }
                Err(error) => self.tell(map.name(), "a key", &error)?,
            }
            if self.out.is_gone() {
                break;
            }
        }
        Ok(())
    }

    fn step(&mut self) {
        self.records += 1;
        if !self.is_shown {
            self.progress.advance();
        }
    }

    /// Tells of a damaged record and goes on; any other error ends the dump.
    fn tell(
        &mut self,
        name: &str,
        what: &str,
        error: &syncline_engine::Error,
    ) -> Result<(), Failure> {
        if !error.is_corruption() {
            return Err(error.clone().into());
        }
        self.unreadable += 1;
        output::complain(&format!("{name:?}: {what} cannot be read: {error}\n"));
        Ok(())
    }

    fn line(&mut self, object: Object) -> Result<(), Failure> {
        self.out.write(object.line().as_bytes())
    }
}
