//! What the server says: to whom it goes. Decides nothing about maps.

use std::time::Duration;

use bytes::Bytes;
use syncline_protocol::dialects::maps::proto::{
    Ack, Envelope, ErrorCode, ErrorMessage, Ping, Pong, SyncResponse, envelope::Payload,
    sync_response::Status,
};

use super::{
    super::replica::Replica,
    Ended, Machine, Now,
    asked::{Asked, Question},
    course::{Reading, Step},
    told::words,
    wire,
};

impl Machine {
    /// Takes a message of the server. What it changes is kept by the replica when this returns.
    ///
    /// # Errors
    /// [`Ended`] when the connection must end.
    pub(crate) fn receive(
        &mut self,
        replica: &mut impl Replica,
        message: Bytes,
        now: Now,
    ) -> Result<(), Ended> {
        self.silent_since = None;
        let Envelope { correlation_id, payload } = wire::read(message, &self.rules)?;
        // An answer to no question of ours has no number.
        let number = correlation_id.parse().unwrap_or(0);
        match payload {
            Some(Payload::AuthResp(response)) => self.authenticated(replica, &response, now),
            Some(Payload::Error(error)) => self.failed(replica, number, &error, now),
            _ if !self.is_online() => Ok(()),
            Some(Payload::Ack(ack)) => self.ack(replica, number, &ack, now),
            Some(Payload::SyncResp(response)) => self.response(replica, number, response, now),
            Some(Payload::Batch(batch)) => self.changes(replica, batch, now),
            Some(Payload::Op(op)) => self.change(replica, op),
            Some(Payload::Ping(ping)) => {
                self.pong(ping, now);
                Ok(())
            }
            Some(Payload::Pong(pong)) => {
                self.server_time(replica, &pong.server_time, now);
                Ok(())
            }
            // What a client alone says, or what is unknown here.
            Some(
                Payload::Auth(_)
                | Payload::SyncReq(_)
                | Payload::Subscribe(_)
                | Payload::Unsubscribe(_),
            )
            | None => Ok(()),
        }
    }

    fn pong(&mut self, ping: Ping, now: Now) {
        // One who asks faster than it reads is not answered.
        if self.out.is_empty() {
            let time = words(&ping.time);
            let server_time = format!("{}:0:~", now.wall.0);
            self.send_alone(Payload::Pong(Pong { time, server_time }));
        }
    }

    fn ack(
        &mut self,
        replica: &mut impl Replica,
        number: u64,
        ack: &Ack,
        now: Now,
    ) -> Result<(), Ended> {
        if let Some((batch, in_time)) = self.pushes.take(number) {
            return self.acked(replica, batch, in_time, ack, now);
        }
        // A server that has no errors says so of other requests like this.
        let Some(code) = ack.results.first().map(|result| result.code) else { return Ok(()) };
        let Some(asked) = self.requests.remove(number) else { return Ok(()) };
        let error = ErrorMessage { code, ..ErrorMessage::default() };
        self.request_failed(replica, asked, &error, now)
    }

    fn response(
        &mut self,
        replica: &mut impl Replica,
        number: u64,
        response: SyncResponse,
        now: Now,
    ) -> Result<(), Ended> {
        self.server_time(replica, &response.server_time, now);
        let (parts_max, timeout) = (self.rules.parts_max, self.rules.request_timeout);
        let Some(asked) = self.requests.get_mut(number) else { return Ok(()) };
        if !response.map_name.is_empty() && *response.map_name != *asked.map {
            return Err(Ended::Violation("an answer about another map"));
        }
        asked.parts += 1;
        asked.deadline = now.at + timeout;
        if asked.parts > parts_max {
            return Err(Ended::Violation("an answer without end"));
        }
        let whole = !response.more || matches!(asked.question, Question::Pull(..));
        let asked = asked.clone();
        if whole {
            self.requests.remove(number);
            self.answered(&asked.map);
        }
        if response.status == Status::ResetRequired as i32 {
            self.requests.remove(number);
            self.answered(&asked.map);
            self.reset(replica, &asked.map, now);
            return Ok(());
        }
        match asked.question {
            Question::Pull(reading, ref from) => {
                self.pulled(replica, &asked, (reading, from), response, now)
            }
            Question::Buckets => self.bucketed(replica, &asked, response, now),
            Question::Ranges => self.ranged(replica, &asked, response),
            Question::Revert(ref keys) => self.reverted(replica, &asked, keys, response, now),
        }
    }

    /// The server wants a map read anew: what waits is sent first.
    pub(super) fn reset(&mut self, replica: &impl Replica, map: &super::MapName, now: Now) {
        const RESETS_MAX: u32 = 3;
        let Some(course) = self.courses.get_mut(map) else { return };
        course.reset = true;
        course.reading = None;
        course.resets += 1;
        if course.resets > RESETS_MAX {
            self.wait_long(map, now);
        } else {
            self.go(map, Step::Push(None));
            self.dirty(map);
            self.pushes.urgent = true;
            if self.pushes.is_held() {
                self.after_push(replica, map);
            }
        }
    }

    /// How long the server wants to be left alone.
    pub(super) fn retry_after(&self, error: &ErrorMessage) -> Duration {
        Duration::from_millis(error.retry_after_ms).min(self.rules.retry_after_max)
    }

    fn failed(
        &mut self,
        replica: &mut impl Replica,
        number: u64,
        error: &ErrorMessage,
        now: Now,
    ) -> Result<(), Ended> {
        let code = ErrorCode::try_from(error.code).unwrap_or_default();
        if error.fatal || !self.is_online() {
            let retry_after_ms = error.retry_after_ms;
            return Err(Ended::Refused { code, message: words(&error.message), retry_after_ms });
        }
        if matches!(code, ErrorCode::TokenExpired | ErrorCode::Unauthenticated) {
            self.want_token();
        }
        if let Some((batch, in_time)) = self.pushes.take(number) {
            return self.push_failed(replica, batch, in_time, error, now);
        }
        if let Some(asked) = self.requests.remove(number) {
            return self.request_failed(replica, asked, error, now);
        }
        if code == ErrorCode::RateLimited {
            self.requests_after = Some(now.at + self.retry_after(error));
        }
        Ok(())
    }

    fn request_failed(
        &mut self,
        replica: &mut impl Replica,
        asked: Asked,
        error: &ErrorMessage,
        now: Now,
    ) -> Result<(), Ended> {
        self.answered(&asked.map);
        let after = self.retry_after(error);
        let map = &asked.map;
        match (ErrorCode::try_from(error.code).unwrap_or_default(), &asked.question) {
            (ErrorCode::CursorInvalid, _) => self.reset(replica, map, now),
            (ErrorCode::PermissionDenied, question) => {
                if let Question::Revert(keys) = question {
                    // What may not be read is nothing to this client.
                    for key in keys {
                        replica.revert(map, key, None)?;
                    }
                }
                self.tell(super::Event::Unreadable(map.clone()));
                self.wait_long(map, now);
            }
            (ErrorCode::RateLimited, _) => {
                self.requests_after = Some(now.at + after);
                self.wait(map, after, now);
            }
            (ErrorCode::Unsupported, Question::Pull(Reading::Changes, _)) => {
                self.without(map, |course| course.without_cursor = true);
            }
            (code, Question::Ranges) if super::verdict::is_final(code) => {
                self.without(map, |course| {
                    course.without_ranges = true;
                    // The next way is the first one now.
                    course.repairs = course.repairs.saturating_sub(1);
                });
            }
            (code, Question::Buckets) if super::verdict::is_final(code) => self.wait_long(map, now),
            _ => self.wait(map, after, now),
        }
        Ok(())
    }

    /// The server cannot do this for a map: another way is taken.
    fn without(&mut self, map: &super::MapName, mark: impl FnOnce(&mut super::Course)) {
        if let Some(course) = self.courses.get_mut(map) {
            mark(course);
            self.go(map, Step::Pull(Reading::Changes));
        }
    }
}
