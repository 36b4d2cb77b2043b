//! `salvage`: what is whole of a damaged store comes into a new one, and the rest is told.

use std::path::Path;

use serde_json::Value;
use syncline_engine::Batch;
use tempfile::TempDir;

use super::{Kept, on};
use crate::{Ran, run};

fn salvage(from: &Path, to: &Path, more: &[&str]) -> Ran {
    run(&[&["salvage", from.to_str().unwrap(), to.to_str().unwrap()], more].concat(), &[])
}

fn long() -> Kept {
    Kept::with(|store| {
        let log = store.log("long").unwrap();
        for n in 0..60 {
            let mut batch = Batch::new();
            batch.append(&log, format!("record {n} {}", "x".repeat(200)).as_bytes());
            store.commit(batch).unwrap().wait().unwrap();
        }
    })
}

#[test]
fn a_whole_store_comes_out_whole() {
    let kept = long();
    let to = kept.dir.path().join("to");
    let ran = salvage(&kept.data(), &to, &[]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(ran.out.ends_with(": 60 records, 0 values\n"), "{}", ran.out);
    assert_eq!(on(&to, &["dump"]).out, kept.run(&["dump"]).out);
}

#[test]
fn what_was_left_is_told_with_3_and_the_rest_is_there() {
    let kept = long();
    kept.damage(b"record 7 ");
    let (before, to) = (kept.files(), kept.dir.path().join("to"));
    let ran = salvage(&kept.data(), &to, &["--json"]);
    assert_eq!(ran.code, Some(3), "{}", ran.err);
    let report: Value = ran.out.parse().unwrap();
    let members: Vec<&String> = report.as_object().unwrap().keys().collect();
    assert_eq!(members, ["damages", "dir", "left", "parts", "records", "torn", "values"]);
    assert_eq!(
        (&report["records"], &report["left"][0]),
        (&59.into(), &"record 8 of log \"long\"".into())
    );
    assert_eq!(report["parts"][0]["last_seq"], 7);
    assert_eq!(on(&to, &["verify"]).code, Some(0));
    assert!(on(&to, &["tail", "long", "-n", "1"]).out.starts_with("60\trecord 59 "));
    assert_eq!(kept.files(), before, "the old one is as it was");

    let other = kept.dir.path().join("other");
    let plain = salvage(&kept.data(), &other, &[]);
    assert_eq!(plain.code, Some(3), "{}", plain.err);
    assert!(plain.out.contains("left: record 8 of log \"long\"\n"), "{}", plain.out);
    assert_eq!(salvage(&kept.data(), &other, &[]).code, Some(1), "not into a directory in use");
}

#[test]
fn nothing_is_made_of_nothing() {
    let dir = TempDir::new().unwrap();
    let to = dir.path().join("to");
    assert_eq!(salvage(&dir.path().join("none"), &to, &[]).code, Some(4));
    assert_eq!(salvage(dir.path(), &to, &[]).code, Some(4));
    assert!(!to.exists());
}
