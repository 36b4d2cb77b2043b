//! How many files an open store holds.

use syncline_engine::{Batch, Options, Store};

#[test]
fn sealed_segments_keep_no_file_open() {
    let dir = tempfile::tempdir().unwrap();
    let open_files = || {
        let files = std::fs::read_dir("/proc/self/fd").unwrap();
        let names = files.filter_map(|file| std::fs::read_link(file.unwrap().path()).ok());
        names.filter(|name| name.starts_with(dir.path()) && name.extension().is_some()).count()
    };
    let open = || {
        let mut options = Options::default();
        options.segment_bytes = 16 << 10;
        Store::open(dir.path(), options).unwrap()
    };
    let store = open();
    let log = store.log("log").unwrap();
    for n in 0..100_u8 {
        let mut batch = Batch::new();
        batch.append(&log, &[n; 4000]);
        store.commit(batch).unwrap();
    }
    store.sync().unwrap();
    assert!(open_files() <= 3, "{} while writing", open_files());
    drop((store, log));
    let store = open();
    assert!(store.report().segments > 20);
    assert!(open_files() <= 2, "{} after opening", open_files());
    let log = store.log("log").unwrap();
    assert!(log.read(..).all(|record| record.is_ok()));
    assert!(open_files() <= 2, "{} after reading", open_files());
}
