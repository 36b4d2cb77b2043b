//! What a participant keeps of itself over a restart: its keys, the name of its node, marks.
//!
//! Entries, each of form 1: in the space of keys `room` → both seeds, `room-before` → those before the
//! last rotations, `vault` → the vault's key; in that of marks `node` → a name, `founded` → nothing, `published` → a timestamp,
//! `host` → its name and perhaps its keys, `giver` → who gave the group key, `rotate` → nothing, `me` → whose
//! all of it is.

use zeroize::Zeroizing;

use super::invited::HostPin;
use crate::dialects::peer::{
    id::{CanonicalId, PeerId},
    keys::{PublicKeys, ROOM_KEYS_BYTES, RoomKeys},
    random::{Random, random},
    rows::{Hlc, NodeId},
    store::{Change, Space, Store, StoreFailed},
};

const FORM: u8 = 1;
/// Bytes of the part of a node's name that says whose it is.
const NODE_NAME_BYTES_MAX: usize = 100;

fn put(
    store: &mut dyn Store,
    space: Space,
    key: &str,
    value: Option<&[u8]>,
) -> Result<(), StoreFailed> {
    let value = value.map(|value| [&[FORM], value].concat());
    store.apply(vec![Change { space, key: key.as_bytes().to_vec(), value }])
}

fn read(store: &dyn Store, space: Space, key: &str) -> Result<Option<Vec<u8>>, StoreFailed> {
    match store.get(space, key.as_bytes())? {
        None => Ok(None),
        Some(bytes) => match bytes.split_first() {
            Some((&FORM, value)) => Ok(Some(value.to_vec())),
            _ => Err(StoreFailed(format!("the mark {key} is of a later form"))),
        },
    }
}

fn read_text(store: &dyn Store, key: &str) -> Result<Option<String>, StoreFailed> {
    let Some(bytes) = read(store, Space::Marks, key)? else { return Ok(None) };
    let text = String::from_utf8(bytes);
    text.map(Some).map_err(|_| StoreFailed(format!("the mark {key} is no text")))
}

/// The keys in the store; new ones when there are none.
pub(super) fn own_keys(
    store: &mut dyn Store,
    source: &mut dyn Random,
) -> Result<RoomKeys, StoreFailed> {
    if let Some(keys) = kept_keys(store)? {
        return Ok(keys);
    }
    let keys = RoomKeys::generate(source);
    keep_keys(store, &keys)?;
    Ok(keys)
}

pub(super) fn kept_keys(store: &dyn Store) -> Result<Option<RoomKeys>, StoreFailed> {
    let Some(bytes) = read(store, Space::Keys, "room")? else { return Ok(None) };
    let keys = RoomKeys::from_bytes(&Zeroizing::new(bytes));
    keys.map(Some).ok_or_else(|| StoreFailed("the keys of the room cannot be read".into()))
}

pub(super) fn keep_keys(store: &mut dyn Store, keys: &RoomKeys) -> Result<(), StoreFailed> {
    put(store, Space::Keys, "room", Some(&keys.to_bytes()[..]))
}

/// Keys before rotations that are kept, at most: who was away for more of them has to be told in
/// another way.
const KEYS_BEFORE_MAX: usize = 8;

/// The keys before the last rotations, the oldest first.
pub(super) fn keys_before(store: &dyn Store) -> Result<Vec<RoomKeys>, StoreFailed> {
    let bytes = read(store, Space::Keys, "room-before")?.map(Zeroizing::new);
    let all = bytes.as_ref().map_or(&[][..], |bytes| bytes.as_slice());
    Ok(all.chunks(ROOM_KEYS_BYTES).filter_map(RoomKeys::from_bytes).collect())
}

/// Puts new keys in the place of the old ones, which go to those `before`.
pub(super) fn replace_keys(
    store: &mut dyn Store,
    before: &mut Vec<RoomKeys>,
    old: RoomKeys,
    new: &RoomKeys,
) -> Result<(), StoreFailed> {
    before.push(old);
    before.drain(..before.len().saturating_sub(KEYS_BEFORE_MAX));
    let mut value = vec![FORM];
    before.iter().for_each(|keys| value.extend_from_slice(&keys.to_bytes()[..]));
    let change = |key: &str, value| Change {
        space: Space::Keys,
        key: key.as_bytes().to_vec(),
        value: Some(value),
    };
    let now = [&[FORM], &new.to_bytes()[..]].concat();
    store.apply(vec![change("room-before", value), change("room", now)])
}

/// The vault's key. That it is there is also the mark that none is to be made any more.
pub(super) fn vault_key(store: &dyn Store) -> Result<Option<Zeroizing<[u8; 32]>>, StoreFailed> {
    let Some(bytes) = read(store, Space::Keys, "vault")?.map(Zeroizing::new) else {
        return Ok(None);
    };
    let key = <[u8; 32]>::try_from(bytes.as_slice());
    let key = key.map_err(|_| StoreFailed("the key of the vault cannot be read".into()))?;
    Ok(Some(Zeroizing::new(key)))
}

pub(super) fn set_vault_key(store: &mut dyn Store, key: &[u8; 32]) -> Result<(), StoreFailed> {
    put(store, Space::Keys, "vault", Some(key))
}

/// The name of this installation's node: whoever loses the store gets another.
pub(super) fn node(
    store: &mut dyn Store,
    me: &CanonicalId,
    source: &mut dyn Random,
) -> Result<NodeId, StoreFailed> {
    if let Some(name) = read_text(store, "node")? {
        return NodeId::new(&name).ok_or_else(|| StoreFailed("the node has no name".into()));
    }
    let mut end = me.as_str().len().min(NODE_NAME_BYTES_MAX);
    while !me.as_str().is_char_boundary(end) {
        end -= 1;
    }
    let suffix = data_encoding::HEXLOWER.encode(&random::<6>(source));
    let name = format!("{}_{suffix}", &me.as_str()[..end]);
    // At most 113 bytes, and never empty.
    let node = NodeId::sanitized(&name);
    let node = node.ok_or_else(|| StoreFailed("the node cannot be named".into()))?;
    put(store, Space::Marks, "node", Some(node.as_str().as_bytes()))?;
    Ok(node)
}

/// Whether the first rows of the group are here.
pub(super) fn is_founded(store: &dyn Store) -> Result<bool, StoreFailed> {
    Ok(read(store, Space::Marks, "founded")?.is_some())
}

pub(super) fn set_founded(store: &mut dyn Store) -> Result<(), StoreFailed> {
    put(store, Space::Marks, "founded", Some(&[]))
}

/// Up to where one's own writes were sent to all.
pub(super) fn published(store: &dyn Store) -> Result<Option<Hlc>, StoreFailed> {
    let text = read_text(store, "published")?;
    Ok(text.and_then(|text| Hlc::parse(&text).ok()))
}

pub(super) fn set_published(store: &mut dyn Store, upto: &Hlc) -> Result<(), StoreFailed> {
    put(store, Space::Marks, "published", Some(upto.to_string().as_bytes()))
}

/// Whether a member was taken out and no new key made yet.
pub(super) fn is_rotation_due(store: &dyn Store) -> Result<bool, StoreFailed> {
    Ok(read(store, Space::Marks, "rotate")?.is_some())
}

pub(super) fn set_rotation_due(store: &mut dyn Store, is_due: bool) -> Result<(), StoreFailed> {
    put(store, Space::Marks, "rotate", is_due.then_some(&[]))
}

/// Who gave the group key while there was no group.
pub(super) fn giver(store: &dyn Store) -> Result<Option<CanonicalId>, StoreFailed> {
    Ok(read_text(store, "giver")?.map(|name| CanonicalId::of(&name)))
}

pub(super) fn set_giver(store: &mut dyn Store, giver: &CanonicalId) -> Result<(), StoreFailed> {
    put(store, Space::Marks, "giver", Some(giver.as_str().as_bytes()))
}

pub(super) fn forget_giver(store: &mut dyn Store) -> Result<(), StoreFailed> {
    put(store, Space::Marks, "giver", None)
}

/// Whether what is in the store is this participant's: its keys and rows are nobody else's.
pub(super) fn is_of(store: &mut dyn Store, me: &CanonicalId) -> Result<bool, StoreFailed> {
    if let Some(name) = read_text(store, "me")? {
        return Ok(name == me.as_str());
    }
    put(store, Space::Marks, "me", Some(me.as_str().as_bytes()))?;
    Ok(true)
}

/// The expected host: as given, or as it was given before.
pub(super) fn host(
    store: &mut dyn Store,
    given: Option<HostPin>,
) -> Result<Option<HostPin>, StoreFailed> {
    if let Some(host) = given {
        let keys = host.keys.map(|keys| keys.to_bytes().to_vec()).unwrap_or_default();
        let value = [&[keys.len() as u8][..], &keys, host.peer.as_str().as_bytes()].concat();
        put(store, Space::Marks, "host", Some(&value))?;
        return Ok(Some(host));
    }
    let Some(bytes) = read(store, Space::Marks, "host")? else { return Ok(None) };
    let unreadable = || StoreFailed("the expected host cannot be read".into());
    let (len, rest) = bytes.split_first().ok_or_else(unreadable)?;
    let (keys, name) = rest.split_at_checked(usize::from(*len)).ok_or_else(unreadable)?;
    let name = std::str::from_utf8(name).ok().and_then(PeerId::new);
    Ok(Some(HostPin { peer: name.ok_or_else(unreadable)?, keys: PublicKeys::from_bytes(keys) }))
}
