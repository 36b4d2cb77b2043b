//! Help, version, completions, and the command that is another program.

use std::{fs, os::unix::fs::symlink, process::Command};

use syncline_tests::process::program;
use tempfile::TempDir;

use crate::{Ran, run};

#[test]
fn help_shows_what_works_and_nothing_else() {
    let help = run(&["--help"], &[]);
    assert_eq!(help.code, Some(0));
    let store = ["ls", "get", "tail", "dump", "stat", "verify", "compact", "salvage"];
    let others = ["serve", "config", "token", "relay", "backup", "restore", "bench", "completions"];
    for command in store.into_iter().chain(others) {
        assert!(help.out.contains(&format!("\n  {command} ")), "{command} in\n{}", help.out);
    }
    for later in ["top", "doctor"] {
        assert!(!help.out.contains(&format!("\n  {later} ")), "{later} in\n{}", help.out);
    }
}

#[test]
fn rare_settings_are_in_the_long_help_only() {
    let short = run(&["serve", "-h"], &[]).out;
    let long = run(&["serve", "--help"], &[]).out;
    for common in ["--listen", "--data-dir", "--durability", "SYNCLINE_HTTP_LISTEN"] {
        assert!(short.contains(common) && long.contains(common), "{common}");
    }
    assert!(long.contains("--limits-ping-interval") && !short.contains("--limits-ping-interval"));
}

#[test]
fn the_version_is_that_of_the_package() {
    let version = run(&["--version"], &[]);
    assert_eq!(version.out, format!("syncline {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn no_command_and_an_unknown_one_are_usage_errors() {
    assert_eq!(run(&[], &[]).code, Some(2));
    assert_eq!(run(&["server"], &[]).code, Some(2));
}

#[test]
fn completions_know_the_settings() {
    for shell in ["bash", "zsh", "fish"] {
        let script = run(&["completions", shell], &[]);
        assert_eq!(script.code, Some(0));
        assert!(script.out.contains("insecure-open"), "{shell}");
    }
}

#[test]
fn bench_becomes_the_program_beside_it_with_all_arguments() {
    // Links, because a program that was just written may still be open for writing elsewhere.
    let dir = TempDir::new_in(program().parent().unwrap()).unwrap();
    let syncline = dir.path().join("syncline");
    fs::hard_link(program(), &syncline).unwrap();
    let bench = || {
        let arguments = ["bench", "-c", "echo \"$@\"; exit 7", "sh", "--help", "-x"];
        let run = Command::new(&syncline).env_clear().args(arguments).output();
        Ran::of(&run.expect("the link starts"))
    };
    let absent = bench();
    assert_eq!(absent.code, Some(4));
    assert!(absent.err.contains("cargo build --release -p syncline-bench"), "{}", absent.err);
    symlink("/bin/sh", dir.path().join("syncline-bench")).unwrap();
    let there = bench();
    assert_eq!((there.code, there.out.as_str()), (Some(7), "--help -x\n"), "{}", there.err);
}
