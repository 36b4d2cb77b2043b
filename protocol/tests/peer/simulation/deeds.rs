//! What is done in a world: writes, rotations, removals, invites. Knows the room's rules; what is right is
//! for the verdict.

use serde_json::json;
use syncline_protocol::dialects::peer::{
    kind::RoomKind,
    participant::{Edit, WriteError},
};

use super::{
    kind::JUMP_MS_MAX,
    life::{GROUP, Life, TABLES},
};

impl Life {
    /// Two camps, or none again.
    pub(super) fn partition(&mut self) {
        let splits = self.world.camps.is_empty();
        self.world.camps.clear();
        for at in 0..self.world.seats.len() {
            if splits && self.world.dice.chance(50) {
                self.world.camps.insert(self.world.seats[at].me.as_str().to_owned(), 1);
            }
        }
    }

    pub(super) fn rotate(&mut self, at: usize) {
        if self.world.seats[at].kind() == RoomKind::Invite || self.removed.contains(&at) {
            return;
        }
        let of_group = at == 0 || self.is_steward(at) && self.world.dice.chance(50);
        let now = self.world.seats[at].at(self.world.now);
        let Some(participant) = &mut self.world.seats[at].participant else { return };
        let done = match of_group {
            true => participant.rotate_group_key(now),
            false => participant.rotate_keys(now),
        };
        self.world.ledger.seen.group_keys += u64::from(of_group && done.is_ok());
        if let Err(error) = done {
            assert!(matches!(error, WriteError::Store(_)), "{at}: {error}");
        }
        self.world.react(at);
    }

    /// Whether it may make group keys and put others out, and knows that it may.
    fn is_steward(&self, at: usize) -> bool {
        let seat = &self.world.seats[at];
        self.kind.stewards && may_govern(seat.person) && seat.knows_its_role()
    }

    /// Somebody other than the host loses all it had, and what the others had not got with it.
    fn may_lose(&self, at: usize) -> bool {
        at > 0 && self.world.seats[at].kind() == RoomKind::Data && !self.removed.contains(&at)
    }

    pub(super) fn lose_disk(&mut self, at: usize) {
        if self.may_lose(at) {
            let away = self.world.dice.below(5000);
            self.world.kill(at, true, away);
            self.world.seats[at].lose_disk();
            self.world.ledger.put_out(at);
            self.world.ledger.seen.lost += 1;
        }
    }

    /// The host puts somebody out, or one who may.
    pub(super) fn remove(&mut self, at: usize) {
        let seat = &self.world.seats[at];
        let member = seat.me.canonical();
        // What one of those who may had written before would be refused by some and not by others.
        let is_fit = seat.kind() == RoomKind::Data && !may_govern(seat.person);
        if !is_fit || self.removed.contains(&at) || self.removed.len() >= 2 {
            return;
        }
        // Where the host takes in again, it must know who was put out, or the two cross each other.
        let others = (1..self.world.seats.len()).filter(|other| {
            self.world.seats[*other].kind() == RoomKind::Data && self.is_steward(*other)
        });
        let others: Vec<usize> = others.filter(|_| self.kind.returns == 0).collect();
        let by = match others.len() as u64 {
            of @ 1.. if self.world.dice.chance(50) => others[self.world.dice.below(of) as usize],
            _ => 0,
        };
        let now = self.world.seats[by].at(self.world.now);
        let Some(remover) = &mut self.world.seats[by].participant else { return };
        match remover.remove_member(&member, now) {
            Ok(()) => {}
            Err(WriteError::Store(_)) => return self.world.kill(by, false, 1000),
            // It has not heard of that member yet.
            Err(WriteError::UnknownPeer) if by > 0 => return,
            Err(error) => panic!("{by} may: {error}"),
        }
        self.world.react(by);
        self.world.ledger.put_out(at);
        self.world.ledger.seen.removed += 1;
        self.removed.push(at);
    }

    /// The host takes somebody in again who was put out.
    pub(super) fn take_in_again(&mut self) {
        let (Some(&at), Some(_)) = (self.removed.first(), &self.world.seats[0].participant) else {
            return;
        };
        if self.admit(self.world.seats[at].person) {
            self.removed.remove(0);
            self.world.ledger.seen.returned += 1;
        }
    }

    /// A clock is set.
    pub(super) fn set_clock(&mut self, at: usize) {
        let ahead = self.world.dice.below(2 * JUMP_MS_MAX + 1);
        let ahead = i64::try_from(ahead).expect("a time") - JUMP_MS_MAX as i64;
        self.world.seats[at].skew_micros = ahead * 1000;
        self.world.ledger.seen.clocks_set += 1;
    }

    /// The owner makes a code, and a stranger shows it in the lobby.
    pub(super) fn invite(&mut self) {
        if self.people >= 14 || self.world.seats[0].participant.is_none() {
            return;
        }
        let person = self.people;
        self.people += 1;
        let code = format!("CODE{person:012}");
        let now = self.world.seats[0].at(self.world.now);
        let host = self.world.seats[0].participant.as_mut().expect("it runs");
        let Ok(Some(settings)) = host.get("group_settings", "main") else { return };
        let mut settings: serde_json::Value = serde_json::from_str(&settings).expect("JSON");
        let mut invites = settings["invites"].as_array().cloned().unwrap_or_default();
        let role = if may_govern(person) { "admins" } else { "members" };
        invites.push(json!({"code": code, "roleId": role}));
        settings["invites"] = invites.into();
        let edits = vec![edit("group_settings", "main", Some(settings.to_string()))];
        match host.write(edits, now) {
            Ok(()) => self.world.react(0),
            Err(error) => {
                assert!(matches!(error, WriteError::Store(_)), "the owner may: {error}");
                return self.world.kill(0, false, 1000);
            }
        }
        let at = self.sit(person, GROUP, RoomKind::Invite, None);
        self.lobbies.push((at, code));
    }

    /// Those in the lobby show their codes, and those who were let in go over to the data room.
    pub(super) fn see_to_lobbies(&mut self) {
        for (at, data_room, host) in std::mem::take(&mut self.world.invited) {
            let Some(found) = self.lobbies.iter().position(|(lobby, _)| *lobby == at) else {
                continue;
            };
            self.lobbies.remove(found);
            self.world.close(at);
            self.world.ledger.seen.invited += 1;
            let person = self.world.seats[at].person;
            let joined = self.sit(person, &data_room, RoomKind::Data, Some(host));
            self.let_in.push(joined);
        }
        let ms = self.world.now;
        for (at, code) in self.lobbies.clone() {
            let seat = &mut self.world.seats[at];
            let now = seat.at(ms);
            let is_asking = std::mem::replace(&mut seat.is_asking, true);
            if is_asking || seat.connection.is_none() {
                self.world.seats[at].is_asking = is_asking;
                continue;
            }
            if let Some(participant) = &mut seat.participant {
                participant.request_invite(&code, now).expect("it is a lobby");
            }
            self.world.react(at);
        }
    }

    /// One of those who may writes a role or a group of members; the others are refused.
    pub(super) fn govern(&mut self, at: usize) {
        let table = if self.world.dice.chance(50) { "roles" } else { "logical_groups" };
        let id = format!("{table}-{}", self.world.dice.below(3));
        self.written += 1;
        let value = json!({"name": self.written, "position": 2, "permissions": 0}).to_string();
        self.make(at, vec![edit(table, &id, Some(value))]);
    }

    pub(super) fn write(&mut self, at: usize) {
        let mut edits = Vec::new();
        for _ in 0..=self.world.dice.below(4) {
            let key = self.key(at);
            if edits.iter().any(|edit: &Edit| (&edit.table, &edit.id) == (&key.0, &key.1)) {
                continue;
            }
            self.written += 1;
            let value = (!self.world.dice.chance(25)).then(|| self.value(at));
            edits.push(Edit { table: key.0, id: key.1, value });
        }
        self.make(at, edits);
    }

    fn make(&mut self, at: usize, edits: Vec<Edit>) {
        if self.world.seats[at].kind() == RoomKind::Invite {
            return;
        }
        let ms = self.world.now;
        let seat = &mut self.world.seats[at];
        let now = seat.at(ms);
        let Some(participant) = &mut seat.participant else { return };
        let before: Vec<_> = edits
            .iter()
            .map(|edit| participant.get(&edit.table, &edit.id).expect("its disk can be read"))
            .collect();
        let failed = match participant.write(edits.clone(), now) {
            Ok(()) => false,
            Err(WriteError::Forbidden { .. }) => {
                let is_removed = self.removed.contains(&at);
                let may = may_govern(self.world.seats[at].person) && !is_removed;
                assert!(!may || !self.world.seats[at].knows_its_role(), "{at} may write this");
                return;
            }
            // The disk may have it or not.
            Err(WriteError::Store(_)) => true,
            Err(error) => panic!("{at}: {error}"),
        };
        for (edit, before) in edits.iter().zip(before) {
            let key = (edit.table.clone(), edit.id.clone());
            self.world.ledger.wrote(at, &key, edit.value.as_deref(), before.as_deref());
        }
        if failed {
            return self.world.kill(at, false, 1000);
        }
        if self.removed.contains(&at) {
            self.world.ledger.put_out(at);
        }
        // Power may be lost before anything is on the disk.
        if self.kind.kills > 0 && self.world.dice.chance(2) {
            return self.world.kill_before_outputs(at);
        }
        self.world.react(at);
    }

    /// A row that all write, or one that only this seat does.
    fn key(&mut self, at: usize) -> (String, String) {
        let table = TABLES[self.world.dice.below(2) as usize].to_owned();
        let n = self.world.dice.below(self.kind.keys);
        let id =
            if self.world.dice.chance(30) { format!("own-{at}-{n}") } else { format!("all-{n}") };
        (table, id)
    }

    fn value(&mut self, at: usize) -> String {
        let long = if self.world.dice.chance(3) { self.world.dice.below(100_000) } else { 0 };
        let noise: String =
            (0..long / 16).map(|_| format!("{:016x}", self.world.dice.roll())).collect();
        json!({"by": at, "n": self.written, "noise": noise}).to_string()
    }
}
pub(super) fn edit(table: &str, id: &str, value: Option<String>) -> Edit {
    Edit { table: table.into(), id: id.into(), value }
}

/// Every third one manages the others.
pub(super) fn may_govern(person: usize) -> bool {
    person.is_multiple_of(3)
}
