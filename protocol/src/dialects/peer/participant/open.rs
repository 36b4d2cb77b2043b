//! How a participant begins: with what its store has of the room.

use std::collections::VecDeque;

use super::{
    Drops, HostPin, Limits, OpenError, Opening, Participant, Settings,
    buffers::{Bounds, Buffer},
    group::Group,
    handshakes::Handshakes,
    live::Live,
    lobby::Lobby,
    marks,
    people::People,
    replays::Replays,
    tracked::Tracked,
    vault::Vault,
};
use crate::dialects::peer::{
    access::{Access, Founding, is_guarded},
    chunks::Reassembly,
    id::PeerId,
    invite::Host,
    keys::{Learned, Pins},
    now::Now,
    rows::{self, NodeId, Replica, TableName},
    seal::{KeyRing, PairwiseKeys},
    store::{Store, StoreFailed},
    sync::{Consistency, Election, Lamport, Requester, TimeSync},
};

/// Bytes of the name of a room.
const ROOM_BYTES_MAX: usize = 128;

impl<S: Store> Participant<S> {
    /// A participant with what its store has of the room; with new keys when it has none.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(opening: Opening<S>, now: Now) -> Result<Self, OpenError> {
        let Opening { room, kind, me, settings, store, mut random, is_host, expected_host } =
            opening;
        if !(1..=ROOM_BYTES_MAX).contains(&room.len()) || room.chars().any(char::is_control) {
            return Err(OpenError::BadRoom);
        }
        let mut store = Tracked::new(store);
        if !marks::is_of(&mut store, &me.canonical())? {
            return Err(OpenError::OtherIdentity);
        }
        let keys = marks::own_keys(&mut store, &mut *random)?;
        let node = marks::node(&mut store, &me.canonical(), &mut *random)?;
        let expected_host = marks::host(&mut store, expected_host)?;
        let pins = pins_with(&mut store, expected_host.as_ref(), now)?;
        let founding = founding(expected_host.as_ref(), is_host, &me);
        let replica = Replica::open(&store, rows_settings(&settings, node)?)?;
        let mut group = Group::open(&store)?;
        let access = access_of(&replica, &store, founding, &mut group)?;
        let limits = settings.limits;
        let mut participant = Self {
            pairwise: PairwiseKeys::new(&room, limits.peers_max),
            keys_before: marks::keys_before(&store)?,
            ring: KeyRing::open(&store)?,
            group,
            vault: Vault::open(&store)?,
            live: Live::open(&store)?,
            host: Host::open(&store, now)?,
            election: Election::new(me.clone()),
            consistency: Consistency::of(&me),
            handshakes: Handshakes::new(limits.peers_max),
            people: People::new(limits.peers_max),
            unknown: Buffer::new(bounds_of_unknown(&limits)),
            sealed: Buffer::new(bounds_of_sealed(&limits)),
            replays: Replays::new(limits.replays_max, limits.replay_memory),
            frame_bytes_max: limits.frame_bytes_max,
            room,
            kind,
            me,
            is_host,
            expected_host,
            settings,
            store,
            random,
            keys,
            pins,
            session: None,
            is_connected: false,
            lamport: Lamport::default(),
            time: TimeSync::new(),
            replica,
            access,
            reassembly: Reassembly::default(),
            answers: VecDeque::new(),
            requester: Requester::new(),
            asked_for_all: VecDeque::new(),
            was_host_asked: false,
            is_synced: false,
            sweep_at: now.elapsed,
            lobby: Lobby::default(),
            out: Vec::new(),
            drops: Drops::default(),
            failed: None,
            is_disowned: false,
        };
        if !participant.access.is_bootstrap() {
            participant.doubt_group_key(now)?;
        }
        Ok(participant)
    }
}

/// The keys that are known, with those that the host is expected to have.
fn pins_with(store: &mut dyn Store, host: Option<&HostPin>, now: Now) -> Result<Pins, StoreFailed> {
    let mut pins = Pins::open(store)?;
    let Some((peer, keys)) = host.and_then(|host| Some((host.peer.canonical(), host.keys?))) else {
        return Ok(pins);
    };
    // Who names the keys has approved them, whatever was announced before.
    if pins.learn(store, &peer, keys, (2, now.wall_ms()))? == Learned::Conflict {
        pins.replace(store, &peer, keys)?;
    }
    Ok(pins)
}

fn rows_settings(settings: &Settings, node: NodeId) -> Result<rows::Settings, OpenError> {
    let name =
        |name: &String| TableName::new(name).ok_or_else(|| OpenError::BadTable(name.clone()));
    let mut found = rows::Settings::new(node);
    found.tables = settings.tables.iter().map(name).collect::<Result<_, _>>()?;
    found.any_table = settings.unknown_tables;
    found.drift_ms_max = settings.limits.drift_ms_max;
    found.rows_max = settings.limits.rows_max;
    Ok(found)
}

/// From whom the first rows of a group are taken.
fn founding(expected_host: Option<&HostPin>, is_host: bool, me: &PeerId) -> Founding {
    match expected_host {
        Some(host) => Founding::By(host.peer.canonical()),
        None if is_host => Founding::By(me.canonical()),
        None => Founding::Signed,
    }
}

fn bounds_of_unknown(limits: &Limits) -> Bounds {
    Bounds {
        packets_per_sender_max: limits.unknown_packets_per_sender_max,
        bytes_per_sender_max: limits.unknown_bytes_per_sender_max,
        packets_max: limits.unknown_packets_max,
        bytes_max: limits.unknown_bytes_max,
        wait: limits.unknown_wait,
    }
}

fn bounds_of_sealed(limits: &Limits) -> Bounds {
    Bounds {
        packets_per_sender_max: limits.sealed_packets_max,
        bytes_per_sender_max: limits.sealed_bytes_max,
        packets_max: limits.sealed_packets_max,
        bytes_max: limits.sealed_bytes_max,
        wait: limits.sealed_wait,
    }
}

/// Who may do what, as the rows that are here say.
fn access_of(
    replica: &Replica,
    store: &dyn Store,
    founding: Founding,
    group: &mut Group,
) -> Result<Access, StoreFailed> {
    let mut access = Access::new(founding);
    for table in rows::BUILT_IN.iter().filter(|table| is_guarded(table)) {
        for row in replica.all(store, table)? {
            access.applied(&row);
            if row.deleted && row.table == "members" {
                group.removed(&row);
            }
        }
    }
    if marks::is_founded(store)? {
        access.close_founding();
    }
    Ok(access)
}
