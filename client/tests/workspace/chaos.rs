//! Any run of bad luck: what was set is at the server or lost against something newer, and every
//! client shows what the server has. The luck cuts connections, delays and repeats what is on the
//! way, turns clocks, crashes the server, and kills devices with the power of their disks.

use proptest::prelude::*;
use syncline_engine::{Store, storage::sim::SimDisk};

use super::*;

const DEVICES: usize = 3;

#[derive(Clone, Debug)]
enum Luck {
    Set(usize, u8),
    /// Somebody without a client of ours, whose clock may be anywhere.
    Stranger(u8, i64),
    Cut(usize, bool),
    Refuse(usize, bool),
    Delay(usize, u64),
    Turns(u64),
    Clock(usize, i64),
    CrashServer,
    /// After so many more steps of the disk, if they come before the next piece of luck.
    Kill(usize, Option<u64>, u64),
    Wait(u64),
}

fn luck() -> impl Strategy<Value = Luck> {
    let device = 0..DEVICES;
    prop_oneof![
        12 => (device.clone(), 0..4_u8).prop_map(|(at, key)| Luck::Set(at, key)),
        1 => (0..4_u8, prop_oneof![0..3_000_000_i64, Just(1 << 50)])
            .prop_map(|(key, stamp)| Luck::Stranger(key, stamp)),
        3 => (device.clone(), any::<bool>()).prop_map(|(at, late)| Luck::Cut(at, late)),
        1 => (device.clone(), any::<bool>()).prop_map(|(at, on)| Luck::Refuse(at, on)),
        3 => (device.clone(), 0..400_u64).prop_map(|(at, ms)| Luck::Delay(at, ms)),
        1 => (0..300_u64).prop_map(Luck::Turns),
        2 => (device.clone(), 0..2_000_000_i64).prop_map(|(at, micros)| Luck::Clock(at, micros)),
        1 => Just(Luck::CrashServer),
        2 => (device, prop::option::of(0..6_u64), any::<u64>())
            .prop_map(|(at, steps, seed)| Luck::Kill(at, steps, seed)),
        8 => (0..700_u64).prop_map(Luck::Wait),
    ]
}

/// A value that `set` has taken.
#[derive(Clone, Debug)]
struct Taken {
    key: String,
    stamp: i64,
}

struct Device {
    disk: SimDisk,
    _store: Store,
    client: Client,
    link: Link,
    hands: Hands,
    taken: Vec<Taken>,
    sets: usize,
}

impl Device {
    fn start(server: &FakeServer) -> Self {
        Self::start_on(server, SimDisk::new(7), Hands::at(1_000_000))
    }

    fn start_on(server: &FakeServer, disk: SimDisk, hands: Hands) -> Self {
        let (store, state) = store::open(&disk);
        let mut settings = settings();
        settings.clock = hands.clock();
        let (client, link) = start_with(server, settings, state);
        Self { disk, _store: store, client, link, hands, taken: Vec::new(), sets: 0 }
    }

    async fn set(&mut self, at: usize, key: u8) {
        self.sets += 1;
        let (key, value) = (format!("key {key}"), format!("{at}: {}", self.sets));
        match self.client.set(&key, &value).await {
            Ok(stamp) => {
                if let Some(last) = self.taken.iter().rfind(|taken| taken.key == key) {
                    assert!(last.stamp < stamp, "of one key, stamps ascend over all runs");
                }
                self.taken.push(Taken { key, stamp });
            }
            Err(error) => assert!(self.disk.is_stopped(), "{error}"),
        }
    }

    /// The process ends at once; with a power cut when there is a seed for what that leaves.
    fn kill(&mut self, server: &FakeServer, seed: u64) {
        self.link.refuse(Some(ConnectionError::TimedOut));
        self.link.cut();
        let disk = if seed.is_multiple_of(2) {
            self.disk.after_kill()
        } else {
            self.disk.after_power_cut(seed)
        };
        let next = Self::start_on(server, disk, self.hands.clone());
        let former = std::mem::replace(self, next);
        self.taken = former.taken;
        self.sets = former.sets;
    }
}

async fn run(lucks: Vec<Luck>, echo: bool) {
    let server = FakeServer::default();
    server.echo(echo);
    let mut devices: Vec<_> = (0..DEVICES).map(|_| Device::start(&server)).collect();
    for luck in lucks {
        match luck {
            Luck::Set(at, key) => devices[at].set(at, key).await,
            Luck::Stranger(key, stamp) => server.set(&format!("key {key}"), "\"stranger\"", stamp),
            Luck::Cut(at, late) => {
                devices[at].link.arrive_late(late);
                devices[at].link.cut();
            }
            Luck::Refuse(at, on) => {
                devices[at].link.refuse(on.then_some(ConnectionError::TimedOut));
            }
            Luck::Delay(at, ms) => devices[at].link.take(Duration::from_millis(ms)),
            Luck::Turns(ms) => server.turns_take(Duration::from_millis(ms)),
            Luck::Clock(at, micros) => devices[at].hands.set(micros),
            Luck::CrashServer => server.crash(),
            Luck::Kill(at, steps, seed) => {
                if let Some(steps) = steps {
                    devices[at].disk.stop_after(steps);
                    devices[at].set(at, 0).await;
                    devices[at].set(at, 1).await;
                }
                devices[at].kill(&server, seed);
            }
            Luck::Wait(ms) => tokio::time::sleep(Duration::from_millis(ms)).await,
        }
    }
    end_well(&server, &devices).await;
}

/// Everything works again; then everything must have come out right.
async fn end_well(server: &FakeServer, devices: &[Device]) {
    for device in devices {
        device.link.refuse(None);
        device.link.take(Duration::ZERO);
    }
    for device in devices {
        let saved = device.client.saved();
        tokio::time::timeout(Duration::from_secs(600), saved).await.expect("it ends").unwrap();
    }
    tokio::time::sleep(Duration::from_secs(100)).await;
    let (entries, shown) = (server.entries(), server.values());
    for device in devices {
        assert_eq!(values(&device.client), shown);
        assert_eq!(device.client.status().borrow().pending, 0);
        for Taken { key, stamp } in &device.taken {
            assert!(entries[key].1 >= *stamp, "{key} was lost: {stamp}, {:?}", entries[key]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn nothing_is_lost_and_all_end_equal(
        lucks in prop::collection::vec(luck(), 0..80),
        echo in any::<bool>(),
    ) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build().unwrap();
        runtime.block_on(run(lucks, echo));
    }
}
