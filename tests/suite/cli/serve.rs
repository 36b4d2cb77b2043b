//! `syncline serve` from its banner to its end.

use std::{
    net::TcpListener,
    process::{Command, Stdio},
};

use rustix::process::Signal;
use serde_json::Value;
use syncline_tests::{
    http::get,
    process::{Serving, command, program},
    relay::{Hello, Peer},
    until,
    ws::Socket,
};
use tempfile::TempDir;

use crate::Ran;

#[test]
fn the_banner_says_where_everything_is_and_how_a_write_is_kept() {
    let dir = TempDir::new().unwrap();
    let serving = Serving::start(dir.path(), &[]);
    let address = serving.address();
    serving.signal(Signal::TERM);
    let (status, output) = serving.ended();
    assert_eq!(status.code(), Some(0), "{output}");
    let data = dir.path().join("data");
    for part in [
        &format!("ws://{address}/sync"),
        &format!("http://{address}/readyz"),
        &format!("http://{address}/metrics"),
        data.to_str().unwrap(),
        "survives power loss",
        &format!("http://{address}/sync/bootstrap"),
        &format!("ws://{address}/v1/sync/NAME"),
        &format!("ws://{address}/v1/maps"),
        &format!("ws://{address}/v1/peer/ROOM"),
    ] {
        assert!(output.contains(part), "{part} is missing in\n{output}");
    }
    assert!(!output.contains('\x1b'), "no colours where there is no terminal");
}

#[test]
fn every_metric_is_explained_to_the_operator() {
    let dir = TempDir::new().unwrap();
    let serving = Serving::start(dir.path(), &[]);
    let mut peer = Peer::json(serving.address(), &Hello::new("me", "k").with_ack());
    peer.submit(b"one");
    peer.message();
    let page = get(serving.address(), "/metrics").text();
    let names: Vec<&str> =
        page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    assert!(names.contains(&"syncline_commits_total"), "{page}");
    let explained = syncline_tests::house::tree::read("docs/operations.md");
    for name in names {
        assert!(explained.contains(name), "docs/operations.md does not explain {name}");
    }
}

#[test]
fn the_demo_is_shown_on_request_and_not_to_strangers() {
    let dir = TempDir::new().unwrap();
    let serving = Serving::start(dir.path(), &[("SYNCLINE_HTTP_DEMO", "true")]);
    let output =
        until("the banner", || Some(serving.output()).filter(|o| o.contains("durability")));
    assert!(output.contains(&format!("http://{}/demo/", serving.address())), "{output}");
    let with = [("SYNCLINE_RELAY_TOKEN", "0123456789abcdef"), ("SYNCLINE_OPLOG_TENANTS", "token")];
    let ran = crate::run(&["serve", "--demo", "--listen", "0.0.0.0:0"], &with);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.err.contains("demo") && ran.err.contains("--insecure-open"), "{}", ran.err);
}

#[test]
fn a_weaker_durability_is_said() {
    let dir = TempDir::new().unwrap();
    let serving = Serving::start(dir.path(), &[("SYNCLINE_STORAGE_DURABILITY", "os")]);
    serving.signal(Signal::INT);
    let (status, output) = serving.ended();
    assert_eq!(status.code(), Some(0), "{output}");
    assert!(output.contains("NOT power loss"), "{output}");
}

#[test]
fn a_port_in_use_is_named_with_a_way_out() {
    let dir = TempDir::new().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut serve = command(&["serve", "--listen", &address]);
    let ran = Ran::of(&serve.current_dir(dir.path()).output().unwrap());
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains(&format!("address already in use: {address}")), "{}", ran.err);
    assert!(ran.err.contains("--listen 127.0.0.1:0"), "{}", ran.err);
}

#[test]
fn logs_are_json_lines_without_token_key_or_payload() {
    let dir = TempDir::new().unwrap();
    let token = "a-token-of-many-letters";
    let serving = Serving::start(
        dir.path(),
        &[("SYNCLINE_RELAY_TOKEN", token), ("SYNCLINE_LOG_LEVEL", "trace")],
    );
    let mut socket = Socket::open(serving.address(), &format!("/sync?token={token}"));
    let hello = r#"{"Hello":{"client_id":"me","discovery_key":"the-key-of-a-document",
        "last_sequence":0,"features":["ack"]}}"#;
    let submit =
        r#"{"SubmitChange":{"discovery_key":"the-key-of-a-document","payload":[115,51,99]}}"#;
    assert!(socket.send_text(hello) && socket.send_text(submit));
    let accepted = socket.frame();
    assert!(accepted.payload.starts_with(b"{\"ChangeAccepted\""), "{accepted:?}");
    serving.signal(Signal::TERM);
    let (_, output) = serving.ended();
    for hidden in [token, "the-key-of-a-document", "115,51,99", "s3c"] {
        assert!(!output.contains(hidden), "{hidden} in\n{output}");
    }
    let lines: Vec<Value> =
        output.lines().filter(|l| l.starts_with('{')).map(|l| l.parse().unwrap()).collect();
    assert!(lines.iter().any(|line| line["message"] == "listening"), "{output}");
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let dir = TempDir::new().unwrap();
    let serving = Serving::start(dir.path(), &[("SYNCLINE_LIMITS_DRAIN_TIMEOUT", "10m")]);
    let hello = Hello::new("me", "k").with_ack();
    let mut sender = Peer::binary(serving.address(), &hello);
    for _ in 0..32 {
        sender.submit(&vec![0; 1 << 20]);
    }
    // It asks for all of it and takes nothing, so that a drain has something to wait for.
    let stuck = Peer::binary(serving.address(), &Hello::new("stuck", "k"));
    while sender.message() != (syncline_tests::relay::Message::Accepted { id: 32, seq: 32 }) {}
    serving.signal(Signal::TERM);
    until("it says that it shuts down", || {
        serving.output().contains("shutting down").then_some(())
    });
    serving.signal(Signal::INT);
    let (status, output) = serving.ended();
    assert_eq!(status.code(), Some(130), "{output}");
    drop(stuck);
}

#[test]
fn what_cannot_be_used_is_named() {
    let dir = TempDir::new().unwrap();
    let ran = crate::run(&["serve", "--listen", "192.0.2.1:0", "--insecure-open"], &[]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("192.0.2.1:0") && ran.err.contains("no address"), "{}", ran.err);
    let file = dir.path().join("file");
    std::fs::write(&file, "no directory").unwrap();
    let file = file.to_str().unwrap();
    let ran = crate::run(&["serve", "--listen", "127.0.0.1:0", "--data-dir", file], &[]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains(file), "{}", ran.err);
}

#[test]
fn a_locked_directory_is_named_with_its_holder() {
    let dir = TempDir::new().unwrap();
    let serving = Serving::start(dir.path(), &[]);
    let data = dir.path().join("data");
    let data = data.to_str().unwrap();
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--data-dir", data];
    let ran = Ran::of(&command(&arguments).output().unwrap());
    assert_eq!(ran.code, Some(5), "{}", ran.err);
    assert!(ran.err.contains(&serving.pid().to_string()), "{}", ran.err);
}

#[test]
fn a_file_size_limit_is_an_error_and_not_the_end_of_the_process() {
    let dir = TempDir::new().unwrap();
    let serve = "ulimit -f 8; exec \"$0\" serve --listen 127.0.0.1:0";
    let mut shell = Command::new("/bin/sh");
    shell.env_clear().current_dir(dir.path()).args(["-c", serve]).arg(program());
    let ran = Ran::of(&shell.stdin(Stdio::null()).output().unwrap());
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("disk full"), "{}", ran.err);
}
