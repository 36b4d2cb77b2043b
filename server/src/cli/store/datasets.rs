//! `syncline oplog`: the datasets of the oplog dialect in a store.

use clap::Subcommand;
use syncline::datasets::{self, Dataset, DatasetError};

use super::{
    json::Object,
    place,
    table::Table,
    text::{escaped, size},
};
use crate::cli::{
    failure::{Exit, Failure},
    flags::StoreFlags,
    output, signals,
};

/// What can be done with datasets.
#[derive(Debug, Subcommand)]
pub(crate) enum OplogCommand {
    /// List the datasets: name, key of the generation, last number, operations, snapshot
    ///
    /// Works beside a running server and changes nothing.
    Ls {
        /// Print one JSON object per dataset: {"dataset", "generation", "server_seq", "operations",
        /// "snapshot_bytes"}
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        flags: StoreFlags,
    },
    /// Give datasets new keys, so that every client begins anew and sends what the server lacks
    ///
    /// For a store that was restored from a backup: clients may be ahead of it, and would go on as if
    /// nothing had happened. Everything stays in it. The server must not be running on the data
    /// directory. Prints each dataset and its new key.
    Rotate {
        /// The dataset, as `ls` names it; all of them when there is none given
        dataset: Option<String>,
        #[command(flatten)]
        flags: StoreFlags,
    },
}

/// Runs one of them.
pub(crate) fn run(command: &OplogCommand) -> Result<(), Failure> {
    match command {
        OplogCommand::Ls { json, flags } => list(*json, flags),
        OplogCommand::Rotate { dataset, flags } => rotate(dataset.as_deref(), flags),
    }
}

fn list(json: bool, flags: &StoreFlags) -> Result<(), Failure> {
    let store = place::open_to_read(&place::directory(flags)?)?;
    let found = datasets::list(&store)?;
    if json {
        let lines: String = found.iter().map(|dataset| object(dataset).line()).collect();
        return output::print(&lines);
    }
    let mut table = Table::new(&["DATASET", "GENERATION", "LAST", "OPERATIONS", "SNAPSHOT"]);
    for dataset in &found {
        table.row(vec![
            escaped(dataset.name.as_bytes()),
            escaped(dataset.generation.as_bytes()),
            dataset.server_seq.to_string(),
            dataset.operations.to_string(),
            size(dataset.snapshot_bytes),
        ]);
    }
    output::print(&table.show())
}

fn object(dataset: &Dataset) -> Object {
    Object::new()
        .text("dataset", &dataset.name)
        .text("generation", &dataset.generation)
        .number("server_seq", dataset.server_seq)
        .number("operations", dataset.operations)
        .number("snapshot_bytes", dataset.snapshot_bytes)
}

fn rotate(dataset: Option<&str>, flags: &StoreFlags) -> Result<(), Failure> {
    let dir = place::directory(flags)?;
    signals::outlive_file_size_limit()?;
    let store = place::open(&dir)?;
    let names = match dataset {
        Some(name) => vec![name.to_owned()],
        None => datasets::list(&store)?.into_iter().map(|dataset| dataset.name).collect(),
    };
    for name in names {
        let generation = datasets::rotate(&store, &name)?;
        output::print(&format!("{}\t{generation}\n", escaped(name.as_bytes())))?;
    }
    Ok(store.close()?)
}

impl From<DatasetError> for Failure {
    fn from(error: DatasetError) -> Self {
        match error {
            DatasetError::Store(error) => error.into(),
            DatasetError::Missing(_) => {
                Self::new(Exit::NotFound, error.to_string()).hint("`syncline oplog ls` lists them")
            }
            DatasetError::Unreadable(_) => Self::new(Exit::Damaged, error.to_string())
                .hint("`syncline verify` reads every byte of the store"),
            _ => Self::new(Exit::Failed, error.to_string()),
        }
    }
}
