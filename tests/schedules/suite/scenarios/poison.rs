//! A disk that fails while threads wait: all are told, and nobody is acknowledged without the device.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use super::{
    engine::{
        Error,
        storage::sim::{Call, Fault},
    },
    world::{World, together},
};
use crate::images::Files;

/// Three threads commit and wait; syncs or writes fail after they have gone well so many times, and for good.
pub(crate) fn fails(files: &Files, is_sync: bool, after: u64, committer: bool) {
    let call = if is_sync { Call::Sync } else { Call::Write };
    let world = World::open(files, |options| options.committer_thread = committer);
    world.disk.fail(Fault { call, after, times: u64::MAX, errno: Fault::EIO });
    let told = Arc::new(AtomicU64::new(0));
    let of_watch = Arc::clone(&told);
    world.store.on_durable(move |position| {
        of_watch.fetch_add(u64::from(position.is_err()), Ordering::Relaxed);
    });
    let acknowledged = Arc::new(AtomicU64::new(0));
    let parts = ["one", "two", "three"].map(|payload| {
        let acknowledged = Arc::clone(&acknowledged);
        world.part(move |world| match world.append_durably(payload.as_bytes()) {
            Ok(()) => drop(acknowledged.fetch_add(1, Ordering::Relaxed)),
            Err(Error::Io(_) | Error::Poisoned) => {}
            Err(error) => panic!("{error}"),
        })
    });
    together(parts.into());
    let acknowledged = acknowledged.load(Ordering::Relaxed);
    if acknowledged < 3 {
        assert!(matches!(world.store.health(), Err(Error::Poisoned)));
        assert!(matches!(world.append(b"four"), Err(Error::Poisoned)));
        assert!(matches!(world.store.close(), Err(Error::Poisoned)));
        assert_eq!(told.load(Ordering::Relaxed), 1, "the watch hears of the failure once");
    }
    assert!(acknowledged == 0 || after > 0, "{acknowledged} acknowledged without a sync");
}
