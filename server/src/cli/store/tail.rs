//! `syncline tail`: the last records of a log.

use syncline_engine::{Log, Seq};

use super::{dump, get::no_collection, place, text::escaped};
use crate::cli::{
    failure::{Exit, Failure},
    flags::StoreFlags,
    output::Stdout,
};

/// The arguments of `tail`.
#[derive(Debug, clap::Args)]
pub(crate) struct TailArgs {
    /// The name of a log
    log: String,
    /// How many records, at most
    #[arg(short = 'n', long, default_value_t = 10)]
    lines: u64,
    /// Print one JSON object per record: {"log", "seq", "payload"}; a payload that is no text is
    /// in base64, as "payload_base64"
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    flags: StoreFlags,
}

pub(super) fn run(args: &TailArgs) -> Result<(), Failure> {
    let store = place::open_to_read(&place::directory(&args.flags)?)?;
    let found = store.find_log(&args.log).map_err(|_| {
        Failure::new(Exit::Usage, format!("{:?} is a map, which has no order", args.log))
    })?;
    let log = found.ok_or_else(|| no_collection(&args.log))?;
    let mut out = Stdout::new();
    for record in log.read(first(&log, args.lines)..) {
        let record = record?;
        let line = if args.json {
            dump::record(log.name(), record.seq, &record.payload).line()
        } else {
            format!("{}\t{}\n", record.seq, escaped(&record.payload))
        };
        out.write(line.as_bytes())?;
    }
    out.end()
}

/// The first of the last `lines` records.
fn first(log: &Log, lines: u64) -> Seq {
    Seq(log.next_seq().0.saturating_sub(lines).max(log.first_seq().0))
}
