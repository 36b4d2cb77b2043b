//! All keys of a workspace in one message.
//!
//! Knows no session, no room and no other message.

use std::sync::{Arc, Weak};

use bytes::Bytes;

use super::{
    entry::Entry,
    op::{write_number, write_string},
    settings::Opening,
};
use crate::dialect::{Collections, Unreadable};

/// The map of the entries.
pub(super) const ENTRIES: u64 = 0;

/// What a workspace holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) keys: u64,
    /// Of keys and stored entries.
    pub(super) bytes: u64,
}

/// What a message with all keys is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form<'a> {
    /// The first message of a session in the workspace of this name.
    Init(Opening, &'a str),
    /// The answer to a caller.
    State,
}

/// Counts all there is.
///
/// # Errors
/// [`Unreadable`].
pub(super) fn count(collections: &impl Collections) -> Result<Totals, Unreadable> {
    let mut totals = Totals::default();
    collections.entries(ENTRIES, |key, stored| totals.add(key, stored.len()))?;
    Ok(totals)
}

/// Writes all there is, and counts it on the way.
///
/// # Errors
/// [`Unreadable`], also when a stored entry or its key is none of ours.
pub(super) fn write(
    form: Form<'_>,
    collections: &impl Collections,
    out: &mut Vec<u8>,
) -> Result<Totals, Unreadable> {
    out.extend_from_slice(match form {
        Form::Init(..) => br#"{"type":"init","data":{"#,
        Form::State => br#"{"data":{"#,
    });
    let (mut totals, mut all_read) = (Totals::default(), true);
    collections.entries(ENTRIES, |key, stored| {
        let (Ok(name), Some(entry)) = (str::from_utf8(key), Entry::read(stored)) else {
            all_read = false;
            return;
        };
        if totals.keys > 0 {
            out.push(b',');
        }
        totals.add(key, stored.len());
        write_string(name, out);
        out.push(b':');
        match form {
            Form::Init(Opening::Entries, workspace) => write_entry(workspace, name, &entry, out),
            _ => out.extend_from_slice(entry.value),
        }
    })?;
    out.extend_from_slice(b"}}");
    if all_read { Ok(totals) } else { Err(Unreadable) }
}

fn write_entry(workspace: &str, key: &str, entry: &Entry<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"workspace_id":"#);
    write_string(workspace, out);
    out.extend_from_slice(br#","key":"#);
    write_string(key, out);
    out.extend_from_slice(br#","value":"#);
    out.extend_from_slice(entry.value);
    out.extend_from_slice(br#","timestamp":"#);
    write_number(entry.timestamp, out);
    out.push(b'}');
}

impl Totals {
    fn add(&mut self, key: &[u8], stored_bytes: usize) {
        self.keys += 1;
        self.bytes += (key.len() + stored_bytes) as u64;
    }
}

/// The last opening message, or state, for as long as somebody is still being sent it: when everyone
/// comes back at once, it is read once and held once.
#[derive(Debug, Default)]
pub(super) struct LastOpening {
    message: Weak<Vec<u8>>,
    version: u64,
}

impl LastOpening {
    /// The message, if it still says all.
    pub(super) fn at(&self, version: u64) -> Option<Bytes> {
        let message = self.message.upgrade().filter(|_| self.version == version)?;
        Some(Bytes::from_owner(Shared(message)))
    }

    /// Remembers a message while it lives.
    pub(super) fn share(&mut self, message: Vec<u8>, version: u64) -> Bytes {
        let message = Arc::new(message);
        *self = Self { message: Arc::downgrade(&message), version };
        Bytes::from_owner(Shared(message))
    }
}

struct Shared(Arc<Vec<u8>>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_opening_is_shared_while_it_lives_and_nothing_changes() {
        let mut last = LastOpening::default();
        assert!(last.at(0).is_none());
        let first = last.share(b"all".to_vec(), 4);
        let second = last.at(4).unwrap();
        assert_eq!(second.as_ptr(), first.as_ptr());
        assert!(last.at(5).is_none());
        drop((first, second));
        assert!(last.at(4).is_none());
    }
}
