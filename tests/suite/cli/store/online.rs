//! `stat` and `backup` of a running server: how it is found, who is let in, exit codes.

use std::{fs, os::unix::fs::FileExt};

use rustix::process::Signal;
use serde_json::Value;
use syncline_tests::{
    process::Serving,
    relay::{Hello, Message, Peer},
};
use tempfile::TempDir;

use super::on;
use crate::run;

const TOKEN: &str = "a-token-of-many-letters";

/// A server with three changes of a key, and its directory.
fn serving(variables: &[(&str, &str)]) -> (TempDir, Serving) {
    let dir = TempDir::new().unwrap();
    let serving = Serving::start(dir.path(), variables);
    let mut peer = Peer::binary(serving.address(), &Hello::new("device", "key").with_ack());
    for seq in 1..=3 {
        peer.submit(b"a change");
        while peer.message() != (Message::Accepted { id: seq, seq }) {}
    }
    (dir, serving)
}

#[test]
fn the_server_is_found_through_the_data_directory() {
    let (dir, serving) = serving(&[]);
    let data = dir.path().join("data");
    let stat = on(&data, &["stat", "--online", "--json"]);
    let stat: Value = stat.out.parse().unwrap();
    assert!(stat["position"].as_u64().unwrap() > 0 && stat["live_bytes"].as_u64().unwrap() > 0);
    let plain = on(&data, &["stat", "--online"]);
    assert_eq!(plain.code, Some(0), "{}", plain.err);
    assert!(plain.out.contains("position "), "{}", plain.out);

    let made = on(&data, &["backup", "--online", "today", "--json"]);
    assert_eq!(made.code, Some(0), "{}", made.err);
    let made: Value = made.out.parse().unwrap();
    let copy = data.join("backups/today");
    assert_eq!((&made["name"], &made["dir"]), (&"today".into(), &copy.to_str().unwrap().into()));
    assert_eq!(on(&copy, &["verify"]).code, Some(0));
    assert!(on(&copy, &["ls"]).out.starts_with("log\t3\t"), "{}", on(&copy, &["ls"]).out);

    assert_eq!(on(&data, &["backup", "--online", "today"]).code, Some(1), "it is there already");
    assert_eq!(on(&data, &["backup", "--online", "../x"]).code, Some(2));
    let elsewhere = dir.path().join("elsewhere");
    let beside = on(&data, &["backup", elsewhere.to_str().unwrap()]);
    assert_eq!(beside.code, Some(5), "{}", beside.err);
    assert!(beside.err.contains("--online") && !elsewhere.exists(), "{}", beside.err);

    serving.signal(Signal::TERM);
    assert_eq!(serving.ended().0.code(), Some(0));
    let gone = on(&data, &["stat", "--online"]);
    assert_eq!(gone.code, Some(6), "{}", gone.err);
    assert_eq!(on(&dir.path().join("none"), &["stat", "--online"]).code, Some(4));
}

#[test]
fn the_server_is_found_by_its_address_and_a_token() {
    let (dir, serving) = serving(&[("SYNCLINE_AUTH_ADMIN_TOKEN", TOKEN)]);
    let url = format!("http://{}", serving.address());
    let file = dir.path().join("token");
    fs::write(&file, format!("{TOKEN}\n")).unwrap();
    let by_file = ["stat", "--url", &url, "--auth-admin-token-file", file.to_str().unwrap()];
    let ran = run(&by_file, &[]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let ran = run(&["backup", "--url", &url, "far"], &[("SYNCLINE_AUTH_ADMIN_TOKEN", TOKEN)]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(dir.path().join("data/backups/far").is_dir());

    for (variables, arguments, code) in [
        (
            vec![("SYNCLINE_AUTH_ADMIN_TOKEN", "another-token-of-letters")],
            ["stat", "--url", &url],
            6,
        ),
        (vec![], ["stat", "--url", &url], 6),
        (vec![("SYNCLINE_AUTH_ADMIN_TOKEN", TOKEN)], ["stat", "--url", "http://127.0.0.1:1"], 6),
        (vec![("SYNCLINE_AUTH_ADMIN_TOKEN", TOKEN)], ["stat", "--url", "https://x"], 2),
        (vec![("SYNCLINE_AUTH_ADMIN_TOKEN", TOKEN)], ["stat", "--url", "nowhere"], 2),
    ] {
        let ran = run(&arguments, &variables);
        assert_eq!(ran.code, Some(code), "{arguments:?}: {}", ran.err);
        assert!(!ran.err.contains(TOKEN) && !ran.err.contains("another-token"), "{}", ran.err);
    }
}

#[test]
fn no_token_is_logged() {
    let (dir, serving) =
        serving(&[("SYNCLINE_AUTH_ADMIN_TOKEN", TOKEN), ("SYNCLINE_LOG_LEVEL", "trace")]);
    let data = dir.path().join("data");
    let key: Value = fs::read_to_string(data.join("ADMIN")).unwrap().parse().unwrap();
    let url = format!("http://{}", serving.address());
    for token in [TOKEN, "another-token-of-letters"] {
        let _ = run(&["stat", "--url", &url], &[("SYNCLINE_AUTH_ADMIN_TOKEN", token)]);
    }
    assert_eq!(on(&data, &["backup", "--online", "one"]).code, Some(0));
    serving.signal(Signal::TERM);
    let (_, output) = serving.ended();
    assert!(output.contains("made a backup"), "{output}");
    for hidden in [TOKEN, "another-token-of-letters", key["token"].as_str().unwrap()] {
        assert!(!output.contains(hidden), "{hidden} in\n{output}");
    }
}

#[test]
fn damage_fails_a_backup_with_its_own_code_and_leaves_its_name_free() {
    let (dir, _serving) = serving(&[]);
    let data = dir.path().join("data");
    let file = data.join("0000000000000001.seg");
    let segment = fs::File::options().read(true).write(true).open(file).unwrap();
    let mut bytes = [0; 4096];
    segment.read_exact_at(&mut bytes, 0).unwrap();
    let at = bytes.windows(8).position(|bytes| bytes == b"a change").unwrap();
    segment.write_all_at(b"A", at as u64).unwrap();
    for _ in 0..2 {
        let ran = on(&data, &["backup", "--online", "today"]);
        assert_eq!(ran.code, Some(3), "{}", ran.err);
    }
    segment.write_all_at(b"a", at as u64).unwrap();
    let ran = on(&data, &["backup", "--online", "today"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
}
