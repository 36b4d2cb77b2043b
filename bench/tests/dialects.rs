//! The generator against a real server in this process: every scenario of workspace and oplog runs, and what is wrong
//! with a server is noticed.

use std::{fs, process::Command};

use serde_json::Value;
use syncline::{Config, Server};
use tempfile::TempDir;

struct Serving {
    server: Server,
    _dir: TempDir,
}

fn serve() -> Serving {
    let dir = TempDir::new().unwrap();
    let mut config = Config::default();
    config.http.listen = ([127, 0, 0, 1], 0).into();
    config.http.shards = 1;
    config.storage.dir = dir.path().join("data");
    Serving { server: Server::start(config).unwrap(), _dir: dir }
}

fn core() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap();
    line.trim().chars().take_while(char::is_ascii_digit).collect()
}

/// Runs one scenario; what it printed, or what it complained of.
fn run(serving: &Serving, dialect: &str, scenario: &[&str]) -> Result<Value, String> {
    let token = serving.server.development_token().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_syncline-bench"))
        .args([dialect, "--json", "--warmup", "0.05", "--seconds", "0.2"])
        .args(["--client-cpu", &core(), "--token", &token])
        .args(["--url", &format!("http://{}", serving.server.address())])
        .args(scenario)
        .output()
        .unwrap();
    if output.status.success() {
        return Ok(serde_json::from_slice(&output.stdout).unwrap());
    }
    Err(String::from_utf8_lossy(&output.stderr).into_owned())
}

fn count(run: Result<Value, String>) -> u64 {
    run.unwrap()["done"].as_u64().unwrap()
}

#[test]
fn workspaces_deliver_what_was_written() {
    let serving = serve();
    let fanout = ["fanout", "--rooms", "2", "--subscribers", "3", "--window", "4"];
    let run = run(&serving, "workspace", &fanout).unwrap();
    assert_eq!(run["unit"], "deliveries");
    assert!(run["done"].as_u64().unwrap() > 0 && run["p99_ms"].as_f64().unwrap() > 0.0);
}

#[test]
fn a_workspace_is_opened_with_every_key() {
    let serving = serve();
    assert_eq!(count(run(&serving, "workspace", &["open", "--keys", "300", "--opens", "4"])), 4);
}

#[test]
fn pushes_are_answered_and_all_stored() {
    let serving = serve();
    let push = ["push", "--clients", "3", "--ops", "10"];
    let done = count(run(&serving, "oplog", &push));
    assert!(done > 0 && done.is_multiple_of(10), "{done}");
    let again = run(&serving, "oplog", &push).unwrap_err();
    assert!(again.contains("operations already"), "a dataset that is not new: {again}");
}

#[test]
fn pulls_bring_what_is_missing() {
    let pull = ["pull", "--clients", "2", "--ops", "1200", "--behind", "7"];
    assert!(count(run(&serve(), "oplog", &pull)) > 0);
}

#[test]
fn a_bootstrap_brings_everything() {
    let bootstrap = ["bootstrap", "--ops", "1200", "--times", "3"];
    assert_eq!(count(run(&serve(), "oplog", &bootstrap)), 3);
}

#[test]
fn a_yardstick_of_another_dialect_is_wrong_usage() {
    let output = Command::new(env!("CARGO_BIN_EXE_syncline-bench"))
        .args(["oplog", "--target", "limit-bcast", "push"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(complaint.contains("speak the relay dialect only"), "{complaint}");
}
