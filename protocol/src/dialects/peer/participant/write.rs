//! The owner's writes: judged as the others will judge them, signed where that counts, and sent.

use super::{Edit, Participant, WriteError, halt::Halt, marks};
use crate::dialects::peer::{
    access::{self, Verdict, is_guarded},
    kind::RoomKind,
    now::Now,
    rows::{self, Author, Row, TableName},
    store::Store,
};

impl<S: Store> Participant<S> {
    /// Makes these edits, all or none. They are read at once, durable after [`outputs`](Self::outputs), and
    /// sent to the others as soon as that is possible.
    ///
    /// # Errors
    /// [`WriteError`].
    pub fn write(&mut self, edits: Vec<Edit>, now: Now) -> Result<(), WriteError> {
        let result = self.make_edits(edits, now);
        self.settle(now);
        result
    }

    pub(super) fn make_edits(&mut self, edits: Vec<Edit>, now: Now) -> Result<(), WriteError> {
        if let Some(failed) = &self.failed {
            return Err(failed.clone().into());
        }
        let takes_out = edits.iter().any(|edit| edit.table == "members" && edit.value.is_none());
        let was_bootstrap = self.access.is_bootstrap();
        let founds = was_bootstrap && edits.iter().any(|edit| is_guarded(&edit.table));
        // Before the edits: a power cut between the two leaves a key too many, not one too few.
        let is_new = (takes_out || founds) && self.want_rotation()?;
        let made = self.make_rows(edits, now);
        let is_founded = was_bootstrap && !self.access.is_bootstrap();
        let is_needed = made.is_ok() && (takes_out || is_founded && self.has_key_of_strangers());
        if is_new && !is_needed {
            self.set_rotated()?;
        }
        made
    }

    fn make_rows(&mut self, edits: Vec<Edit>, now: Now) -> Result<(), WriteError> {
        if self.kind != RoomKind::Data {
            return Err(WriteError::WrongRoomKind);
        }
        let edits = edits.into_iter().map(row_edit).collect::<Result<Vec<_>, _>>()?;
        let (me, room, keys, access) = (self.me.canonical(), &self.room, &self.keys, &self.access);
        let mut denied = None;
        let mut author = |row: &mut Row, local: Option<&Row>| {
            if is_guarded(&row.table) {
                let sig = keys.sign(&access::signed_bytes(room, row));
                row.author = Some(Author { by: me.as_str().to_owned(), sig });
            }
            let own_key = keys.public().sign;
            let signed = access::verify(room, row, |by| (*by == me).then_some(own_key));
            let verdict = access::judge(access, &me, row, local, signed.as_ref());
            let is_allowed = matches!(verdict, Verdict::Accept);
            if !is_allowed {
                denied = Some((row.table.to_string(), row.id.clone()));
            }
            is_allowed
        };
        let adjusted = self.time.adjusted(now);
        let written = self.replica.write(&mut self.store, edits, adjusted, &mut author);
        let changes = match written {
            Ok(written) => written.changes,
            Err(rows::WriteError::Store(failed)) => {
                self.failed = Some(failed.clone());
                return Err(failed.into());
            }
            Err(rows::WriteError::Denied) => {
                let (table, id) = denied.unwrap_or_default();
                return Err(WriteError::Forbidden { table, id });
            }
            Err(rows::WriteError::Table(table)) => {
                return Err(WriteError::UnknownTable(table.to_string()));
            }
            Err(rows::WriteError::TooMuch) => return Err(WriteError::TooMany),
            Err(other) => return Err(WriteError::BadRow(other.to_string())),
        };
        if changes.rows.is_empty() {
            return Ok(());
        }
        for row in &changes.rows {
            self.access.applied(row);
            if row.deleted && row.table == "members" {
                self.group.removed(row);
            }
        }
        self.consistency.changed(now);
        let step = self.close_own_founding().and_then(|()| self.publish_written(&changes, now));
        match step {
            Err(Halt::Failed(failed)) => {
                self.failed = Some(failed.clone());
                Err(failed.into())
            }
            _ => Ok(()),
        }
    }

    /// Who makes the room founds the group only until somebody owns it.
    fn close_own_founding(&mut self) -> Result<(), Halt> {
        let me = self.me.canonical();
        if self.access.is_founder(&me) && !self.access.owners().is_empty() {
            marks::set_founded(&mut self.store)?;
            self.access.close_founding();
        }
        Ok(())
    }
}

fn row_edit(edit: Edit) -> Result<rows::Edit, WriteError> {
    let Edit { table, id, value } = edit;
    match TableName::new(&table) {
        Some(table) => Ok(rows::Edit { table, id, value }),
        None => Err(WriteError::UnknownTable(table)),
    }
}
