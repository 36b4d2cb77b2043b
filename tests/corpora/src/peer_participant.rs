//! A participant among strangers and a member that lies: whatever comes, it goes on, within its bounds, and
//! no row of a guarded table comes from who may not write it.

use std::time::Duration;

use bytes::Bytes;
use syncline_protocol::dialects::peer::{
    id::{PeerId, RequestId},
    keys::RoomKeys,
    kind::RoomKind,
    now::Now,
    packet::{Kind, Packet},
    participant::{Edit, Opening, Output, Participant, Settings, Welcome},
    seal::pairwise_key,
    store::MemoryStore,
};

use crate::input::Input;

const ROOM: &str = "room-1";
/// The microseconds of 2026.
const WALL: i64 = 1_780_000_000_000_000;

struct World {
    alice: Participant<MemoryStore>,
    bob: RoomKeys,
    now: Now,
    dice: u64,
}

pub(crate) fn run(data: &[u8]) {
    let mut input = Input(data);
    let mut world = World::new();
    let before = guarded(&world.alice);
    while !input.is_empty() {
        world.step(&mut input);
    }
    assert_eq!(guarded(&world.alice), before);
}

/// What only the owner may write.
fn guarded(alice: &Participant<MemoryStore>) -> Vec<Vec<(String, String)>> {
    let rows = |table: &&str| alice.rows(table).expect("plain memory");
    ["group_settings", "roles", "members", "logical_groups"].iter().map(rows).collect()
}

fn seeded(seed: u8) -> impl FnMut(&mut [u8]) + Send {
    let mut state = u64::from(seed) + 1;
    move |out: &mut [u8]| {
        for byte in out {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            *byte = (state >> 33) as u8;
        }
    }
}

fn name(text: &str) -> PeerId {
    PeerId::new(text).expect("a name")
}

impl World {
    fn new() -> Self {
        let now = Now { elapsed: Duration::from_secs(1), wall_micros: WALL };
        let mut settings = Settings::default();
        settings.tables = vec!["tasks".into()];
        let opening = Opening {
            room: ROOM.into(),
            kind: RoomKind::Data,
            me: name("alice"),
            settings,
            store: MemoryStore::default(),
            random: Box::new(seeded(1)),
            is_host: true,
            expected_host: None,
        };
        let mut alice = Participant::open(opening, now).expect("an empty store");
        let edit = |table: &str, id: &str, value: &str| Edit {
            table: table.into(),
            id: id.into(),
            value: Some(value.into()),
        };
        let rows = vec![
            edit("group_settings", "group", r#"{"name":"g","ownerId":"alice","invites":[]}"#),
            edit("roles", "member", r#"{"name":"member","position":0,"permissions":0}"#),
            edit("members", "bob", r#"{"roleIds":["member"]}"#),
        ];
        alice.write(rows, now).expect("the founder writes");
        alice.connected(Welcome { participants: Vec::new(), ..Welcome::default() }, now);
        alice.joined(name("bob"), now);
        let bob = RoomKeys::generate(&mut seeded(2));
        let mut world = Self { alice, bob, now, dice: 0 };
        let announced = Packet::announcement(&world.bob.public(), world.request(), name("bob"));
        world.receive(announced);
        world
    }

    fn request(&mut self) -> RequestId {
        self.dice += 1;
        RequestId::new(&format!("request-{}", self.dice)).expect("a short name")
    }

    /// Signs a packet as bob, who is known, and hands it over.
    fn receive(&mut self, mut packet: Packet) {
        packet.physical_time = self.now.wall_ms();
        packet.sign(ROOM, &self.bob);
        self.alice.received(packet.encode(), self.now);
        self.settle();
    }

    fn settle(&mut self) {
        let outputs = self.alice.outputs().expect("plain memory");
        for output in outputs {
            if let Output::Send(frame) = output {
                let sent = Packet::decode(frame).expect("a packet");
                assert_eq!(sent.sender, name("alice"));
                assert!(sent.is_signed_by(ROOM, &self.alice.keys().sign));
            }
        }
    }

    fn step(&mut self, input: &mut Input<'_>) {
        match input.byte() % 4 {
            0 => {
                let count = input.below(1024);
                let frame = Bytes::copy_from_slice(input.bytes(count));
                self.alice.received(frame, self.now);
                self.settle();
            }
            1 | 2 => self.lie(input),
            _ => {
                self.now.elapsed += Duration::from_millis(input.number(2));
                self.now.wall_micros += 1000 * input.number(2) as i64;
                self.alice.due(self.now);
                self.settle();
            }
        }
    }

    /// A packet of bob: any type, any payload, sealed or not.
    fn lie(&mut self, input: &mut Input<'_>) {
        const KINDS: [Kind; 10] = [
            Kind::SyncReq,
            Kind::SyncClaim,
            Kind::DataChunk,
            Kind::Handshake,
            Kind::ConsistencyCheck,
            Kind::InviteReq,
            Kind::InviteAck,
            Kind::InviteNack,
            Kind::UnicastReq,
            Kind::UnicastAck,
        ];
        let kind = KINDS[input.below(KINDS.len())];
        let mut packet = Packet::new(kind, self.request(), name("bob"));
        let flags = input.byte();
        packet.target = (flags & 1 != 0).then(|| name("alice"));
        packet.encrypted = flags & 2 != 0;
        packet.chunk_count = 1 + u32::from(flags >> 6);
        packet.is_last_chunk = flags & 4 == 0;
        if flags & 8 != 0 {
            packet.chunk_index = input.number(4) as i32;
            packet.uncompressed_size = input.number(4) as i32;
            packet.key_epoch = input.number(1);
        }
        let count = input.below(2048);
        let payload = input.bytes(count);
        packet.payload = if packet.encrypted {
            let key = pairwise_key(ROOM, &self.bob, &self.alice.keys()).expect("usable keys");
            packet.physical_time = self.now.wall_ms();
            let bound = packet.bound(ROOM);
            key.seal(&mut seeded(flags), &bound, payload).into()
        } else {
            Bytes::copy_from_slice(payload)
        };
        self.receive(packet);
    }
}
