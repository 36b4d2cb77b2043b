//! A data room with its host, and strangers who show codes in its invite room. Knows no packet.

use std::time::Duration;

use serde_json::{Value, json};
use syncline_protocol::dialects::peer::{
    access::{Standing, Verdict},
    id::{PeerId, RequestId},
    invite::{Asked, Group, Host, Redeem, Shown},
    now::Now,
    rows::Row,
    store::{MemoryStore, Store},
};

use crate::{
    access::world::{World, name, row},
    dice::Dice,
};

/// In this room's time, when a test begins.
pub(crate) const START_MS: i64 = 1_771_815_489_000;

pub(crate) fn at(ms: u64) -> Now {
    let elapsed = Duration::from_millis(ms);
    Now { elapsed, wall_micros: (START_MS + ms as i64) * 1000 }
}

pub(crate) fn peer(name: &str) -> PeerId {
    PeerId::new(name).unwrap()
}

pub(crate) fn request(name: &str) -> RequestId {
    RequestId::new(name).unwrap()
}

/// A stranger with a code.
#[derive(Clone)]
pub(crate) struct Try {
    pub(crate) room: &'static str,
    pub(crate) request: String,
    pub(crate) joiner: String,
    pub(crate) key: u8,
    pub(crate) code: String,
}

/// A request of Stan's in the invite room.
pub(crate) fn shows(request: &str, code: &str) -> Try {
    let (request, code) = (request.to_owned(), code.to_owned());
    Try { room: "ANGLERS", request, joiner: "user:Stan".into(), key: 1, code }
}

/// One host with its replica of the data room.
pub(crate) struct Lobby {
    pub(crate) me: PeerId,
    pub(crate) world: World,
    pub(crate) store: MemoryStore,
    pub(crate) host: Host,
    pub(crate) dice: Dice,
    /// Timestamps of what it writes.
    pub(crate) clock: i64,
}

impl Lobby {
    /// Ada's, in a group with these invites.
    pub(crate) fn new(invites: &Value) -> Self {
        Self::of("user:Ada", invites)
    }

    pub(crate) fn of(me: &str, invites: &Value) -> Self {
        let mut world = World::new();
        world.put(with_invites("group_settings", invites, 20));
        let store = MemoryStore::default();
        let host = Host::open(&store, at(0)).unwrap();
        Self { me: peer(me), world, store, host, dice: Dice::new(7), clock: 100 }
    }

    /// What the host says; nothing is written yet.
    pub(crate) fn asked(&mut self, now: Now, shown: &Try, has_rivals: bool) -> Asked {
        let settings = self.settings();
        let group = Group { me: &self.me, access: &self.world.access, settings: &settings };
        let (request, joiner) = (request(&shown.request), peer(&shown.joiner));
        let (key, code) = ([shown.key; 32], &*shown.code);
        let shown =
            Shown { group: shown.room, request: &request, joiner: &joiner, key: &key, code };
        let asked = self.host.asked(now, &shown, &group, has_rivals, &mut self.dice);
        self.store.apply(self.host.take_changes()).unwrap();
        self.store.sync().unwrap();
        asked
    }

    /// What the host says, and all that follows from it is done.
    pub(crate) fn shown(&mut self, now: Now, shown: &Try) -> Asked {
        let asked = self.asked(now, shown, false);
        if let Asked::Redeem(redeem) = &asked {
            self.remember(redeem);
            self.write(redeem);
        }
        asked
    }

    pub(crate) fn remember(&mut self, redeem: &Redeem) {
        self.store.apply(redeem.changes.clone()).unwrap();
        self.store.sync().unwrap();
    }

    /// Writes as the host does: only what the others take from it.
    pub(crate) fn write(&mut self, redeem: &Redeem) -> Vec<Row> {
        let rows: Vec<Row> = redeem
            .edits
            .iter()
            .map(|edit| {
                self.clock += 1;
                let row = row(&edit.table, &edit.id, &Value::Null, self.clock);
                Row { value: edit.value.clone(), ..row }
            })
            .collect();
        let verdicts = self.world.merge(self.me.as_str(), &rows);
        assert!(verdicts.iter().all(|v| *v == Verdict::Accept));
        rows
    }

    /// As after a crash: with what the store has.
    pub(crate) fn restart(&mut self) {
        self.restart_at(at(0));
    }

    pub(crate) fn restart_at(&mut self, now: Now) {
        self.store.cut_power();
        self.host = Host::open(&self.store, now).unwrap();
    }

    pub(crate) fn settings(&self) -> Vec<Row> {
        let all = self.world.rows.values();
        all.filter(|row| row.table.as_str() == "group_settings").cloned().collect()
    }

    /// The codes that are left, of all rows.
    pub(crate) fn codes(&self) -> Vec<String> {
        let invites = |row: &Row| serde_json::from_str::<Value>(row.value.as_deref().unwrap());
        let invites =
            self.settings().iter().filter_map(|row| invites(row).ok()).collect::<Vec<_>>();
        let invites = invites.iter().filter_map(|row| row["invites"].as_array()).flatten();
        invites.filter_map(|invite| invite["code"].as_str().map(str::to_owned)).collect()
    }

    /// The roles of a member, as its row says.
    pub(crate) fn roles(&self, id: &str) -> Option<Value> {
        let row = self.world.rows.get(&("members".to_owned(), id.to_owned()))?;
        let value: Value = serde_json::from_str(row.value.as_deref()?).ok()?;
        Some(value["roleIds"].clone())
    }

    pub(crate) fn standing(&self, who: &str) -> Standing {
        self.world.access.standing(&name(who))
    }
}

/// A row of `group_settings` with these invites.
pub(crate) fn with_invites(id: &str, invites: &Value, at: i64) -> Row {
    let value = json!({
        "name": " anglers", "ownerId": "user:Olga", "dataRoomName": "room-1", "invites": invites,
    });
    row("group_settings", id, &value, at)
}

pub(crate) fn is_redeemed(asked: &Asked) -> bool {
    matches!(asked, Asked::Redeem(_))
}
