//! The generator against a real server in this process: every scenario of the dialects but relay runs, and what is
//! wrong with a server is noticed.

use std::{fs, process::Command};

use serde_json::Value;
use syncline::{Config, Server};
use tempfile::TempDir;

struct Serving {
    server: Server,
    dir: TempDir,
}

fn serve() -> Serving {
    let dir = TempDir::new().unwrap();
    let mut config = Config::default();
    config.http.listen = ([127, 0, 0, 1], 0).into();
    config.http.shards = 1;
    config.storage.dir = dir.path().join("data");
    config.maps.requests_per_second_max = 1_000_000;
    Serving { server: Server::start(config).unwrap(), dir }
}

fn core() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap();
    line.trim().chars().take_while(char::is_ascii_digit).collect()
}

/// Runs one scenario; what it printed, or what it complained of.
fn run(serving: &Serving, dialect: &str, scenario: &[&str]) -> Result<Value, String> {
    let token = serving.server.development_token().unwrap();
    let secret = serving.dir.path().join("data/SECRET");
    let output = Command::new(env!("CARGO_BIN_EXE_syncline-bench"))
        .args([dialect, "--json", "--warmup", "0.05", "--seconds", "0.2"])
        .args(["--client-cpu", &core(), "--token", &token, "--secret-file"])
        .arg(secret)
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
fn pushes_to_maps_are_acknowledged_and_all_there() {
    let serving = serve();
    let push = ["ingest", "--connections", "3", "--ops", "10", "--keys", "40", "--maps", "2"];
    let done = count(run(&serving, "maps", &push));
    assert!(done > 0 && done.is_multiple_of(10), "{done}");
    assert!(count(run(&serving, "maps", &["ingest", "--connections", "2", "--ops", "1"])) > 0);
    let in_memory = ["ingest", "--connections", "1", "--ack", "memory"];
    let complaint = run(&serving, "maps", &in_memory).unwrap_err();
    assert!(complaint.contains("durable: true"), "the server promises more: {complaint}");
}

#[test]
fn followers_of_a_map_are_told_everything() {
    let serving = serve();
    let fanout = ["fanout", "--maps", "2", "--subscribers", "3"];
    for rate in ["0", "600"] {
        assert!(count(run(&serving, "maps", &[&fanout[..], &["--rate", rate]].concat())) > 0);
    }
}

#[test]
fn whoever_was_away_finds_what_changed_in_each_way() {
    let reconcile = ["reconcile", "--keys", "5000", "--differing", "0,7,400", "--times", "2"];
    let told = run(&serve(), "maps", &reconcile).unwrap();
    let rows = told["rows"].as_object().unwrap();
    assert_eq!((rows.len(), told["done"].as_u64()), (9, Some(18)));
    let of = |row: &str, figure: &str| rows[row][figure].as_f64().unwrap();
    assert_eq!(of("cursor, 7 differ", "round_trips"), 1.0);
    assert!(of("range, 7 differ", "bytes_up") < of("range, 400 differ", "bytes_up"));
    assert!(of("buckets, 0 differ", "bytes_down") < 200.0);
}

#[test]
fn newcomers_get_a_map_whole() {
    let snapshot = ["snapshot", "--keys", "2500", "--readers", "2"];
    let told = run(&serve(), "maps", &snapshot).unwrap();
    assert!(told["megabytes_per_second"].as_f64().unwrap() > 0.0);
}

#[test]
fn only_a_server_that_was_started_here_is_restarted() {
    let complaint = run(&serve(), "maps", &["restart", "--keys", "10"]).unwrap_err();
    assert!(complaint.contains("not ours to restart"), "{complaint}");
}

#[test]
fn packets_reach_everybody_else_in_a_room() {
    let serving = serve();
    let fanout = ["fanout", "--rooms", "2", "--subscribers", "3", "--window", "4"];
    assert!(count(run(&serving, "peer", &fanout)) > 0);
    let at_a_rate = ["fanout", "--subscribers", "3", "--rate", "600", "--unstored"];
    assert!(count(run(&serving, "peer", &at_a_rate)) > 0);
}

#[test]
fn packets_go_back_and_forth_between_two() {
    let serving = serve();
    assert!(count(run(&serving, "peer", &["rooms", "--rooms", "4", "--window", "3"])) > 0);
    assert!(count(run(&serving, "peer", &["unicast", "--twos", "4", "--window", "3"])) > 0);
}

#[test]
fn participants_need_a_secret_that_the_server_believes() {
    let serving = serve();
    let complaint = Command::new(env!("CARGO_BIN_EXE_syncline-bench"))
        .args(["peer", "--url", &format!("ws://{}", serving.server.address()), "rooms"])
        .args(["--rooms", "1", "--client-cpu", &core()])
        .output()
        .unwrap();
    assert_eq!(complaint.status.code(), Some(2));
    let complaint = String::from_utf8_lossy(&complaint.stderr);
    assert!(complaint.contains("--secret-file"), "{complaint}");
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
