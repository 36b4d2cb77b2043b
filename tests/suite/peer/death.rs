//! A disk that is full or fails, a power cut, a kill: relaying does not wait for the disk, and what was
//! stored for certain is there.

use data_encoding::BASE64;
use serde_json::{Value, json};
use syncline_engine::storage::sim::{Call, Charge, Fault, SimDisk};
use syncline_tests::{
    http::get,
    peer::{Client, SECRET, Said, claims, packets, presence, token},
    process::Serving,
    server::TestServer,
    until,
};
use tempfile::TempDir;

fn started(disk: &SimDisk) -> TestServer {
    TestServer::start_on(disk, |config| config.auth.secret = Some(SECRET.into()))
}

/// What is stored for certain, and the number of the last of it.
fn stored(address: std::net::SocketAddr) -> (Vec<Vec<u8>>, u64) {
    let pass = token(claims("reader", "*"), &json!({}));
    let (mut found, mut after) = (Vec::new(), 0);
    loop {
        let page = packets(address, "room", &pass, &format!("&limit=1000&after_seq={after}"));
        if page.status == 429 {
            continue;
        }
        let page: Value = page.text().parse().unwrap();
        for packet in page["packets"].as_array().unwrap_or_else(|| panic!("{page}")) {
            found.push(BASE64.decode(packet["packet"].as_str().unwrap().as_bytes()).unwrap());
        }
        after = page["next_after_seq"].as_u64().unwrap();
        if page["more"] == false {
            return (found, after);
        }
    }
}

fn metric(server: &TestServer, name: &str) -> f64 {
    let text = get(server.address(), "/metrics").text();
    let line = text.lines().find(|line| line.starts_with(name));
    let value = line.and_then(|line| line.rsplit(' ').next());
    value.map_or(0.0, |value| value.parse().unwrap())
}

#[test]
fn on_a_full_disk_packets_pass_and_what_is_not_stored_is_counted() {
    const LOST: &str = r#"syncline_unstored_total{dialect="peer"}"#;
    let disk = SimDisk::new(1);
    let server = started(&disk);
    let mut ann = Client::join(server.address(), "room", "ann");
    let mut bob = Client::join(server.address(), "room", "bob");
    assert_eq!(ann.control(), presence("join", "bob", None));
    let before = ann.share("before", b"x");
    assert_eq!(bob.packet(), before);
    disk.limit_space(Some(0), Charge::Length);
    let payload = vec![7; 60_000];
    let mut sent = 0;
    while metric(&server, LOST) == 0.0 {
        sent += 1;
        let packet = ann.share(&sent.to_string(), &payload);
        assert_eq!(bob.packet(), packet, "it passes whatever becomes of it");
    }
    let lost = ann.share("lost", &payload);
    assert_eq!(bob.packet(), lost);
    assert_eq!(get(server.address(), "/readyz").status, 200, "nothing is broken");
    disk.limit_space(None, Charge::Length);
    let mut tries = 0;
    let kept = until("there is space again", || {
        tries += 1;
        let packet = ann.share(&format!("again {tries}"), b"x");
        assert_eq!(bob.packet(), packet);
        stored(server.address()).0.contains(&packet).then_some(packet)
    });
    let (all, last) = stored(server.address());
    assert!(all[0] == before && all.contains(&kept));
    let cid = Client::join_with(server.address(), "room", "cid", &json!({}), "&since_seq=0");
    assert_eq!(cid.welcome["last_seq"], last);
    let mut cid = cid;
    for packet in all {
        assert_eq!(cid.packet(), packet, "and a replay has the same");
    }
}

#[test]
fn a_sync_that_fails_ends_the_server_as_ever() {
    let disk = SimDisk::new(2);
    let server = started(&disk);
    let mut ann = Client::join(server.address(), "room", "ann");
    disk.fail(Fault { call: Call::Sync, after: 0, times: 1, errno: Fault::EIO });
    ann.share("r1", b"x");
    assert_eq!(ann.closed(), 1011);
    until("the server says that it is not ready", || {
        (get(server.address(), "/readyz").status == 503).then_some(())
    });
}

#[test]
fn a_power_cut_keeps_what_was_stored_for_certain_and_gives_no_number_again() {
    for seed in 0..3 {
        let mut disk = SimDisk::new(seed);
        let mut certain = (Vec::new(), 0);
        let mut sent = Vec::new();
        for life in 0..3 {
            let server = started(&disk);
            let mut ann = Client::join(server.address(), "room", "ann");
            let last = ann.welcome["last_seq"].as_u64().unwrap();
            assert!(last >= certain.1, "{last} after {}", certain.1);
            let found = stored(server.address()).0;
            assert!(found.starts_with(&certain.0), "what was certain is there");
            assert!(found.iter().all(|packet| sent.contains(packet)));
            for n in 0..20 {
                sent.push(ann.share(&format!("{life} {n}"), b"payload"));
            }
            certain = until("some of it is certain", || {
                let now = stored(server.address());
                (now.1 > certain.1).then_some(now)
            });
            for n in 20..40 {
                sent.push(ann.share(&format!("{life} {n}"), b"payload"));
            }
            disk.stop_after(disk.steps());
            drop(ann);
            drop(server);
            disk = disk.after_power_cut(seed * 10 + life);
        }
    }
}

#[test]
fn kill_9_keeps_what_was_stored_for_certain() {
    let dir = TempDir::new().unwrap();
    let more = [("SYNCLINE_AUTH_SECRET", SECRET)];
    let mut certain = Vec::new();
    for life in 0..2 {
        let serving = Serving::start(dir.path(), &more);
        let mut ann = Client::join(serving.address(), "room", "ann");
        let mut bob = Client::join(serving.address(), "room", "bob");
        assert_eq!(ann.control(), presence("join", "bob", None));
        assert!(stored(serving.address()).0.starts_with(&certain));
        for n in 0..50 {
            let packet = ann.share(&format!("{life} {n}"), b"payload");
            assert_eq!(bob.said(), Said::Packet(packet));
        }
        let before = certain.len();
        certain = until("some of it is certain", || {
            Some(stored(serving.address()).0).filter(|now| now.len() > before)
        });
        serving.kill();
    }
}

#[test]
fn an_orderly_end_says_1001_and_keeps_everything_that_was_taken() {
    let server = syncline_tests::peer::server(|_| ());
    let mut ann = Client::join(server.address(), "room", "ann");
    let mut bob = Client::join(server.address(), "room", "bob");
    assert_eq!(ann.control(), presence("join", "bob", None));
    let sent: Vec<Vec<u8>> = (0..50).map(|n| ann.share(&n.to_string(), b"x")).collect();
    for packet in &sent {
        assert_eq!(bob.packet(), *packet);
    }
    let stopping = std::thread::spawn(|| server.stop());
    assert_eq!((ann.closed(), bob.closed()), (1001, 1001));
    let dir = stopping.join().unwrap();
    let again = TestServer::start_in(dir, |config| config.auth.secret = Some(SECRET.into()));
    assert_eq!(stored(again.address()), (sent, 50));
}
