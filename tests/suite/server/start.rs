//! Starting the real program, and everything that can be in its way.

use std::{net::TcpListener, process::Output};

use syncline_tests::process::{Serving, command, to_end};
use tempfile::TempDir;

/// What `syncline serve` ends with when it cannot serve.
fn refused(dir: &TempDir, variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut command = command(&["serve"]);
    command.current_dir(dir.path()).env("SYNCLINE_HTTP_LISTEN", "127.0.0.1:0");
    command.envs(variables.iter().copied());
    let Output { status, stdout, stderr } = to_end(command);
    assert!(stdout.is_empty(), "errors go to standard error: {}", String::from_utf8_lossy(&stdout));
    (status.code(), String::from_utf8(stderr).expect("text"))
}

#[test]
fn a_first_start_needs_nothing_and_says_what_one_must_know() {
    let dir = TempDir::new().unwrap();
    let serving = Serving::start(dir.path(), &[]);
    let relay = format!("ws://{}/sync", serving.address());
    let output = serving.output();
    for said in [relay.as_str(), "data", "power loss"] {
        assert!(output.contains(said), "{said:?} is missing:\n{output}");
    }
}

#[test]
fn a_port_in_use_is_said_with_a_hint() {
    let dir = TempDir::new().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, error) = refused(&dir, &[("SYNCLINE_HTTP_LISTEN", &address)]);
    assert_eq!(code, Some(1));
    assert!(error.contains(&format!("address already in use: {address}")), "{error}");
    assert!(error.contains("hint:"), "{error}");
}

#[test]
fn another_server_has_the_port() {
    let dir = TempDir::new().unwrap();
    let serving = Serving::start(dir.path(), &[]);
    let other = TempDir::new().unwrap();
    let address = serving.address().to_string();
    let (code, error) = refused(&other, &[("SYNCLINE_HTTP_LISTEN", &address)]);
    assert_eq!(code, Some(1), "{error}");
    assert!(error.contains("address already in use"), "{error}");
}

#[test]
fn a_directory_in_use_is_refused_with_5_and_the_holder() {
    let dir = TempDir::new().unwrap();
    let serving = Serving::start(dir.path(), &[]);
    let data = dir.path().join("data").display().to_string();
    let (code, error) = refused(&dir, &[("SYNCLINE_STORAGE_DIR", &data)]);
    assert_eq!(code, Some(5), "{error}");
    assert!(error.contains(&serving.pid().to_string()), "{error}");
    // Death releases it, however sudden.
    serving.kill();
    drop(Serving::start(dir.path(), &[]));
}

#[test]
fn a_mistaken_configuration_is_2_and_names_the_mistake() {
    let dir = TempDir::new().unwrap();
    let cases = [
        ("SYNCLINE_HTTP_LISTN", "x", "SYNCLINE_HTTP_LISTEN"),
        ("SYNCLINE_STORAGE_DURABILITY", "maybe", "device"),
        ("SYNCLINE_LIMITS_JOIN_TIMEOUT", "-1s", "join_timeout"),
        ("SYNCLINE_HTTP_LISTEN", "0.0.0.0:0", "token"),
    ];
    for (variable, value, named) in cases {
        let (code, error) = refused(&dir, &[(variable, value)]);
        assert_eq!(code, Some(2), "{error}");
        assert!(error.contains(named), "{named:?} is missing: {error}");
    }
    assert!(!dir.path().join("syncline-data").exists(), "nothing was made");
}

#[test]
fn a_data_directory_that_cannot_be_is_refused() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "not a directory").unwrap();
    let (code, error) = refused(&dir, &[("SYNCLINE_STORAGE_DIR", &file.display().to_string())]);
    assert_eq!(code, Some(1), "{error}");
    assert!(error.contains("not a directory"), "{error}");
    assert_eq!(std::fs::read(&file).unwrap(), b"not a directory");
}
