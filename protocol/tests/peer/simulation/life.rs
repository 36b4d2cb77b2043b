//! What happens in one world: which bad luck it has, and turn by turn what is done.
//! Knows chance; what is right is for the verdict.

use serde_json::json;
use syncline_protocol::dialects::peer::{
    id::PeerId,
    kind::RoomKind,
    participant::{Edit, HostPin, Settings, WriteError},
};

use super::{
    deeds::{edit, may_govern},
    kind::{Kind, SLOW_MS},
    seat::Plan,
    world::{Network, World},
};

pub(super) const ROOM: &str = "data-room";
pub(super) const GROUP: &str = "group";
pub(super) const TABLES: [&str; 2] = ["tasks", "notes"];

/// A world in the course of its bad luck.
pub(super) struct Life {
    pub(super) world: World,
    pub(super) kind: Kind,
    /// Seats that were put out.
    pub(super) removed: Vec<usize>,
    /// People so far.
    pub(super) people: usize,
    /// Seats in the lobby that wait to be let in, with their codes.
    pub(super) lobbies: Vec<(usize, String)>,
    /// Seats that were let in by a code.
    pub(super) let_in: Vec<usize>,
    pub(super) written: u64,
}

impl Life {
    /// A room with its host, who has made all others members.
    pub(super) fn new(seed: u64, kind: Kind) -> Self {
        let mut life = Self {
            world: World::new(seed),
            kind,
            removed: Vec::new(),
            people: 0,
            lobbies: Vec::new(),
            let_in: Vec::new(),
            written: 0,
        };
        life.join();
        life.world.run(1000);
        let edits = vec![
            edit(
                "group_settings",
                "main",
                Some(json!({"name": GROUP, "ownerId": "user:0"}).to_string()),
            ),
            edit(
                "roles",
                "admins",
                Some(json!({"name": "admin", "position": 1, "permissions": 1}).to_string()),
            ),
            edit(
                "roles",
                "members",
                Some(json!({"name": "member", "position": 0, "permissions": 0}).to_string()),
            ),
        ];
        assert!(life.host_writes(edits) && life.admit(0), "nothing goes wrong yet");
        for _ in 1..life.kind.seats {
            life.join();
        }
        // Without trouble at first, so that all have been let in.
        assert!(
            life.world.run_until(60_000, super::verdict::is_equal),
            "a calm room comes together"
        );
        if life.kind.invites > 0 {
            // Two of those who may let others in are hosts of the lobby.
            for person in [0, 3] {
                life.sit(person, GROUP, RoomKind::Invite, None);
            }
        }
        life.world.network = life.kind.network;
        life.world.sudden_cuts = life.kind.sudden_cuts;
        life
    }

    fn join(&mut self) {
        let person = self.people;
        self.people += 1;
        let host = (person > 0).then(|| HostPin { peer: name(0), keys: None });
        if person == 0 || self.admit(person) {
            self.sit(person, ROOM, RoomKind::Data, host);
        }
    }

    /// Somebody comes into a room.
    pub(super) fn sit(
        &mut self,
        person: usize,
        room: &str,
        kind: RoomKind,
        host: Option<HostPin>,
    ) -> usize {
        let mut settings = Settings::default();
        settings.tables = TABLES.map(str::to_owned).to_vec();
        if self.kind.is_small {
            settings.limits.frame_bytes_max = 4 << 10;
            (settings.limits.stream_bytes_max, settings.limits.stream_rows_max) = (8 << 10, 3);
        }
        let is_host = person == 0 && kind == RoomKind::Data;
        let (me, room) = (name(person), room.to_owned());
        let at = self.world.join(Plan { person, me, room, kind, is_host, host, settings });
        let most = 1000 * i64::try_from(self.kind.skew_ms_max).expect("a time");
        let skew = self.world.dice.below(2 * most as u64 + 1);
        self.world.seats[at].skew_micros = i64::try_from(skew).expect("a time") - most;
        at
    }

    /// The host makes somebody a member; every third one may manage the others.
    pub(super) fn admit(&mut self, person: usize) -> bool {
        let role = if may_govern(person) { "admins" } else { "members" };
        let value = json!({"roleIds": [role]}).to_string();
        self.host_writes(vec![edit("members", name(person).as_str(), Some(value))])
    }

    /// The host writes. Whether it is kept: it may be down, or its disk fail.
    fn host_writes(&mut self, edits: Vec<Edit>) -> bool {
        let now = self.world.seats[0].at(self.world.now);
        let Some(host) = &mut self.world.seats[0].participant else { return false };
        match host.write(edits, now) {
            Ok(()) => {}
            Err(WriteError::Store(_)) => {
                self.world.kill(0, false, 1000);
                return false;
            }
            Err(error) => panic!("the owner may: {error}"),
        }
        let deaths = self.world.ledger.seen.deaths;
        self.world.react(0);
        self.world.ledger.seen.deaths == deaths
    }

    pub(super) fn turn(&mut self) {
        let at = self.world.dice.below(self.world.seats.len() as u64) as usize;
        let mut chance = self.world.dice.below(1000);
        let mut is = |chances: u64| {
            let is = chance < chances;
            chance = chance.wrapping_sub(if is { u64::MAX / 2 } else { chances });
            is && chances > 0
        };
        let kind = self.kind.clone();
        if is(kind.cuts) {
            let away = self.world.dice.below(20_000);
            self.world.cut(at, away);
        } else if is(kind.partitions) {
            self.partition();
        } else if is(kind.kills) {
            let (power_cut, away) = (self.world.dice.chance(70), self.world.dice.below(20_000));
            self.world.kill(at, power_cut, away);
        } else if is(kind.failures) {
            let steps = self.world.dice.below(10);
            self.world.seats[at].disk.fail_in(steps);
        } else if is(kind.rotations) {
            self.rotate(at);
        } else if is(kind.losses) {
            self.lose_disk(at);
        } else if is(kind.removals) {
            self.remove(at);
        } else if is(kind.returns) {
            self.take_in_again();
        } else if is(kind.jumps) {
            self.set_clock(at);
        } else if is(kind.joins) && self.people < 12 {
            if self.world.seats[0].participant.is_some() {
                self.world.ledger.seen.joined += 1;
                self.join();
            }
        } else if is(kind.invites) {
            self.invite();
        } else if is(kind.governs) {
            self.govern(at);
        } else if is(kind.server_restarts) {
            self.world.restart_server();
        } else {
            self.write(at);
        }
        let pause = [0, 10, 300, 3000][self.world.dice.below(4) as usize];
        let pause = self.world.dice.below(pause + 1);
        self.world.run(pause);
        self.see_to_lobbies();
    }

    /// The bad luck ends.
    pub(super) fn heal(&mut self) {
        let delay_ms_max = if self.kind.is_slow { SLOW_MS } else { 20 };
        self.world.network = Network { delay_ms_max, ..Network::default() };
        self.world.sudden_cuts = 0;
        self.world.camps.clear();
        for seat in &mut self.world.seats {
            if !seat.is_closed {
                seat.away_until = seat.away_until.min(self.world.now + 1000);
            }
        }
        if !self.kind.heals_in_place {
            self.world.restart_server();
        }
    }
}

fn name(person: usize) -> PeerId {
    PeerId::new(&format!("user:{person}")).expect("a name")
}
