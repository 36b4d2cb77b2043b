//! An embedded, append-only, log-structured store of logs and maps.
//!
//! A [`Store`] is one directory, opened by one process at a time. It holds named collections: a
//! [`Log`] of records with consecutive sequence numbers, a [`Map`] of keys with values. A [`Batch`]
//! changes any number of them and is atomic; [`Store::commit`] orders it at once, and
//! [`Commit::wait`] returns when it survives power loss. One sync serves everyone who waits.
//!
//! ```
//! use syncline_engine::{Batch, Options, Seq, Store};
//!
//! # fn main() -> Result<(), syncline_engine::Error> {
//! # let dir = tempfile::tempdir().unwrap();
//! # let path = dir.path();
//! let store = Store::open(path, Options::default())?;
//! let log = store.log("doc/42")?;
//! let map = store.map("titles")?;
//!
//! let mut batch = Batch::new();
//! batch.append(&log, b"insert a");
//! batch.put(&map, b"doc/42", b"hello");
//! let commit = store.commit(batch)?; // ordered and numbered, not yet durable
//! commit.wait()?; // durable
//! assert_eq!(commit.seqs(), [Seq(1)]);
//!
//! for record in log.read(Seq(1)..) {
//!     assert_eq!(&record?.payload[..], b"insert a");
//! }
//! assert_eq!(map.get(b"doc/42")?.as_deref(), Some(&b"hello"[..]));
//! # Ok(())
//! # }
//! ```
//!
//! The API blocks and needs no runtime; every handle is usable from any number of threads. Every read
//! checks its record's checksum: a flipped bit is an [`Error::Corrupt`] and never an answer.

mod backup;
mod collection;
mod commit;
mod compaction;
mod error;
mod flush;
mod format;
mod gate;
mod handle;
mod ids;
mod index;
mod kept;
mod lenient;
mod location;
mod log;
mod maintain;
mod map;
pub mod offline;
mod options;
mod progress;
mod read;
mod read_only;
mod recovery;
mod report;
mod segment;
mod shared;
mod snapshot;
pub mod storage;
mod store;
mod stripe;
mod survey;
mod sync;
mod upkeep;
mod wake;
mod write;

pub use collection::Kind;
pub use commit::Commit;
pub use error::Error;
pub use ids::{Position, Seq};
pub use log::{Log, LogReader, Record};
pub use maintain::stats::Stats;
pub use map::{Map, MapIter};
pub use options::{Durability, Options};
pub use progress::Maintained;
pub use report::OpenReport;
pub use store::Store;
pub use write::batch::Batch;
