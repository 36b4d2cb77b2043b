//! Peers with stores of their own around one relay in memory, and what tests wait for.

use std::{
    io::ErrorKind,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use syncline_client::peer::{
    AddressError, Ask, ConnectionError, Group, Invite, Line, Network, Peers, Room, Settings,
    Status, Switchboard, Transport, Wire, WireReceiver, WireSender,
};
use syncline_engine::{Options, Store, storage::sim::SimDisk};
use tokio::time::timeout;

/// Long enough for anything that comes at all.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const ROOM: &str = "family-data";
pub(crate) const GROUP: &str = "family";
pub(crate) const MEMBER: &str = r#"{"roleIds":["member"]}"#;

/// A device: its disk outlives what runs on it.
pub(crate) struct Device {
    pub(crate) name: &'static str,
    pub(crate) disk: SimDisk,
    pub(crate) board: Switchboard,
    is_cut_off: Arc<AtomicBool>,
}

impl Device {
    pub(crate) fn new(board: &Switchboard, name: &'static str) -> Self {
        let is_cut_off = Arc::default();
        Self { name, disk: SimDisk::new(1), board: board.clone(), is_cut_off }
    }

    /// The device after a power cut, or whatever else it was.
    pub(crate) fn after(&self, disk: SimDisk) -> Self {
        Self { disk, ..Self::new(&self.board, self.name) }
    }

    pub(crate) fn store(&self) -> Store {
        let mut options = Options::default();
        options.segment_bytes = 256 << 10;
        options.reserve_bytes = 0;
        Store::open_on(Arc::new(self.disk.clone()), options).unwrap()
    }

    pub(crate) fn peers(&self) -> Peers {
        let line = self.board.for_identity(self.name).unwrap();
        let network = Tunnel { line, is_cut_off: self.is_cut_off.clone() };
        Peers::start(network, &self.store(), self.name, settings()).unwrap()
    }

    /// Takes the network away, or gives it back, and waits until the room has noticed.
    pub(crate) async fn offline(&self, is_cut_off: bool, room: &Room) {
        self.is_cut_off.store(is_cut_off, Ordering::Relaxed);
        if is_cut_off {
            self.board.cut(self.name);
        }
        reaches(room, |status| status.is_online() != is_cut_off).await;
    }
}

/// The relay in memory, unless the device is cut off.
#[derive(Clone)]
struct Tunnel<T> {
    line: T,
    is_cut_off: Arc<AtomicBool>,
}

impl Network for Tunnel<Line> {
    type Transport = Tunnel<Wire>;

    fn reach(&self, ask: Ask) -> Result<Tunnel<Wire>, AddressError> {
        Ok(Tunnel { line: self.line.reach(ask)?, is_cut_off: self.is_cut_off.clone() })
    }
}

impl Transport for Tunnel<Wire> {
    type Sender = WireSender;
    type Receiver = WireReceiver;

    async fn connect(
        &self,
        subprotocol: Option<&'static str>,
        message_bytes_max: usize,
    ) -> Result<(WireSender, WireReceiver), ConnectionError> {
        if self.is_cut_off.load(Ordering::Relaxed) {
            return Err(ConnectionError::Io(ErrorKind::NetworkUnreachable));
        }
        self.line.connect(subprotocol, message_bytes_max).await
    }
}

pub(crate) fn settings() -> Settings {
    let mut settings = Settings::default();
    settings.machine.tables = vec!["tasks".into()];
    settings.retry_min = Duration::from_millis(1);
    settings.retry_max = Duration::from_millis(10);
    settings
}

/// The founder's room, with these members beside the founder.
pub(crate) async fn found(peers: &Peers, members: &[&str]) -> Room {
    let room = peers.found(ROOM, "", &Group::named(GROUP)).unwrap();
    for member in members {
        room.put("members", *member, MEMBER).unwrap();
    }
    in_time(room.synced()).await.unwrap();
    room
}

/// Lets somebody in with a new code, and enters the group's room for it.
pub(crate) async fn invited(host: &Room, joiner: &Peers) -> Room {
    invited_with(host, joiner, |_| String::new()).await
}

/// The same, with tokens for rooms of both kinds.
pub(crate) async fn invited_with(
    host: &Room,
    joiner: &Peers,
    token: impl Fn(&str) -> String,
) -> Room {
    let code = host.invite(&Invite::default()).unwrap();
    let invitation = in_time(joiner.redeem(GROUP, token("invite"), &code)).await.unwrap();
    joiner.enter_as_invited(&invitation, token("data")).unwrap()
}

/// Waits until a row has this value.
pub(crate) async fn sees(room: &Room, table: &str, id: &str, value: Option<&str>) {
    let is_there = |room: &Room| room.get(table, id).unwrap().as_deref() == value;
    let seen = room.wait_for(|room| is_there(room).then_some(()));
    if timeout(PATIENCE, seen).await.is_err() {
        let (found, drops) = (room.get(table, id), room.drops());
        let (status, drops) = (room.status().borrow().clone(), drops.each().collect::<Vec<_>>());
        panic!("{:?} sees {found:?} at {table}/{id}: {status:?}, {drops:?}", room.me());
    }
}

/// Waits until the room stands so.
pub(crate) async fn reaches(room: &Room, is_so: impl Fn(&Status) -> bool) -> Status {
    let mut status = room.status();
    let reached = timeout(PATIENCE, status.wait_for(|status| is_so(status))).await;
    match reached {
        Ok(reached) => reached.unwrap().clone(),
        Err(_) => panic!("{:?}: {:?}", room.me(), room.status().borrow()),
    }
}

/// Waits until two rooms have the same rows.
pub(crate) async fn same(one: &Room, other: &Room) {
    let same = async {
        while one.digest() != other.digest() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    if timeout(PATIENCE, same).await.is_err() {
        let of = |room: &Room| {
            let (status, drops) = (room.status().borrow().clone(), room.drops());
            (room.digest(), status, drops.each().collect::<Vec<_>>())
        };
        panic!("{:?} has {:?}, {:?} has {:?}", one.me(), of(one), other.me(), of(other));
    }
}

/// What must come in time.
pub(crate) async fn in_time<T>(wanted: impl Future<Output = T>) -> T {
    timeout(PATIENCE, wanted).await.expect("it comes in time")
}
