//! Messages in bytes: numbers, bounds, and operations as records. Decides nothing.

use bytes::Bytes;
use syncline_protocol::dialects::maps::{
    Hlc, Prefix, Record,
    proto::{Envelope, OperationMessage, SyncRequest, envelope::Payload, sync_request::Type},
    wire::{decode, encode},
};

use super::{Ended, Event, Machine, Rules};
use crate::maps::replica::MapName;

/// Reads a message of the server.
pub(super) fn read(message: Bytes, rules: &Rules) -> Result<Envelope, Ended> {
    decode(message, &rules.message).map_err(|_| Ended::Violation("an unreadable message"))
}

/// A watermark, if there is one.
pub(super) fn watermark(text: &str) -> Option<Hlc> {
    Hlc::parse(text).ok().filter(|watermark| watermark.millis > 0)
}

/// A request of this type about a map.
pub(super) fn request(kind: Type, map: &str) -> SyncRequest {
    SyncRequest { r#type: kind as i32, map_name: map.to_owned(), ..SyncRequest::default() }
}

/// Paths as the wire has them.
pub(super) fn paths<'a>(prefixes: impl IntoIterator<Item = &'a Prefix>) -> Vec<String> {
    prefixes.into_iter().map(Prefix::to_string).collect()
}

impl Machine {
    /// Sends a message under a new number, which is given back.
    pub(super) fn send(&mut self, payload: Payload) -> u64 {
        self.number += 1;
        let correlation_id = self.number.to_string();
        let payload = Some(payload);
        self.out.push_back(encode(&Envelope { correlation_id, payload }));
        self.number
    }

    /// Sends a message that has no answer.
    pub(super) fn send_alone(&mut self, payload: Payload) {
        let envelope = Envelope { correlation_id: String::new(), payload: Some(payload) };
        self.out.push_back(encode(&envelope));
    }

    /// The records that operations of a map carry. One that cannot be read is passed over and told: it
    /// must not hold up the others, and the map is found to differ.
    pub(super) fn records(
        &mut self,
        map: &MapName,
        ops: Vec<OperationMessage>,
    ) -> Result<Vec<Record>, Ended> {
        if ops.iter().any(|op| *op.map_name != **map) {
            return Err(Ended::Violation("an operation of another map"));
        }
        let all = ops.len();
        let read = |op| Record::from_op(op, &self.rules.message).ok();
        let records: Vec<Record> = ops.into_iter().filter_map(read).collect();
        if records.len() < all {
            self.tell(Event::Skipped { map: map.clone(), ops: all - records.len() });
        }
        Ok(records)
    }
}
