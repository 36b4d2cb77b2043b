//! Who is banned from a room: map 2, from a name in its canonical form to when the ban ends.
//!
//! The value: a byte 1, then milliseconds since the Unix epoch in 8 bytes, the lowest first.

use crate::{
    dialect::{Collections, UnixMillis, Unreadable},
    dialects::peer::{
        id::{CanonicalId, PeerId},
        relay::command::{Answer, Ban},
    },
};

const MAP: u64 = 2;
const FORM: u8 = 1;

/// Whether somebody is banned now.
pub(super) fn is_banned(
    identity: &PeerId,
    now: UnixMillis,
    collections: &impl Collections,
) -> Result<bool, Unreadable> {
    let value = collections.get(MAP, identity.canonical().as_str().as_bytes())?;
    Ok(value.is_some_and(|value| until(&value) > now))
}

/// Bans somebody, and lifts what is over; false when there are as many bans as may be.
pub(super) fn ban(
    identity: &PeerId,
    until: UnixMillis,
    now: UnixMillis,
    bans_max: usize,
    collections: &mut impl Collections,
) -> Result<bool, Unreadable> {
    let name = identity.canonical();
    let bans = lift(now, collections)?;
    if bans.iter().filter(|ban| ban.identity != name).count() >= bans_max {
        return Ok(false);
    }
    let mut value = vec![FORM];
    value.extend_from_slice(&until.0.to_le_bytes());
    collections.put(MAP, name.as_str().as_bytes(), &value);
    Ok(true)
}

/// Ends a ban, if there is one.
pub(super) fn unban(
    identity: &PeerId,
    collections: &mut impl Collections,
) -> Result<Answer, Unreadable> {
    let name = identity.canonical();
    let was_banned = collections.get(MAP, name.as_str().as_bytes())?.is_some();
    collections.remove(MAP, name.as_str().as_bytes());
    Ok(Answer::Unbanned { was_banned })
}

/// All bans, by name, those that are over too.
pub(super) fn all(collections: &impl Collections) -> Result<Vec<Ban>, Unreadable> {
    let mut all = Vec::new();
    collections.entries(MAP, |key, value| {
        let identity = CanonicalId::of(&String::from_utf8_lossy(key));
        all.push(Ban { identity, until: until(value) });
    })?;
    all.sort_unstable_by(|one, other| one.identity.cmp(&other.identity));
    Ok(all)
}

/// Removes the bans that are over, and says which stay.
pub(super) fn lift(
    now: UnixMillis,
    collections: &mut impl Collections,
) -> Result<Vec<Ban>, Unreadable> {
    let (stay, over): (Vec<_>, Vec<_>) =
        all(collections)?.into_iter().partition(|ban| ban.until > now);
    for ban in over {
        collections.remove(MAP, ban.identity.as_str().as_bytes());
    }
    Ok(stay)
}

/// When a stored ban ends. One of another make ends never: who is banned is not let in by mistake.
fn until(value: &[u8]) -> UnixMillis {
    let until = match value {
        [FORM, until @ ..] => until.try_into().ok().map(u64::from_le_bytes),
        _ => None,
    };
    UnixMillis(until.unwrap_or(u64::MAX))
}
