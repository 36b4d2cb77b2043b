//! Kills a process again and again while it writes, and counts the acknowledged writes that are gone.
//!
//! `cargo run --release -p syncline-engine --example crash -- --rounds 50`
//!
//! A child of this program opens the store and lets several threads commit batches. Whenever a batch
//! is durable the child says so on a pipe; at a random moment it gets SIGKILL. The parent then opens
//! the store and looks for everything that was acknowledged. This shows what the death of a process
//! leaves; power cuts need a disk that can be cut off, which the simulated disk of the tests is.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for people")]

use std::{
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

use syncline_engine::{Batch, Error, Log, Options, Seq, Store};

const WRITERS: u64 = 4;
const ROUND_MS_MIN: u64 = 40;
const ROUND_MS_MAX: u64 = 400;
/// Small, so that a run rolls over many segments.
const SEGMENT_BYTES: u64 = 256 << 10;
const USAGE: &str = "usage: crash [--rounds N] [--seconds N] [--dir DIR]";

type Failure = Box<dyn std::error::Error + Send + Sync>;

struct Arguments {
    rounds: u64,
    seconds: u64,
    dir: Option<PathBuf>,
    is_child: bool,
}

impl Arguments {
    fn parse() -> Result<Self, Failure> {
        let mut parsed = Self { rounds: 20, seconds: 600, dir: None, is_child: false };
        let mut given = std::env::args().skip(1);
        while let Some(flag) = given.next() {
            let mut value = || given.next().ok_or(USAGE);
            match flag.as_str() {
                "--rounds" => parsed.rounds = value()?.parse()?,
                "--seconds" => parsed.seconds = value()?.parse()?,
                "--dir" => parsed.dir = Some(value()?.into()),
                "--child" => parsed.is_child = true,
                _ => return Err(USAGE.into()),
            }
        }
        Ok(parsed)
    }
}

fn main() -> ExitCode {
    match Arguments::parse().and_then(run) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("crash: {error}");
            ExitCode::from(2)
        }
    }
}

/// Returns how many acknowledged writes were lost.
fn run(arguments: Arguments) -> Result<u64, Failure> {
    let scratch;
    let dir = match &arguments.dir {
        Some(dir) => dir.as_path(),
        None => {
            scratch = tempfile::tempdir()?;
            scratch.path()
        }
    };
    if arguments.is_child {
        write_until_killed(dir)?;
        return Ok(0);
    }
    kill_rounds(dir, &arguments)
}

fn open(dir: &Path) -> Result<Store, Error> {
    let mut options = Options::default();
    options.segment_bytes = SEGMENT_BYTES;
    Store::open(dir, options)
}

fn own_log(store: &Store, writer: u64) -> Result<Log, Error> {
    store.log(&format!("writer/{writer}"))
}

/// The payload of a writer's n-th batch: told by its number alone, of many lengths.
fn payload(writer: u64, n: u64) -> Vec<u8> {
    let head = format!("writer {writer} batch {n} ");
    let filler = (n.wrapping_mul(0x9e37_79b9) % 700) as usize;
    head.bytes().chain(std::iter::repeat_n(b'.', filler)).collect()
}

/// The child: every batch goes to the writer's own log and to the common one, whole or not at all.
fn write_until_killed(dir: &Path) -> Result<(), Failure> {
    let store = open(dir)?;
    let common = store.log("common")?;
    let write = |writer| -> Result<(), Failure> {
        let own = own_log(&store, writer)?;
        for n in own.next_seq().0.. {
            let bytes = payload(writer, n);
            let mut batch = Batch::new();
            batch.append(&own, &bytes);
            batch.append(&common, &bytes);
            let commit = store.commit(batch)?;
            commit.wait()?;
            let line = format!("{writer} {n} {}\n", commit.seqs()[1].0);
            // One write: the parent reads whole lines, also from a process that was killed.
            io::stdout().write_all(line.as_bytes())?;
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let writers: Vec<_> =
            (0..WRITERS).map(|writer| scope.spawn(move || write(writer))).collect();
        writers.into_iter().try_for_each(|writer| match writer.join() {
            Ok(result) => result,
            Err(_) => Err("a writer panicked".into()),
        })
    })
}

/// What the child said was durable.
#[derive(Clone, Copy)]
struct Acknowledged {
    writer: u64,
    n: u64,
    common: u64,
}

impl Acknowledged {
    fn parse(line: &str) -> Option<Self> {
        let mut numbers = line.split(' ').map(str::parse);
        let mut number = || numbers.next()?.ok();
        Some(Self { writer: number()?, n: number()?, common: number()? })
    }
}

fn kill_rounds(dir: &Path, arguments: &Arguments) -> Result<u64, Failure> {
    println!(
        "{WRITERS} threads commit durable batches; SIGKILL after a random moment; reopen and look\n"
    );
    println!(
        "{:>5}  {:>12}  {:>6}  {:>9}  {:>9}",
        "round", "acknowledged", "lost", "bytes cut", "open"
    );
    let started = Instant::now();
    let (mut total, mut lost, mut rounds) = (0, 0, 0);
    while rounds < arguments.rounds && started.elapsed().as_secs() < arguments.seconds {
        rounds += 1;
        let acknowledged = kill_once(dir)?;
        let opening = Instant::now();
        let store = open(dir)?;
        let open_ms = opening.elapsed().as_secs_f64() * 1e3;
        let round_lost = count_lost(&store, &acknowledged)?;
        check_whole(&store)?;
        total += acknowledged.len();
        lost += round_lost;
        let cut = store.report().bytes_cut;
        println!(
            "{rounds:>5}  {:>12}  {round_lost:>6}  {cut:>9}  {open_ms:>6.1} ms",
            acknowledged.len()
        );
    }
    let verdict =
        if lost == 0 { "nothing acknowledged was lost" } else { "ACKNOWLEDGED WRITES LOST" };
    println!("\n{rounds} kills, {total} acknowledged writes, {lost} lost: {verdict}");
    Ok(lost)
}

/// Starts a child, kills it and returns what it had acknowledged.
fn kill_once(dir: &Path) -> Result<Vec<Acknowledged>, Failure> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(["--child".as_ref(), "--dir".as_ref(), dir.as_os_str()])
        .stdout(Stdio::piped())
        .spawn()?;
    let result = read_and_kill(&mut child);
    // Whatever happened, no child stays behind. It may have ended by itself, which `wait` tells.
    let _ = child.kill();
    let status = child.wait()?;
    match status.code() {
        Some(code) => Err(format!("the writing process ended by itself with code {code}").into()),
        None => result,
    }
}

fn read_and_kill(child: &mut Child) -> Result<Vec<Acknowledged>, Failure> {
    let pipe = child.stdout.take().ok_or("the child has no pipe")?;
    let reader = std::thread::spawn(move || -> io::Result<Vec<Acknowledged>> {
        let mut found = Vec::new();
        for line in BufReader::new(pipe).lines() {
            let line = line?;
            found.push(Acknowledged::parse(&line).ok_or(io::ErrorKind::InvalidData)?);
        }
        Ok(found)
    });
    let mut random = [0; 8];
    getrandom::fill(&mut random)?;
    let span = ROUND_MS_MAX - ROUND_MS_MIN;
    let round_ms = ROUND_MS_MIN + u64::from_le_bytes(random) % span;
    std::thread::sleep(Duration::from_millis(round_ms));
    child.kill()?;
    Ok(reader.join().map_err(|_| "the reader panicked")??)
}

/// Acknowledged batches that are not in both logs as they were written.
fn count_lost(store: &Store, acknowledged: &[Acknowledged]) -> Result<u64, Error> {
    let common = store.log("common")?;
    let mut lost = 0;
    for Acknowledged { writer, n, common: seq } in acknowledged.iter().copied() {
        let expected = payload(writer, n);
        let own = own_log(store, writer)?.get(Seq(n))?;
        let shared = common.get(Seq(seq))?;
        lost +=
            u64::from([own, shared].iter().any(|found| found.as_deref() != Some(&expected[..])));
    }
    Ok(lost)
}

/// Batches are whole and logs without holes: the common log holds as many records as all others
/// together, and each of those counts up from one.
fn check_whole(store: &Store) -> Result<(), Failure> {
    let mut records = 0;
    for writer in 0..WRITERS {
        for (record, n) in own_log(store, writer)?.read(..).zip(1..) {
            let record = record?;
            if record.seq != Seq(n) || record.payload[..] != payload(writer, n)[..] {
                return Err(format!("writer {writer} has a wrong record at {n}").into());
            }
            records += 1;
        }
    }
    let common = store.log("common")?.read(..).count() as u64;
    match common == records {
        true => Ok(()),
        false => Err(format!("half a batch: {common} records in common, {records} apart").into()),
    }
}
