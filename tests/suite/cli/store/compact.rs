//! `compact`: less space, the same content.

use serde_json::Value;
use syncline_engine::Batch;
use syncline_tests::process::Serving;
use tempfile::TempDir;

use super::{Kept, files, on};

/// A store in which most is dead: a few keys that were put again and again.
fn sparse() -> Kept {
    Kept::with(|store| {
        let map = store.map("map").unwrap();
        for n in 0..400_u32 {
            let mut batch = Batch::new();
            batch.put(&map, format!("key {}", n % 7).as_bytes(), format!("{n:0300}").as_bytes());
            batch.put(&map, format!("kept {n}").as_bytes(), b"v");
            store.commit(batch).unwrap();
        }
    })
}

fn sorted(dump: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = dump.lines().collect();
    lines.sort_unstable();
    lines
}

#[test]
fn what_is_dead_goes_and_what_is_live_stays() {
    let kept = sparse();
    let bytes = || kept.files().iter().map(|(_, bytes)| bytes.len() as u64).sum::<u64>();
    let (before, dump) = (bytes(), kept.run(&["dump"]).out);
    let ran = kept.run(&["compact", "--json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let report: Value = ran.out.parse().unwrap();
    assert_eq!(
        (&report["before_bytes"], &report["after_bytes"]),
        (&before.into(), &bytes().into())
    );
    assert!(bytes() < before / 2, "{before} before, {} now", bytes());
    assert!(report["segments_removed"].as_u64().unwrap() > 10, "{report}");
    assert_eq!(sorted(&kept.run(&["dump"]).out), sorted(&dump));
    assert_eq!(kept.run(&["verify"]).code, Some(0));

    let again = kept.run(&["compact"]);
    assert!(again.out.contains(" before, ") && again.out.contains(" removed\n"), "{}", again.out);
    let stat: Value = kept.run(&["stat", "--json"]).out.parse().unwrap();
    assert!(stat["cold_segments"].as_u64().unwrap() > 0 && stat["snapshots"] == 2, "{stat}");
}

#[test]
fn a_compacted_store_is_backed_up_and_restored() {
    let kept = sparse();
    assert_eq!(kept.run(&["compact"]).code, Some(0));
    let (backup, to) = (kept.dir.path().join("backup"), kept.dir.path().join("to"));
    let (backup, to) = (backup.to_str().unwrap(), to.to_str().unwrap());
    let made = kept.run(&["backup", backup]);
    assert_eq!(made.code, Some(0), "{}", made.err);
    let restored = crate::run(&["restore", backup, to], &[]);
    assert_eq!(restored.code, Some(0), "{}", restored.err);
    let (ours, theirs) = (kept.run(&["dump"]).out, on(to.as_ref(), &["dump"]).out);
    assert_eq!(sorted(&ours), sorted(&theirs));
}

#[test]
fn a_store_in_use_is_not_touched_and_none_is_made() {
    let dir = TempDir::new().unwrap();
    let serving = Serving::start(dir.path(), &[]);
    let data = dir.path().join("data");
    let before = files(&data);
    let ran = on(&data, &["compact"]);
    assert_eq!(ran.code, Some(5), "{}", ran.err);
    assert!(ran.err.contains("compacts its store by itself"), "{}", ran.err);
    assert!(ran.err.contains(&serving.pid().to_string()), "{}", ran.err);
    assert_eq!(files(&data), before);
    let none = dir.path().join("none");
    assert_eq!(on(&none, &["compact"]).code, Some(4));
    assert!(!none.exists());
}
