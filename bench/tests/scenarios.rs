//! The generator against the yardsticks, as processes: every scenario runs, and a server that loses changes is noticed.

use std::{
    fs,
    process::{Command, Output},
};

use serde_json::Value;

/// A core that this machine lets us use; the generator and the yardstick share it here.
fn core() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap();
    line.trim().chars().take_while(char::is_ascii_digit).collect()
}

fn relay(target: &str, scenario: &[&str]) -> Output {
    let core = core();
    Command::new(env!("CARGO_BIN_EXE_syncline-bench"))
        .args(["relay", "--json", "--warmup", "0.05", "--seconds", "0.2"])
        .args(["--server-cpu", &core, "--client-cpu", &core, "--target", target])
        .args(scenario)
        .output()
        .unwrap()
}

fn measured(target: &str, scenario: &[&str]) -> Value {
    let output = relay(target, scenario);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn fan_out_delivers_to_every_subscriber() {
    let run = measured("limit-bcast", &["fanout", "--rooms", "2", "--subscribers", "5"]);
    assert_eq!(run["unit"], "deliveries");
    assert!(run["done"].as_u64().unwrap() > 0);
    assert!(run["p50_ms"].as_f64().unwrap() > 0.0);
    assert!(run["server_cpu_seconds_per_million"].as_f64().unwrap() > 0.0);
}

#[test]
fn fan_out_at_a_rate_keeps_to_it() {
    let run = measured("limit-bcast", &["fanout", "--subscribers", "4", "--rate", "400"]);
    assert!(run["done"].as_u64().unwrap() > 0);
    // Without a rate it is more than a hundred times this, on any machine.
    assert!(run["per_second"].as_f64().unwrap() < 40_000.0);
}

#[test]
fn rooms_of_two_play_back_and_forth() {
    let run = measured("limit-bcast", &["rooms", "--rooms", "8", "--window", "3"]);
    assert!(run["done"].as_u64().unwrap() > 0);
}

#[test]
fn what_peers_are_measured_against_is_driven_in_the_relay_dialect() {
    let run = |scenario: &str| {
        let core = core();
        let output = Command::new(env!("CARGO_BIN_EXE_syncline-bench"))
            .args(["peer", "--json", "--warmup", "0.05", "--seconds", "0.2"])
            .args(["--server-cpu", &core, "--client-cpu", &core, "--target", "limit-bcast"])
            .arg(scenario)
            .output()
            .unwrap();
        output.status.code()
    };
    assert_eq!((run("fanout"), run("rooms"), run("unicast")), (Some(0), Some(0), Some(2)));
}

#[test]
fn ingest_is_acknowledged() {
    let run = measured("limit-ack", &["ingest", "--connections", "3", "--window", "4"]);
    assert_eq!(run["unit"], "acknowledgements");
    assert!(run["done"].as_u64().unwrap() > 0);
}

#[test]
fn idle_connections_are_counted() {
    let run = measured("limit-accept", &["idle", "--connections", "50", "--hold", "0.1"]);
    assert_eq!(run["done"], 50);
    assert!(run["rss_bytes_per_connection"].is_number());
}

#[test]
fn a_server_that_keeps_no_history_fails_the_join() {
    let output = relay("limit-bcast", &["join", "--changes", "100", "--joins", "1"]);
    assert_eq!(output.status.code(), Some(1));
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(complaint.contains("violation: a join with 0 got CaughtUp"), "{complaint}");
}

#[test]
fn the_yardsticks_do_not_speak_json_and_that_is_wrong_usage() {
    let output = relay("limit-bcast", &["--json-framing", "fanout"]);
    assert_eq!(output.status.code(), Some(2));
}
