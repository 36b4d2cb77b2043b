//! Putting back what the server has where a write was refused.

use std::time::Duration;

use syncline_protocol::dialects::maps::proto::{
    SyncResponse, envelope::Payload, sync_request::Type,
};

use super::{
    super::replica::{MapName, Replica},
    Ended, Machine, Now,
    asked::{Asked, Question},
    wire,
};

/// Keys that are asked for at once.
const KEYS_MAX: usize = 256;

impl Machine {
    /// Asks what the server has under keys whose write was refused.
    pub(super) fn ask_rejected(
        &mut self,
        replica: &mut impl Replica,
        map: &MapName,
        now: Now,
    ) -> Result<(), Ended> {
        let keys = replica.rejected(map, KEYS_MAX);
        if keys.is_empty() {
            self.after_push(replica, map);
            return Ok(());
        }
        let mut request = wire::request(Type::Get, map);
        request.keys = keys.iter().map(ToString::to_string).collect();
        let number = self.send(Payload::SyncReq(request));
        self.asks(replica, map, number, Question::Revert(keys), now);
        Ok(())
    }

    /// What the server has under them, or a part of it.
    pub(super) fn reverted(
        &mut self,
        replica: &mut impl Replica,
        asked: &Asked,
        keys: &[Box<str>],
        response: SyncResponse,
        now: Now,
    ) -> Result<(), Ended> {
        let map = &asked.map;
        let more = response.more;
        let before = replica.rejected(map, usize::MAX).len();
        let records = self.records(map, response.ops)?;
        for record in records.into_iter().filter(|record| keys.contains(&record.key)) {
            let key: Box<str> = record.key.clone();
            replica.revert(map, &key, Some(record))?;
        }
        let missing =
            response.missing_keys.iter().filter(|key| keys.contains(&key.as_str().into()));
        for key in missing {
            replica.revert(map, key, None)?;
        }
        if more {
            return Ok(());
        }
        if replica.rejected(map, usize::MAX).len() < before {
            self.after_push(replica, map);
        } else {
            // An answer that says nothing of what was asked.
            self.wait(map, Duration::ZERO, now);
        }
        Ok(())
    }
}
