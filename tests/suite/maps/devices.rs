//! The client of this house as users have it, over real sockets, against the whole server.

use std::time::Duration;

use serde_json::{Value, json};
use syncline::{Config, config};
use syncline_client::maps::{Client as Device, ErrorCode, Event, Map, Rejected, Settings, Watch};
use syncline_engine::storage::sim::SimDisk;
use syncline_protocol::dialects::maps::proto::{
    OperationMessage, envelope::Payload, sync_request::Type,
};
use syncline_tests::{
    PATIENCE,
    maps::{Client, claims, everything, proxy::Proxy, pull, put, remove},
    server::TestServer,
    until,
    workspace::{SECRET, server, token},
};
use tempfile::TempDir;
use tokio::{runtime::Runtime, task::spawn_blocking};

use crate::at;

/// Runs a test, and drops what blocks outside.
fn run(test: impl Future<Output = ()>) {
    let runtime: Runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(test);
}

/// Does what blocks while the device goes on.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    spawn_blocking(work).await.unwrap()
}

fn settings() -> Settings {
    let mut settings = Settings::default();
    settings.retry_min = Duration::from_millis(5);
    settings.retry_max = Duration::from_millis(50);
    settings
}

/// A device of ann behind a stretch of network, with one map open.
fn device(dir: &TempDir, proxy: &Proxy, perms: &Value) -> Device {
    let pass = token(&claims("ann", perms));
    Device::open(dir.path().join("device"), &proxy.url(), pass, settings()).unwrap()
}

async fn in_time<T>(what: &str, wait: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("waited too long: {what}"))
}

/// Waits until a key has this value on a device.
async fn shows(map: &Map, key: &str, value: Option<&str>) {
    in_time(key, async {
        while map.get(key).unwrap().as_deref() != value.map(str::as_bytes) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// The next write that the server refused.
async fn rejected(watch: &mut Watch) -> Rejected {
    loop {
        match watch.next().await {
            Some(Event::Rejected(rejected)) => return rejected,
            Some(_) => {}
            None => panic!("the client has ended"),
        }
    }
}

/// The operations of each write that was sent.
fn pushes(proxy: &Proxy) -> Vec<Vec<OperationMessage>> {
    let writes = proxy.sent().into_iter().filter_map(|message| match message.payload? {
        Payload::Op(op) => Some(vec![op]),
        Payload::SyncReq(r) if r.r#type == Type::Push as i32 => Some(r.ops),
        _ => None,
    });
    writes.collect()
}

#[test]
fn check_34_writes_gather_and_a_lone_one_goes_at_once() {
    run(async {
        let server = server(|_| ());
        let (dir, proxy) = (TempDir::new().unwrap(), Proxy::start(None));
        let ann = device(&dir, &proxy, &everything());
        let map = ann.map("m").await.unwrap();
        for n in 0..500 {
            map.put(&n.to_string(), "first").unwrap();
        }
        map.put("7", "second").unwrap().durable().await.unwrap();
        proxy.lead_to(Some(server.address()));
        in_time("saved", ann.saved()).await.unwrap();
        let sent = pushes(&proxy);
        assert_eq!(sent.iter().map(Vec::len).collect::<Vec<_>>(), [500], "one push, a key once");
        assert_eq!(sent[0].iter().find(|op| op.key == "7").unwrap().value, "second");
        in_time("synced", ann.synced()).await.unwrap();
        map.put("lone", "v").unwrap();
        in_time("saved", ann.saved()).await.unwrap();
        assert_eq!(pushes(&proxy)[1].len(), 1);
        ann.shutdown().await.unwrap();
        blocking(|| drop(server)).await;
    });
}

#[test]
fn check_13_a_device_sends_again_what_was_applied_and_not_acknowledged() {
    run(async {
        let server = server(|_| ());
        let (dir, proxy) = (TempDir::new().unwrap(), Proxy::start(Some(server.address())));
        // Every Ack is lost, and then the connection.
        proxy.lose(|message| matches!(message.payload, Some(Payload::Ack(_))));
        let ann = device(&dir, &proxy, &everything());
        let map = ann.map("m").await.unwrap();
        let stamp = map.put("k", "v").unwrap().timestamp().to_owned();
        let mut bob = Client::join(&server, "bob");
        let mut bob = blocking(move || {
            until("it is applied", || (bob.sync(pull("m", b"")).count == 1).then_some(()));
            bob
        })
        .await;
        assert_eq!(ann.status().borrow().pending(), 1, "it does not know");
        proxy.lose(|_| false);
        proxy.lead_to(Some(server.address()));
        in_time("saved", ann.saved()).await.unwrap();
        in_time("synced", ann.synced()).await.unwrap();
        let sent = pushes(&proxy);
        assert!(sent.iter().flatten().all(|op| op.timestamp == stamp), "the same operation");
        let told = blocking(move || bob.sync(pull("m", b""))).await;
        assert_eq!((told.ops.len(), told.ops[0].timestamp.as_str()), (1, &*stamp));
        ann.shutdown().await.unwrap();
        blocking(|| drop(server)).await;
    });
}

#[test]
fn check_16_a_device_notices_a_lost_batch_and_pulls() {
    run(async {
        let server = server(|_| ());
        let (dir, proxy) = (TempDir::new().unwrap(), Proxy::start(Some(server.address())));
        let ann = device(&dir, &proxy, &everything());
        let map = ann.map("m").await.unwrap();
        in_time("synced", ann.synced()).await.unwrap();
        let (lost, losing) = std::sync::mpsc::channel();
        proxy.lose(move |message| {
            (matches!(message.payload, Some(Payload::Batch(_))) && lost.send(()).is_ok())
        });
        let mut bob = Client::join(&server, "bob");
        let mut bob = blocking(move || {
            bob.write(put("m", "lost", b"v", &at(0, "bob-node")));
            losing.recv_timeout(PATIENCE).expect("it was lost");
            bob
        })
        .await;
        assert_eq!(map.get("lost").unwrap(), None);
        blocking(move || bob.write(put("m", "next", b"v", &at(1, "bob-node")))).await;
        shows(&map, "next", Some("v")).await;
        shows(&map, "lost", Some("v")).await;
        in_time("synced", ann.synced()).await.unwrap();
        ann.shutdown().await.unwrap();
        blocking(|| drop(server)).await;
    });
}

#[test]
fn check_11_a_device_marks_exactly_what_was_taken_and_puts_back_the_rest() {
    run(async {
        let server = server(|_| ());
        let mut bob = Client::join(&server, "bob");
        let bob = blocking(move || {
            bob.write(put("m", "b", b"theirs", &at(-10, "bob-node")));
            bob
        })
        .await;
        let (dir, proxy) = (TempDir::new().unwrap(), Proxy::start(Some(server.address())));
        let no_removals = json!([{ "map": "m", "ops": ["READ", "PUT"] }]);
        let ann = device(&dir, &proxy, &no_removals);
        let map = ann.map("m").await.unwrap();
        in_time("synced", ann.synced()).await.unwrap();
        proxy.lead_to(None);
        let mut watch = map.watch();
        map.put("a", "v").unwrap();
        map.remove("b").unwrap();
        map.put("c", "v").unwrap().durable().await.unwrap();
        proxy.lead_to(Some(server.address()));
        let rejected = in_time("it is refused", rejected(&mut watch)).await;
        assert_eq!((&*rejected.key, rejected.code), ("b", ErrorCode::PermissionDenied));
        shows(&map, "b", Some("theirs")).await;
        in_time("synced", ann.synced()).await.unwrap();
        assert_eq!(ann.status().borrow().pending(), 0);
        let mut bob = bob;
        let told = blocking(move || bob.sync(pull("m", b""))).await;
        let mut keys: Vec<_> = told.ops.iter().map(|op| (op.key.as_str(), op.r#type)).collect();
        keys.sort_unstable();
        assert_eq!(keys, [("a", 0), ("b", 0), ("c", 0)]);
        ann.shutdown().await.unwrap();
        blocking(|| drop(server)).await;
    });
}

#[test]
fn check_26_27_a_device_that_was_away_too_long_lets_go_of_what_was_removed() {
    run(async {
        let server = server(|c| c.maps.tombstone_retention = Duration::from_millis(300));
        let (dir, proxy) = (TempDir::new().unwrap(), Proxy::start(Some(server.address())));
        let ann = device(&dir, &proxy, &everything());
        let map = ann.map("m").await.unwrap();
        map.put("kept", "v").unwrap();
        map.put("gone", "v").unwrap();
        in_time("synced", ann.synced()).await.unwrap();
        proxy.lead_to(None);
        map.put("stale", "mine").unwrap();
        let mut watch = map.watch();
        let mut bob = Client::join(&server, "bob");
        blocking(move || {
            bob.write(remove("m", "gone", &at(0, "bob-node")));
            until("the removal is forgotten", || {
                (bob.sync(pull("m", b"")).count == 1).then_some(())
            });
        })
        .await;
        map.put("meanwhile", "mine").unwrap().durable().await.unwrap();
        let before = proxy.sent().len();
        proxy.lead_to(Some(server.address()));
        in_time("synced", ann.synced()).await.unwrap();
        assert_eq!(map.get("gone").unwrap(), None, "it does not come back");
        assert_eq!(map.get("kept").unwrap().as_deref(), Some(&b"v"[..]));
        assert_eq!(map.get("meanwhile").unwrap().as_deref(), Some(&b"mine"[..]));
        // What it wrote before that and the server does not have may be of something removed: the
        // application is told, and may write it anew.
        let rejected = in_time("it is refused", rejected(&mut watch)).await;
        assert_eq!((&*rejected.key, rejected.code), ("stale", ErrorCode::BeyondGc));
        assert_eq!(rejected.value.as_deref(), Some(&b"mine"[..]));
        map.put("stale", "mine").unwrap();
        in_time("saved", ann.saved()).await.unwrap();
        assert_eq!(map.get("stale").unwrap().as_deref(), Some(&b"mine"[..]));
        // What waited went first.
        let order: Vec<_> = proxy
            .sent()
            .into_iter()
            .skip(before)
            .filter_map(|m| match m.payload? {
                Payload::Op(_) => Some("push"),
                Payload::SyncReq(r) if r.r#type == Type::Push as i32 => Some("push"),
                Payload::SyncReq(r) if r.r#type == Type::PullSince as i32 => Some("pull"),
                _ => None,
            })
            .collect();
        assert_eq!(order.first(), Some(&"push"), "{order:?}");
        ann.shutdown().await.unwrap();
        blocking(|| drop(server)).await;
    });
}

/// Acknowledges from memory.
fn from_memory(config: &mut Config) {
    config.auth.secret = Some(SECRET.into());
    let ack = config::settings().find(|setting| setting.name == "maps.ack").unwrap();
    ack.set(config, "memory").unwrap();
}

#[test]
fn check_14_what_was_acknowledged_from_memory_is_kept_and_heals_a_power_cut() {
    for seed in 0..3 {
        run(async move {
            let disk = SimDisk::new(seed);
            let server = TestServer::start_on(&disk, from_memory);
            let (dir, proxy) = (TempDir::new().unwrap(), Proxy::start(Some(server.address())));
            let ann = device(&dir, &proxy, &everything());
            let map = ann.map("m").await.unwrap();
            for n in 0..40 {
                map.put(&n.to_string(), format!("value {n}")).unwrap();
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            let image = disk.after_power_cut(seed);
            proxy.lead_to(None);
            blocking(|| drop(server)).await;
            let server = TestServer::start_on(&image, from_memory);
            proxy.lead_to(Some(server.address()));
            in_time("synced", ann.synced()).await.unwrap();
            let mut bob = Client::join(&server, "bob");
            let told = blocking(move || bob.sync(pull("m", b""))).await;
            assert_eq!(told.ops.len(), 40, "seed {seed}");
            ann.shutdown().await.unwrap();
            blocking(|| drop(server)).await;
        });
    }
}

#[test]
fn two_devices_and_a_stranger_end_alike() {
    run(async {
        let server = server(|_| ());
        let dirs = [TempDir::new().unwrap(), TempDir::new().unwrap()];
        let proxies = [0, 1].map(|_| Proxy::start(Some(server.address())));
        let devices = [0, 1].map(|n| device(&dirs[n], &proxies[n], &everything()));
        let mut maps = Vec::new();
        for device in &devices {
            maps.push(device.map("m").await.unwrap());
        }
        for n in 0..30 {
            maps[n % 2].put(&(n % 9).to_string(), format!("{n}")).unwrap();
            if n % 10 == 4 {
                proxies[n / 10 % 2].lead_to(Some(server.address()));
            }
        }
        let ttl = Duration::from_millis(600);
        maps[0].put_with_ttl("short", "v", ttl).unwrap();
        for device in &devices {
            in_time("saved", device.saved()).await.unwrap();
        }
        shows(&maps[1], "short", None).await;
        for device in &devices {
            in_time("synced", device.synced()).await.unwrap();
        }
        for key in 0..9 {
            let [one, two] = [0, 1].map(|n| maps[n].get(&key.to_string()).unwrap());
            assert!(one.is_some() && one == two, "{key}");
        }
        for device in devices {
            device.shutdown().await.unwrap();
        }
        blocking(|| drop(server)).await;
    });
}
