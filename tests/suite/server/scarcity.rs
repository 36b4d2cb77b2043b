//! When the process may open no more files: it waits without spinning, and goes on when it can.

use std::{fs, thread, time::Duration};

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use syncline_tests::{
    http::{Raw, get},
    process::Serving,
    relay::{Hello, Message, Peer},
    until,
};
use tempfile::TempDir;

#[test]
fn without_descriptors_the_connected_are_served_and_the_rest_wait_their_turn() {
    let dir = TempDir::new().unwrap();
    let serving = Serving::start(dir.path(), &[]);
    let mut writer = Peer::binary(serving.address(), &Hello::new("w", "K").with_ack());
    assert_eq!(writer.message(), Message::CaughtUp(0));
    let pid = Pid::from_raw(i32::try_from(serving.pid()).unwrap());
    let open = fs::read_dir(format!("/proc/{}/fd", serving.pid())).unwrap().count() as u64;
    let maximum = getrlimit(Resource::Nofile).maximum;
    prlimit(pid, Resource::Nofile, Rlimit { current: Some(open + 8), maximum }).unwrap();

    let crowd: Vec<Raw> = (0..64).map(|_| Raw::connect(serving.address())).collect();
    let before = cpu_ticks(serving.pid());
    thread::sleep(Duration::from_secs(1));
    // A hundred ticks are a second of one core.
    let spent = cpu_ticks(serving.pid()) - before;
    assert!(spent < 50, "it spins: {spent} ticks of work while there was nothing to do");
    writer.submit(b"still served");
    assert_eq!(writer.message(), Message::Accepted { id: 1, seq: 1 });

    drop(crowd);
    until("connections are taken again", || {
        (get(serving.address(), "/livez").status == 200).then_some(())
    });
}

/// The processor time a process has used, in ticks of the kernel.
fn cpu_ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("a Linux system");
    let fields: Vec<&str> =
        stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    fields[11..13].iter().map(|ticks| ticks.parse::<u64>().expect("a number")).sum()
}
