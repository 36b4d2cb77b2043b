//! `syncline config`, and what `serve` says to a configuration it does not take.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use crate::run;

#[test]
fn the_default_file_checks_and_changes_nothing() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("syncline.toml");
    let default = run(&["config", "default"], &[]);
    assert_eq!(default.code, Some(0));
    fs::write(&file, &default.out).unwrap();
    let file = file.to_str().unwrap();
    let check = run(&["config", "check", "--config", file], &[]);
    assert_eq!((check.code, check.out.as_str()), (Some(0), "configuration ok\n"), "{}", check.err);
    let with = run(&["config", "show"], &[("SYNCLINE_CONFIG", file)]);
    let without = run(&["config", "show"], &[]);
    assert_eq!(with.out, without.out);
}

#[test]
fn flags_are_over_the_environment_over_the_file_over_the_default() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("syncline.toml");
    fs::write(&file, "[http]\nlisten = \"127.0.0.1:1\"\n[storage]\ndir = \"by-file\"\n").unwrap();
    let file = file.to_str().unwrap();
    let shown = run(
        &["config", "show", "--json", "--config", file, "--durability", "os"],
        &[("SYNCLINE_HTTP_LISTEN", "127.0.0.1:2"), ("SYNCLINE_STORAGE_DURABILITY", "device")],
    );
    let shown: Value = serde_json::from_str(&shown.out).unwrap();
    let setting = |name: &str| (shown[name]["value"].clone(), shown[name]["origin"].clone());
    assert_eq!(setting("storage.durability"), ("os".into(), "--durability".into()));
    assert_eq!(setting("http.listen"), ("127.0.0.1:2".into(), "SYNCLINE_HTTP_LISTEN".into()));
    assert_eq!(setting("storage.dir"), ("by-file".into(), format!("{file}:4").into()));
    assert_eq!(setting("log.level"), ("info".into(), "default".into()));
}

#[test]
fn origins_are_shown_beside_the_values() {
    let shown = run(&["config", "show", "--origin", "--data-dir", "here"], &[("PORT", "81")]);
    let line = |part: &str| shown.out.lines().find(|line| line.starts_with(part)).unwrap();
    assert!(line("dir = \"here\"").ends_with("# --data-dir"));
    assert!(line("listen = \"127.0.0.1:81\"").ends_with("# environment PORT"));
}

#[test]
fn unknown_names_are_usage_errors_that_name_the_nearest() {
    let ran = run(&["config", "check"], &[("SYNCLINE_STORAGE_DURABILTY", "os")]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("did you mean SYNCLINE_STORAGE_DURABILITY?"), "{}", ran.err);
    let ran = run(&["serve", "--data-dri", "x"], &[]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("--data-dir"), "{}", ran.err);
}

#[test]
fn an_absent_file_is_not_found() {
    let ran = run(&["serve", "--config", "absent.toml"], &[]);
    assert_eq!(ran.code, Some(4));
    assert!(ran.err.contains("absent.toml"), "{}", ran.err);
}

#[test]
fn a_secret_is_never_shown() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("token");
    let secret = "a-secret-of-many-letters";
    fs::write(&file, format!("{secret}\n")).unwrap();
    let file = file.to_str().unwrap();
    for arguments in [["config", "show"], ["config", "check"]] {
        for variable in [("SYNCLINE_RELAY_TOKEN", secret), ("SYNCLINE_RELAY_TOKEN_FILE", file)] {
            let ran = run(&arguments, &[variable]);
            assert_eq!(ran.code, Some(0), "{}", ran.err);
            assert!(!ran.out.contains(secret) && !ran.err.contains(secret));
        }
    }
    let short = run(&["config", "check"], &[("SYNCLINE_RELAY_TOKEN", "too-short")]);
    assert_eq!(short.code, Some(2));
    assert!(!short.err.contains("too-short"), "{}", short.err);
}

#[test]
fn strangers_are_not_served_by_accident() {
    for command in ["check", "serve"] {
        let arguments = if command == "serve" { vec!["serve"] } else { vec!["config", "check"] };
        let ran = run(&arguments, &[("SYNCLINE_HTTP_LISTEN", "0.0.0.0:0")]);
        assert_eq!(ran.code, Some(2));
        assert!(ran.err.contains("--insecure-open"), "{}", ran.err);
    }
    let open = ["config", "check", "--listen", "0.0.0.0:0", "--insecure-open"];
    assert_eq!(run(&open, &[]).code, Some(0));
}
