//! P4: how long an open takes after the process that wrote was killed.

use std::{
    env,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use super::{Figures, PAYLOAD_BYTES};
use crate::{
    engines::{Failure, Kind, Wait},
    random::{Payloads, Random},
    scale::Scale,
};

const LOGS: u32 = 1000;
const BATCH: usize = 1000;
const FILLED: &str = "filled";

/// Milliseconds until an opened engine has read one record, without a snapshot and, where there is one, with it.
pub fn run(kind: Kind, dir: &Path, scale: &Scale) -> Result<Figures, Failure> {
    let mut figures = Vec::new();
    for (name, snapshot) in [("open, ms", false), ("open with snapshot, ms", true)] {
        if snapshot && !kind.has_snapshot() {
            continue;
        }
        let dir = dir.join(if snapshot { "with" } else { "without" });
        filled_by_another(kind, &dir, scale.open_records, snapshot)?;
        let start = Instant::now();
        let engine = kind.open(&dir, Wait::Buffered, LOGS)?;
        if kind != Kind::Okaywal && engine.reader()?.read(0, 1)? != Some(PAYLOAD_BYTES) {
            return Err("a record is not there".into());
        }
        figures.push((name, start.elapsed().as_secs_f64() * 1e3));
    }
    Ok(figures)
}

/// Lets a process of its own write, and kills it.
fn filled_by_another(kind: Kind, dir: &Path, records: u64, snapshot: bool) -> Result<(), Failure> {
    let mut command = Command::new(env::current_exe()?);
    command.arg("--fill").arg(kind.name()).arg("--dir").arg(dir);
    command.arg("--open-records").arg(records.to_string());
    if snapshot {
        command.arg("--fill-snapshot");
    }
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let stdout = child.stdout.take().ok_or("the child has no output")?;
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    child.kill()?;
    child.wait()?;
    if line.trim() == FILLED { Ok(()) } else { Err("filling failed".into()) }
}

/// The life of that process: writes, syncs, says so, and waits to be killed, or for its parent's end.
pub fn fill(kind: Kind, dir: &Path, records: u64, snapshot: bool) -> Result<(), Failure> {
    let engine = kind.open(dir, Wait::Buffered, LOGS)?;
    let mut payloads = Payloads::new(37);
    let mut random = Random::new(5);
    let mut writer = engine.writer();
    for number in 0..records.div_ceil(BATCH as u64) {
        let places: Vec<usize> = (0..BATCH).map(|_| payloads.next(PAYLOAD_BYTES)).collect();
        let mut batch: Vec<(u32, &[u8])> = places
            .into_iter()
            .map(|at| (random.below(u64::from(LOGS)) as u32, payloads.at(at, PAYLOAD_BYTES)))
            .collect();
        if number == 0 {
            // What is read after the open.
            batch[0].0 = 0;
        }
        writer.append(&batch)?;
    }
    engine.sync()?;
    if snapshot && !engine.snapshot()? {
        return Err("it has no snapshots".into());
    }
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{FILLED}")?;
    stdout.flush()?;
    // The parent's end closes the pipe.
    std::io::stdin().read_line(&mut String::new())?;
    Ok(())
}
