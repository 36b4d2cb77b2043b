//! `syncline backup`: a copy of a store, by itself or by the server that has it open.

use std::{cell::RefCell, path::Path, sync::Arc, thread, time::Duration};

use http::Method;
use serde_json::Value;
use syncline_engine::{Error, Position, Store, storage::RealDisk};

use super::{
    json::Object,
    place,
    remote::{Remote, Where},
};
use crate::cli::{
    failure::{Exit, Failure},
    flags::AdminFlags,
    output,
    progress::Progress,
    signals,
};

/// How often a server is asked how far it is.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

const EXAMPLES: &str = "\
Examples:
  syncline backup /mnt/backup/today          a store that no server has open
  syncline backup --online today             the server makes it, below [storage] backup_dir
  syncline backup --url http://10.0.0.2:8080 --auth-admin-token-file admin.token today";

/// The arguments of `backup`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct BackupArgs {
    /// A directory, empty or missing; with --online or --url a name: letters, digits and -._
    to: String,
    /// Print {"dir", "position"}; of a server's backup also its "name"
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Where,
    #[command(flatten)]
    flags: AdminFlags,
}

pub(super) fn run(args: &BackupArgs) -> Result<(), Failure> {
    let (dir, position, object) = if args.server.is_remote() {
        let done = by_server(&args.server.server(&args.flags)?, &args.to)?;
        let dir = done["dir"].as_str().unwrap_or_default().to_owned();
        let position = done["position"].as_u64().unwrap_or_default();
        (dir, position, Object::new().text("name", &args.to))
    } else {
        let (dir, position) = here(args)?;
        (dir, position, Object::new())
    };
    output::print(&if args.json {
        object.text("dir", &dir).number("position", position).line()
    } else {
        format!("backed up to {dir}, position {position}\n")
    })
}

fn here(args: &BackupArgs) -> Result<(String, u64), Failure> {
    signals::outlive_file_size_limit()?;
    let from = place::directory_of(&args.flags.load()?)?;
    let store = place::open(&from).map_err(|failure| {
        failure.hint("a server makes its backups itself: syncline backup --online NAME")
    })?;
    let to = Path::new(&args.to);
    let position = copy(&store, to)?;
    store.close()?;
    Ok((place::absolute(to), position.0))
}

/// Copies a store to a directory, with a progress bar.
pub(super) fn copy(store: &Store, to: &Path) -> Result<Position, Failure> {
    let bar = RefCell::new(Progress::new("copied"));
    let copied = RealDisk::open(to).map_err(Error::from).and_then(|disk| {
        store.backup_with(Arc::new(disk), &|done, all| {
            let mut bar = bar.borrow_mut();
            bar.expect(all);
            bar.reach(done);
        })
    });
    bar.borrow_mut().end();
    copied.map_err(|error| Failure::from(error).about(to.display()))
}

fn by_server(server: &Remote, name: &str) -> Result<Value, Failure> {
    // What needs no escaping in a path: the server takes no other names, and tells so.
    let path = match name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)) {
        true => format!("/admin/backups/{name}"),
        false => return Err(Failure::new(Exit::Usage, format!("{name:?} is no name of a backup"))
            .hint("a server's backup has a name of letters, digits and -._, and the server a place for it")),
    };
    let mut backup = server.ask(Method::POST, &path)?;
    let mut bar = Progress::new("copied");
    while backup["state"] == "running" {
        bar.expect(backup["all_bytes"].as_u64().unwrap_or_default());
        bar.reach(backup["done_bytes"].as_u64().unwrap_or_default());
        thread::sleep(LOOK_AGAIN);
        backup = server.ask(Method::GET, &path)?;
    }
    bar.end();
    match backup["error"].as_str() {
        None => Ok(backup),
        Some(error) if backup["is_damage"] == true => Err(Failure::new(Exit::Damaged, error)),
        Some(error) => Err(Failure::new(Exit::Failed, error)),
    }
}
