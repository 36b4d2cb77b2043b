//! What a load balancer, an orchestrator and a metrics collector ask.

use syncline_tests::{
    http::{Answer, Raw, get},
    relay::{Hello, Peer},
    server::TestServer,
};

#[test]
fn a_ready_server_says_so_on_every_probe() {
    let server = TestServer::start(|_| ());
    for path in ["/livez", "/readyz", "/healthz", "/readyz?verbose", "/livez?verbose=1"] {
        let answer = get(server.address(), path);
        assert_eq!(answer.status, 200, "{path}");
        assert!(!answer.body.is_empty(), "{path} says something");
    }
}

#[test]
fn the_health_of_a_ready_server_is_json_with_the_time() {
    let server = TestServer::start(|_| ());
    let answer = get(server.address(), "/healthz");
    assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"));
    let health: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
    assert_eq!(health["status"], "ok");
    let time = health["time"].as_str().expect("a time");
    let digits = time.split(['-', 'T', ':', '.', 'Z']).next().expect("a year");
    assert!(digits.len() == 4 && time.ends_with('Z') && time.contains('T'), "RFC 3339: {time}");
    // With details it is a text, as that of the other probes.
    assert!(get(server.address(), "/healthz?verbose").text().contains("[+] store ok"));
}

#[test]
fn a_probe_may_be_a_head_request() {
    let server = TestServer::start(|_| ());
    let mut raw = Raw::connect(server.address());
    raw.send(b"HEAD /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    while raw.fill(std::time::Instant::now() + syncline_tests::PATIENCE)
        == syncline_tests::http::Wait::Bytes
    {}
    let text = String::from_utf8_lossy(raw.buffered()).into_owned();
    assert!(text.starts_with("HTTP/1.1 200 "), "{text}");
    assert!(text.ends_with("\r\n\r\n"), "a HEAD has no body: {text}");
}

#[test]
fn metrics_are_prometheus_text_that_counts() {
    let server = TestServer::start(|_| ());
    let mut peer = Peer::json(server.address(), &Hello::new("a", "K").with_ack());
    for _ in 0..3 {
        peer.submit(b"x");
        peer.message();
    }
    let answer = get(server.address(), "/metrics");
    assert_eq!(answer.status, 200);
    let kind = answer.header("content-type").expect("a type");
    assert!(kind.starts_with("text/plain"), "{kind}");
    let names = sample_names(&answer);
    assert!(names.len() > 3, "{}", answer.text());
    for name in names {
        assert!(name.starts_with("syncline_"), "{name}: our metrics carry our name");
    }
    assert_eq!(answer.text().matches("# TYPE").count(), answer.text().matches("# HELP").count());
}

/// The names of the samples of a Prometheus text.
fn sample_names(answer: &Answer) -> Vec<String> {
    let text = answer.text();
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    lines.map(|line| line.split([' ', '{']).next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn an_unknown_path_is_404_with_a_problem_body() {
    let server = TestServer::start(|_| ());
    let answer = get(server.address(), "/nowhere");
    assert_eq!(answer.status, 404);
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    let problem: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
    assert_eq!(problem["status"], 404);
    assert!(problem["code"].is_string() && problem["request_id"].is_string(), "{problem}");
}

#[test]
fn a_probe_takes_no_post() {
    let server = TestServer::start(|_| ());
    let mut raw = Raw::connect(server.address());
    raw.send(b"POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
    let answer = raw.answer().expect("an answer");
    assert_eq!(answer.status, 405);
    assert!(answer.header("allow").is_some_and(|allow| allow.contains("GET")));
}

#[test]
fn a_connection_serves_one_request_after_another() {
    let server = TestServer::start(|_| ());
    let mut raw = Raw::connect(server.address());
    for path in ["/livez", "/nowhere", "/readyz"] {
        raw.send(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes());
        assert_eq!(raw.answer().expect("it stays open").status == 404, path == "/nowhere");
    }
}
