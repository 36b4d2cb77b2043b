//! An original client, after what the dossier says that the first implementation does (sections 0, 1 and 3).

use std::collections::BTreeMap;

use data_encoding::BASE64;
use ed25519_dalek::SigningKey;
use serde_json::{Value, json};
use x25519_dalek::{PublicKey, StaticSecret};

use super::wire::{
    DATA_CHUNK, HANDSHAKE, SYNC_CLAIM, SYNC_REQ, UNICAST_REQ, Wire, open, pairwise, seal,
};
use crate::participants::world::{ROOM, START_MS, Seeded};

/// A row as it is on the wire.
pub(crate) type Rows = BTreeMap<(String, String), Value>;

/// Keys of somebody, as a handshake told them.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Theirs {
    pub(crate) sign: [u8; 32],
    pub(crate) exchange: [u8; 32],
}

/// An original client in the usual room.
pub(crate) struct Old {
    pub(crate) id: String,
    pub(crate) sign: SigningKey,
    pub(crate) exchange: StaticSecret,
    pub(crate) peers: BTreeMap<String, Theirs>,
    pub(crate) group_key: Option<[u8; 32]>,
    pub(crate) rows: Rows,
    /// Types of packets that were verified and opened.
    pub(crate) taken: Vec<i32>,
    /// Packets that were not, such as all of version 2.
    pub(crate) unread: usize,
    /// Milliseconds of its clock, which is the room's.
    pub(crate) ms: i64,
    /// Whether its answers have the name of the request.
    pub(crate) echoes: bool,
    pub(crate) out: Vec<Wire>,
    random: Seeded,
    logical: i64,
}

impl Old {
    pub(crate) fn new(id: &str, seed: u64) -> Self {
        let mut random = Seeded(seed);
        let mut seed = || {
            let mut bytes = [0; 32];
            bytes.chunks_mut(8).for_each(|part| part.copy_from_slice(&random.next().to_le_bytes()));
            bytes
        };
        let (sign, exchange) = (SigningKey::from_bytes(&seed()), StaticSecret::from(seed()));
        Self {
            id: id.into(),
            sign,
            exchange,
            peers: BTreeMap::new(),
            group_key: None,
            rows: Rows::new(),
            taken: Vec::new(),
            unread: 0,
            ms: 0,
            echoes: false,
            out: Vec::new(),
            random,
            logical: 0,
        }
    }

    pub(crate) fn public(&self) -> Theirs {
        Theirs {
            sign: self.sign.verifying_key().to_bytes(),
            exchange: PublicKey::from(&self.exchange).to_bytes(),
        }
    }

    pub(crate) fn request(&mut self) -> String {
        let (a, b) = (self.random.next(), self.random.next() >> 16);
        format!("{:08x}-{:04x}-4{:03x}-8{:03x}-{b:012x}", a >> 32, a >> 16 & 0xffff, a & 0xfff, 7)
    }

    /// A packet that is neither sealed nor signed.
    pub(crate) fn packet(&mut self, kind: i32, request: &str) -> Wire {
        self.logical += 1;
        let keys = self.public();
        Wire {
            kind,
            request: request.into(),
            sender: self.id.clone(),
            physical: self.ms,
            logical: self.logical,
            exchange_key: keys.exchange.to_vec(),
            sender_key: keys.sign.to_vec(),
            ..Wire::default()
        }
    }

    fn nonce(&mut self) -> [u8; 12] {
        let (a, b) = (self.random.next().to_le_bytes(), self.random.next().to_le_bytes());
        [&a[..], &b[..4]].concat().try_into().unwrap()
    }

    /// Seals for one: what is empty is the request's name.
    pub(crate) fn seal_for(&mut self, to: &str, mut packet: Wire, plaintext: &[u8]) -> Wire {
        let key = pairwise(&self.exchange, &self.peers[to].exchange, ROOM);
        let request = packet.request.clone();
        let plaintext = if plaintext.is_empty() { request.as_bytes() } else { plaintext };
        packet.payload = seal(&key, self.nonce(), plaintext);
        packet.target = to.into();
        packet.encrypted = true;
        packet.signed(&self.sign)
    }

    /// Seals for all with the group's key as it is.
    pub(crate) fn seal_for_group(&mut self, mut packet: Wire, plaintext: &[u8]) -> Wire {
        packet.payload = seal(&self.group_key.unwrap(), self.nonce(), plaintext);
        packet.encrypted = true;
        packet.signed(&self.sign)
    }

    pub(crate) fn announcement(&mut self) -> Wire {
        let request = self.request();
        let mut packet = self.packet(HANDSHAKE, &request);
        packet.payload = packet.sender_key.clone();
        packet.signed(&self.sign)
    }

    /// Announces itself and asks all for their keys, of which it tells none then.
    pub(crate) fn join(&mut self) {
        let announcement = self.announcement();
        let request = self.request();
        let mut asks = self.packet(HANDSHAKE, &request);
        (asks.sender_key, asks.exchange_key) = (Vec::new(), Vec::new());
        let asks = asks.signed(&self.sign);
        self.out.extend([announcement, asks]);
    }

    /// Asks everybody whose key is known, each alone, for what is newer than the newest of each node.
    pub(crate) fn ask_for_rows(&mut self) {
        let mut clock = BTreeMap::new();
        for row in self.rows.values() {
            let (node, hlc) = (text(row, "node_id"), text(row, "hlc"));
            let newest: &mut String = clock.entry(node).or_default();
            *newest = newest.clone().max(hlc);
        }
        let (request, clock) = (self.request(), json!(clock).to_string());
        for to in self.peers.keys().cloned().collect::<Vec<_>>() {
            let packet = self.packet(SYNC_REQ, &request);
            let sealed = self.seal_for(&to, packet, clock.as_bytes());
            self.out.push(sealed);
        }
    }

    /// A control message to all, neither sealed nor for anybody.
    pub(crate) fn say(&mut self, control: &Value) {
        let request = self.request();
        let mut packet = self.packet(UNICAST_REQ, &request);
        packet.payload = control.to_string().into_bytes();
        let packet = packet.signed(&self.sign);
        self.out.push(packet);
    }

    /// A control message for one.
    pub(crate) fn tell(&mut self, to: &str, control: &Value) {
        let request = self.request();
        let packet = self.packet(UNICAST_REQ, &request);
        let sealed = self.seal_for(to, packet, control.to_string().as_bytes());
        self.out.push(sealed);
    }

    /// Writes a row and sends it to all.
    pub(crate) fn write(&mut self, table: &str, id: &str, value: &str) {
        let row = self.row(id, value, "0000");
        self.rows.insert((table.into(), id.into()), row.clone());
        let changes = json!({ table: [row] }).to_string();
        let request = self.request();
        let packet = self.packet(DATA_CHUNK, &request);
        let sealed = self.seal_for_group(packet, changes.as_bytes());
        self.out.push(sealed);
    }

    pub(crate) fn row(&self, id: &str, value: &str, counter: &str) -> Value {
        // Worlds begin at this hour.
        let of_day = self.ms - START_MS;
        let (h, m, s) = (8 + of_day / 3_600_000, of_day / 60_000 % 60, of_day / 1000 % 60);
        let node = self.id.replace(':', "_");
        let hlc = format!("2027-01-15T{h:02}:{m:02}:{s:02}.{:03}Z-{counter}-{node}", of_day % 1000);
        json!({"id": id, "value": value, "is_deleted": 0, "hlc": hlc, "node_id": node, "modified": hlc})
    }

    /// A packet came that is for all or for this one.
    pub(crate) fn received(&mut self, packet: &Wire) {
        if packet.kind == HANDSHAKE {
            return self.shaken(packet);
        }
        let theirs = self.peers.get(&packet.sender).copied();
        let Some(theirs) = theirs.filter(|theirs| packet.is_signed_by(&theirs.sign)) else {
            self.unread += 1;
            return;
        };
        let between = pairwise(&self.exchange, &theirs.exchange, ROOM);
        let group = self.group_key.and_then(|key| open(&key, &packet.payload));
        let plaintext = match packet.encrypted {
            true => group.or_else(|| open(&between, &packet.payload)),
            false => Some(packet.payload.clone()),
        };
        let Some(plaintext) = plaintext else {
            self.unread += 1;
            return;
        };
        self.taken.push(packet.kind);
        match packet.kind {
            SYNC_REQ => self.answer(packet, &plaintext),
            SYNC_CLAIM => assert_eq!(plaintext, packet.request.as_bytes(), "never empty"),
            DATA_CHUNK => self.merge(&plaintext),
            UNICAST_REQ => self.controlled(&packet.sender, &plaintext),
            _ => {}
        }
    }

    /// Believes whatever it is told, as the first implementation does.
    fn shaken(&mut self, packet: &Wire) {
        if packet.payload.is_empty() {
            let announcement = self.announcement();
            self.out.push(announcement);
            return;
        }
        let array = |bytes: &[u8]| <[u8; 32]>::try_from(bytes).unwrap();
        let theirs = Theirs { sign: array(&packet.payload), exchange: array(&packet.exchange_key) };
        if self.peers.insert(packet.sender.clone(), theirs).is_none() {
            self.ask_for_rows();
            if self.group_key.is_none() {
                self.say(&json!({"type": "GSK_REQ"}));
            }
        }
    }

    fn answer(&mut self, asked: &Wire, clock: &[u8]) {
        let clock: Value = serde_json::from_slice(clock).unwrap();
        let is_newer = |row: &Value| {
            let known = clock.get(text(row, "node_id")).and_then(Value::as_str);
            known.is_none_or(|known| *text(row, "hlc") > *known)
        };
        let mut changes: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
        for ((table, _), row) in self.rows.iter().filter(|(_, row)| is_newer(row)) {
            changes.entry(table).or_default().push(row);
        }
        let changes = json!(changes).to_string();
        for to in self.peers.keys().cloned().collect::<Vec<_>>() {
            let claim = self.packet(SYNC_CLAIM, &asked.request);
            let claim = self.seal_for(&to, claim, b"");
            self.out.push(claim);
        }
        let name = if self.echoes { asked.request.clone() } else { self.request() };
        let packet = self.packet(DATA_CHUNK, &name);
        let mut answer = self.seal_for(&asked.sender, packet, changes.as_bytes());
        // For whom it is it does not say.
        answer.target.clear();
        self.out.push(answer.signed(&self.sign));
    }

    /// Every key is a table: it fails on anything else.
    fn merge(&mut self, changes: &[u8]) {
        let changes: BTreeMap<String, Vec<Value>> =
            serde_json::from_slice(changes).expect("tables of rows and nothing else, uncompressed");
        for (table, rows) in changes {
            for row in rows {
                let key = (table.clone(), text(&row, "id"));
                let known = self.rows.get(&key).map(|known| text(known, "hlc"));
                if known.is_none_or(|known| known < text(&row, "hlc")) {
                    self.rows.insert(key, row);
                }
            }
        }
    }

    /// Takes a key from whoever gives one.
    fn controlled(&mut self, by: &str, control: &[u8]) {
        let control: Value = serde_json::from_slice(control).unwrap();
        match (control["type"].as_str().unwrap(), self.group_key) {
            ("GSK_SHARE", _) => {
                assert!(control.get("epoch").is_none(), "it knows none");
                let key = BASE64.decode(control["key"].as_str().unwrap().as_bytes()).unwrap();
                self.group_key = Some(key.try_into().unwrap());
            }
            ("GSK_REQ", Some(key)) => {
                self.tell(by, &json!({"type": "GSK_SHARE", "key": BASE64.encode(&key)}));
            }
            ("GSK_REQ", None) => {}
            (other, _) => panic!("an original client is told {other}"),
        }
    }

    /// The value of a row, if it is here and not deleted.
    pub(crate) fn value(&self, table: &str, id: &str) -> Option<String> {
        let row = self.rows.get(&(table.into(), id.into()))?;
        (row["is_deleted"] == 0).then(|| text(row, "value"))
    }
}

fn text(row: &Value, field: &str) -> String {
    row[field].as_str().unwrap().to_owned()
}
