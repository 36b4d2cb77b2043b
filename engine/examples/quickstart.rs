//! The engine in a minute: a store, a log, a map, one atomic batch, and what is there after a reopen.
//!
//! `cargo run -p syncline-engine --example quickstart [DIR]`; without a folder it uses a temporary one.

#![allow(clippy::print_stdout, reason = "an example prints")]

use std::{env, error::Error, path::PathBuf};

use syncline_engine::{Batch, Options, Seq, Store};

fn main() -> Result<(), Box<dyn Error>> {
    let temporary = tempfile::tempdir()?;
    let dir = env::args().nth(1).map_or_else(|| temporary.path().join("store"), PathBuf::from);

    let store = Store::open(&dir, Options::default())?;
    let (log, map) = (store.log("doc/42")?, store.map("titles")?);

    let mut batch = Batch::new();
    batch.append(&log, b"insert a");
    batch.append(&log, b"insert b");
    batch.put(&map, b"doc/42", b"My first document");
    let commit = store.commit(batch)?; // ordered, numbered and readable; not yet durable
    println!("committed as {:?}", commit.seqs());
    commit.wait()?; // survives power loss from here on
    println!("durable up to position {}", store.durable());
    store.close()?;

    let store = Store::open(&dir, Options::default())?;
    let report = store.report();
    println!("reopened: {} records in {:?}", report.records, report.elapsed);
    let Some(log) = store.find_log("doc/42")? else { return Err("the log is gone".into()) };
    for record in log.read(Seq(1)..) {
        let record = record?;
        println!("  {} {:?}", record.seq, record.payload);
    }
    println!("  titled {:?}", store.map("titles")?.get(b"doc/42")?);
    Ok(())
}
