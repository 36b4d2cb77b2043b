//! Who is in which workspace: users, each there as long as one of his connections is.
//!
//! Of connections that are open now, and in memory only: nothing of it is stored.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::Arc,
};

use parking_lot::Mutex;

/// The connections of each user of a workspace.
type Users = BTreeMap<Box<str>, usize>;

/// Who is where, on all shards.
#[derive(Default)]
pub(crate) struct Presence {
    workspaces: Mutex<HashMap<Box<str>, Users>>,
}

impl Presence {
    /// A connection of this user is open for as long as the guard lives.
    pub(crate) fn enter(self: &Arc<Self>, workspace: &str, user: &str) -> Present {
        let mut workspaces = self.workspaces.lock();
        let users = workspaces.entry(workspace.into()).or_default();
        *users.entry(user.into()).or_default() += 1;
        Present { presence: self.clone(), workspace: workspace.into(), user: user.into() }
    }

    /// The users of a workspace, in order, each once.
    pub(crate) fn users(&self, workspace: &str) -> Vec<Box<str>> {
        let workspaces = self.workspaces.lock();
        workspaces.get(workspace).map(|users| users.keys().cloned().collect()).unwrap_or_default()
    }

    /// Workspaces in which somebody is.
    pub(crate) fn workspaces(&self) -> usize {
        self.workspaces.lock().len()
    }

    fn leave(&self, workspace: &str, user: &str) {
        let mut workspaces = self.workspaces.lock();
        let Some(users) = workspaces.get_mut(workspace) else { return };
        if let Some(connections) = users.get_mut(user) {
            *connections -= 1;
            if *connections == 0 {
                users.remove(user);
            }
        }
        if users.is_empty() {
            workspaces.remove(workspace);
        }
    }
}

impl fmt::Debug for Presence {
    /// Nobody's name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presence").field("workspaces", &self.workspaces()).finish_non_exhaustive()
    }
}

/// A connection that is open.
pub(crate) struct Present {
    presence: Arc<Presence>,
    workspace: Box<str>,
    user: Box<str>,
}

impl Drop for Present {
    fn drop(&mut self) {
        self.presence.leave(&self.workspace, &self.user);
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
        drop(first);
        assert_eq!(presence.users("w").len(), 2);
        drop(second);
        assert_eq!(presence.users("w"), ["bob".into()]);
        drop((bob, elsewhere));
        assert!(presence.users("w").is_empty());
        assert_eq!(presence.workspaces(), 0, "nothing is kept of who was there");
    }
}
