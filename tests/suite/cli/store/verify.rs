//! `verify` and `backup`: damage is told with its place, a copy is whole, a directory in use is not
//! touched.

use std::fs;

use serde_json::Value;
use syncline_engine::Batch;
use syncline_tests::process::Serving;
use tempfile::TempDir;

use super::{Kept, files, on};

/// Several segments of one log.
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
fn verify_says_that_a_sound_store_is_sound_and_changes_nothing() {
    let kept = long();
    let before = kept.files();
    let ran = kept.run(&["verify"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(ran.out.ends_with(": sound\n") && ran.out.contains("61 records"), "{}", ran.out);
    let report: Value = kept.run(&["verify", "--json"]).out.parse().unwrap();
    assert_eq!(report["sound"], true);
    assert_eq!((&report["damages"], &report["torn"]), (&Value::Array(vec![]), &Value::Null));
    assert_eq!(kept.files(), before);
}

#[test]
fn verify_lists_each_damage_with_file_and_offset_and_ends_with_3() {
    let kept = long();
    kept.damage(b"record 7 ");
    kept.damage(b"record 30 ");
    let ran = kept.run(&["verify"]);
    assert_eq!(ran.code, Some(3), "{}", ran.err);
    assert!(ran.err.contains("2 damages found") && ran.err.contains("salvage"), "{}", ran.err);
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(lines.len(), 3, "{}", ran.out);
    assert!(lines[0].contains("0000000000000001.seg: offset "), "{}", ran.out);
    assert!(lines[0].contains("lost: record 8 of log \"long\""), "{}", ran.out);
    assert!(lines[1].contains("lost: record 31 of log \"long\""), "{}", ran.out);
    assert!(lines[2].ends_with(": 2 damages"), "{}", ran.out);

    let ran = kept.run(&["verify", "--json"]);
    assert_eq!(ran.code, Some(3));
    let report: Value = ran.out.parse().unwrap();
    assert_eq!(report["sound"], false);
    let damage = &report["damages"][0];
    let keys: Vec<&String> = damage.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["bytes", "file", "flaw", "lost", "offset", "segment"]);
    assert_eq!((&damage["segment"], &damage["file"]), (&1.into(), &"0000000000000001.seg".into()));
    assert!(damage["offset"].as_u64().unwrap() > 0 && damage["bytes"].as_u64().unwrap() > 200);
}

#[test]
fn verify_works_beside_a_running_server() {
    let dir = TempDir::new().unwrap();
    let _serving = Serving::start(dir.path(), &[]);
    let data = dir.path().join("data");
    let before = files(&data);
    assert_eq!(on(&data, &["verify"]).code, Some(0));
    assert_eq!(files(&data), before);
}

#[test]
fn verify_and_backup_find_no_store_where_there_is_none() {
    let dir = TempDir::new().unwrap();
    let to = dir.path().join("to");
    for arguments in [vec!["verify"], vec!["backup", to.to_str().unwrap()]] {
        for place in [dir.path().join("none"), dir.path().to_owned()] {
            assert_eq!(on(&place, &arguments).code, Some(4), "{arguments:?}");
        }
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_backup_is_the_store_again() {
    let kept = long();
    let to = kept.dir.path().join("copies/today");
    let ran = kept.run(&["backup", to.to_str().unwrap(), "--json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let made: Value = ran.out.parse().unwrap();
    assert_eq!(made["dir"], to.to_str().unwrap());
    assert!(made["position"].as_u64().unwrap() > 60 * 200);
    assert_eq!(on(&to, &["dump"]).out, kept.run(&["dump"]).out);
    let again = kept.run(&["backup", to.to_str().unwrap()]);
    assert_eq!(again.code, Some(1), "{}", again.err);
    assert!(again.err.contains("has to be empty"), "{}", again.err);
}

#[test]
fn a_damaged_store_is_not_backed_up_and_an_unfinished_backup_is_refused() {
    let kept = long();
    kept.damage(b"record 7 ");
    let to = kept.dir.path().join("to");
    let ran = kept.run(&["backup", to.to_str().unwrap()]);
    assert_eq!(ran.code, Some(3), "{}", ran.err);
    assert!(ran.err.contains("segment 1 at offset"), "{}", ran.err);
    assert!(files(&to).is_empty());

    let whole = long();
    fs::write(whole.data().join("UNFINISHED-BACKUP"), "").unwrap();
    for command in ["ls", "dump", "stat"] {
        let ran = whole.run(&[command]);
        assert_eq!(ran.code, Some(1), "{}", ran.err);
        assert!(ran.err.contains("never finished"), "{}", ran.err);
    }
}
