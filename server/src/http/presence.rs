//! Who is where, in a workspace or in a room: users, each there as long as one of his connections is.
//!
//! Of connections that are open now, and in memory only: nothing of it is stored.

use std::{collections::BTreeMap, fmt, ops::Bound, sync::Arc};

use parking_lot::Mutex;

/// The connections of each user of a place.
type Users = BTreeMap<Box<str>, usize>;

/// Who is where in one dialect, on all shards.
#[derive(Default)]
pub(crate) struct Presence {
    places: Mutex<BTreeMap<Box<str>, Users>>,
}

impl Presence {
    /// A connection of this user is open for as long as the guard lives.
    pub(crate) fn enter(self: &Arc<Self>, place: &str, user: &str) -> Present {
        let mut places = self.places.lock();
        let users = places.entry(place.into()).or_default();
        *users.entry(user.into()).or_default() += 1;
        Present { presence: self.clone(), place: place.into(), user: user.into() }
    }

    /// The users of a place, in order, each once.
    pub(crate) fn users(&self, place: &str) -> Vec<Box<str>> {
        let places = self.places.lock();
        places.get(place).map(|users| users.keys().cloned().collect()).unwrap_or_default()
    }

    /// Places where somebody is.
    pub(crate) fn places(&self) -> usize {
        self.places.lock().len()
    }

    /// The first places behind this name where somebody is, in order, and how many users are there.
    pub(crate) fn behind(&self, name: &str, places_max: usize) -> Vec<(Box<str>, usize)> {
        let places = self.places.lock();
        let behind = places.range::<str, _>((Bound::Excluded(name), Bound::Unbounded));
        behind.take(places_max).map(|(name, users)| (name.clone(), users.len())).collect()
    }

    fn leave(&self, place: &str, user: &str) {
        let mut places = self.places.lock();
        let Some(users) = places.get_mut(place) else { return };
        if let Some(connections) = users.get_mut(user) {
            *connections -= 1;
            if *connections == 0 {
                users.remove(user);
            }
        }
        if users.is_empty() {
            places.remove(place);
        }
    }
}

impl fmt::Debug for Presence {
    /// Nobody's name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presence").field("places", &self.places()).finish_non_exhaustive()
    }
}

/// A connection that is open.
pub(crate) struct Present {
    presence: Arc<Presence>,
    place: Box<str>,
    user: Box<str>,
}

impl Drop for Present {
    fn drop(&mut self) {
        self.presence.leave(&self.place, &self.user);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_there_until_the_last_connection_ends() {
        let presence = Arc::<Presence>::default();
        let first = presence.enter("w", "ann");
        let second = presence.enter("w", "ann");
        let bob = presence.enter("w", "bob");
        let elsewhere = presence.enter("v", "ann");
        assert_eq!(presence.users("w"), ["ann".into(), "bob".into()]);
        assert_eq!(presence.users("v"), ["ann".into()]);
        assert_eq!(presence.behind("", 9), [("v".into(), 1), ("w".into(), 2)]);
        assert_eq!(presence.behind("v", 9), [("w".into(), 2)]);
        assert_eq!(presence.behind("", 1), [("v".into(), 1)]);
        drop(first);
        assert_eq!(presence.users("w").len(), 2);
        drop(second);
        assert_eq!(presence.users("w"), ["bob".into()]);
        drop((bob, elsewhere));
        assert!(presence.users("w").is_empty());
        assert_eq!(presence.places(), 0, "nothing is kept of who was there");
    }
}
