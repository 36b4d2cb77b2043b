//! Kills and power cuts at every step of the disk: what is found again is what was there after one
//! of the calls, nothing that was durable is gone, and no timestamp is given twice.

use syncline_protocol::dialects::maps::proto::ErrorCode;

use super::*;

type Step = fn(&mut Device, &Hands) -> Result<(), StateError>;

fn write(device: &mut Device, key: &str, write: Write) -> Result<(), StateError> {
    match device.local.write(MAP, key, write, 1000) {
        Ok(_) | Err(NotWritten::Full | NotWritten::Closed) => Ok(()),
        Err(NotWritten::State(error)) => Err(error),
    }
}

fn put_now(device: &mut Device, key: &str, value: &str) -> Result<(), StateError> {
    let value = Bytes::copy_from_slice(value.as_bytes());
    write(device, key, Write::Put { value, ttl_ms: 0 })
}

fn settle(device: &mut Device, how: How) -> Result<(), StateError> {
    let settled = |pending: Pending| Settled { path: pending.path, hlc: pending.hlc, how };
    let all: Vec<_> = device.local.pending(MAP, 0, ALL)?.into_iter().map(settled).collect();
    device.local.settle(MAP, &all)
}

/// What a client goes through, one call in each step.
const STEPS: &[Step] = &[
    |device, _| put_now(device, "a", "1"),
    |device, _| put_now(device, "b", "1"),
    |device, _| write(device, "c", Write::Remove),
    |device, hands| {
        hands.set(1800);
        put_now(device, "a", "2")
    },
    |device, _| settle(device, How::Durable),
    |device, hands| {
        hands.set(2500);
        put_now(device, "b", "2")
    },
    |device, _| {
        let records = vec![put("a", "theirs", "9000:0:laptop"), removal("d", "3:0:laptop")];
        device.local.merge(MAP, records, mark(Some("1"), None))
    },
    |device, _| put_now(device, "a", "3"),
    |device, _| device.local.merge(MAP, vec![], mark(Some("2"), Some("2000:0:~s"))),
    |device, _| settle(device, How::Rejected(ErrorCode::PermissionDenied)),
    |device, _| device.local.revert(MAP, "a", Some(put("a", "theirs", "9000:0:laptop"))),
    |device, _| device.local.begin_replace(MAP),
    |device, _| {
        let records = vec![put("a", "theirs", "9000:0:laptop"), put("e", "1", "1:0:laptop")];
        device.local.merge(MAP, records, Mark::default())
    },
    |device, hands| {
        hands.set(900_000);
        put_now(device, "f", "1")
    },
    |device, _| device.local.end_replace(MAP, mark(Some("3"), None)),
    |device, _| {
        let own = device.local.maps[MAP].oplog.get(Path::of("f")).map(|own| own.stamp);
        let (millis, counter) = own.unwrap();
        let hlc = Hlc { millis, counter, node: device.local.node_id().clone() };
        let refused = [(MAP.into(), Path::of("f"), hlc)];
        device.local.correct_wall(890_000);
        device.local.restamp(&refused, &hlc_of_server(), 65_000, UnixMillis(900_000))
    },
    |device, _| put_now(device, "g", "1"),
];

fn hlc_of_server() -> Hlc {
    hlc("10000:0:~s")
}

/// Everything that must be found again.
fn dump(device: &Device) -> String {
    let map = &device.local.maps[MAP];
    let records = map.records.iter().map(|entry| mapped::decode(entry.unwrap().1).unwrap());
    let records = records.map(|record| (record.key.clone(), record)).collect::<BTreeMap<_, _>>();
    let own = map.oplog.after(0).map(|(path, own)| (own.order, path, own.stamp, own.state));
    format!("{records:?} {:?} {:?}", own.collect::<Vec<_>>(), map.progress)
}

/// How far a run came.
struct Run {
    device: Device,
    /// What was there after each step.
    states: Vec<String>,
    /// The state that is durable for certain.
    durable: usize,
    /// The highest timestamp that may have been sent.
    offered: Option<Hlc>,
}

/// Runs the steps until the disk fails, making every `sync_each`-th durable.
fn run(disk: SimDisk, sync_each: usize) -> Option<Run> {
    let hands = Hands::at(1000);
    let device = Device::try_open(disk, &hands).ok()?;
    let states = vec![dump(&device)];
    let mut run = Run { device, states, durable: 0, offered: None };
    for (at, step) in STEPS.iter().enumerate() {
        if step(&mut run.device, &hands).is_err() {
            // It may be there all the same; then so is what a fault-free run finds.
            break;
        }
        run.states.push(dump(&run.device));
        if (at + 1) % sync_each == 0 {
            let local = &run.device.local;
            match local.unsynced().map_or(Ok(()), |position| local.store.wait(position)) {
                Ok(()) => run.durable = run.states.len() - 1,
                Err(_) => break,
            }
        }
        let pending = run.device.local.pending(MAP, 0, ALL).unwrap_or_default();
        // What lies too far ahead is refused, so that nobody sees it.
        let stamps = pending.into_iter().map(|pending| pending.hlc);
        run.offered = run.offered.max(stamps.filter(|hlc| hlc.millis < 65_000).max());
    }
    Some(run)
}

/// The states of a run without faults, and the one in the midst of the end of a replace.
fn expected(sync_each: usize) -> (Vec<String>, u64) {
    let disk = SimDisk::new(1);
    let run = run(disk.clone(), sync_each).unwrap();
    assert_eq!(run.states.len(), STEPS.len() + 1, "every step works");
    (run.states, disk.steps())
}

fn midst(states: &[String]) -> String {
    let [before, after] = [&states[14], &states[15]];
    let progress = before.rsplit_once(" Progress").unwrap().1;
    format!("{} Progress{progress}", after.rsplit_once(" Progress").unwrap().0)
}

fn cut_at_every_step(sync_each: usize, image: impl Fn(&SimDisk, u64) -> SimDisk) {
    let (states, steps) = expected(sync_each);
    let midst = midst(&states);
    assert!(steps > 8, "{steps}");
    for step in 0..steps {
        let disk = SimDisk::new(step);
        disk.stop_after(step);
        let run = run(disk.clone(), sync_each);
        let (durable, offered) =
            run.as_ref().map_or((0, None), |run| (run.durable, run.offered.clone()));
        let after = image(&disk, step);
        drop(run);
        let hands = Hands::at(0);
        let mut device = Device::open(after, &hands);
        device.check();
        let found = dump(&device);
        let at = states.iter().rposition(|state| *state == found);
        let is_midst = found == midst && durable <= 14;
        assert!(is_midst || at.is_some_and(|at| at >= durable), "step {step}: {found}");
        let next = device.put("next", "1");
        assert!(offered.is_none_or(|offered| next > offered), "step {step}: {next} again");
    }
}

#[test]
fn a_power_cut_at_every_step_leaves_a_whole_state() {
    for sync_each in [1, 2, 5] {
        cut_at_every_step(sync_each, SimDisk::after_power_cut);
    }
}

#[test]
fn a_kill_at_every_step_leaves_a_whole_state() {
    for sync_each in [1, 4] {
        cut_at_every_step(sync_each, |disk, _| disk.after_kill());
    }
}
