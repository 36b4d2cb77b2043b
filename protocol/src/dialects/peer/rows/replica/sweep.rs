//! Forgets deletions that everyone knows (dossier, H20).

use super::{
    super::super::{
        now::Now,
        store::{Change, Space, Store, StoreFailed},
    },
    super::{row::BUILT_IN, vector::VersionVector},
    heads::{Head, Key},
    state::{Replica, read},
};

/// Deletions that one sweep forgets, at most.
const FORGOTTEN_MAX: usize = 4096;

const DAY_MICROS: i64 = 86_400_000_000;

impl Replica {
    /// Takes deletions out of the digest whose [days](super::Settings::deletion_days) are over, and forgets
    /// those of them that lie below `floor`: the [floor](Self::floor) of what all know. Without a floor none
    /// is forgotten, and none ever of the tables that are built in. To be called after opening and then now
    /// and again; returns how many were forgotten, 4,096 at most.
    ///
    /// The digest goes by whole days of UTC, so that replicas agree in it whatever each could forget.
    ///
    /// # Errors
    /// [`StoreFailed`].
    pub fn sweep(
        &mut self,
        store: &mut dyn Store,
        floor: Option<&VersionVector>,
        now: Now,
    ) -> Result<usize, StoreFailed> {
        let days = i64::from(self.settings.deletion_days);
        let before = (now.wall_micros.div_euclid(DAY_MICROS) - days).saturating_mul(DAY_MICROS);
        self.retired_before = self.retired_before.max(before);
        let (mut due, mut forgotten) = (Vec::new(), Vec::new());
        for (number, table) in self.heads.tables.iter().enumerate() {
            // A member who was removed could send his old row again, which an administrator has signed.
            let forgets = !BUILT_IN.contains(&table.name.as_str());
            let old = |head: &Head| head.deleted && head.micros < self.retired_before;
            for (path, head) in table.heads.iter().filter(|(_, head)| old(head)) {
                let key = Key { table: number as u8, path: *path };
                let hlc = self.heads.hlc(head);
                let known =
                    |floor: &VersionVector| floor.covers(&hlc) && self.frontier().covers(&hlc);
                if !head.retired {
                    due.push((key, read(store, key.path)?.leaf()));
                }
                if forgets && forgotten.len() < FORGOTTEN_MAX && floor.is_some_and(known) {
                    forgotten.push(key);
                }
            }
        }
        for (key, leaf) in &due {
            self.heads.retire(*key, leaf);
        }
        if !forgotten.is_empty() {
            let gone =
                |key: &Key| Change { space: Space::Rows, key: key.path.0.to_vec(), value: None };
            store.apply(forgotten.iter().map(gone).collect())?;
        }
        for key in &forgotten {
            self.heads.remove(*key, None);
        }
        Ok(forgotten.len())
    }
}
