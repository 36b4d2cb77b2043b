//! Asking a dataset, and making its answers bodies.

use std::time::Duration;

use http::StatusCode;
use syncline_protocol::dialects::oplog::{self, Checkpoint, Command, Pull, Push, Request, Reset};
use tokio::{
    task::{spawn_blocking, spawn_local},
    time::{Instant, sleep_until},
};

use super::{
    Api, Failed,
    call::Call,
    news::Waiting,
    records::{self, Lost},
    tenant::Tenant,
};
use crate::{
    http::{
        answer::{Answer, JSON, streamed},
        intake::Received,
        target::parameter,
    },
    hub::CallFailed,
    uuid::uuid,
};

/// How often a dataset is asked that is replaced while it is read.
const TRIES: usize = 3;
/// A larger body is read beside the shard's loop, where others wait.
const READ_BESIDE_BYTES: usize = 512 << 10;

impl Api {
    pub(super) async fn bootstrap(&self, tenant: &Tenant) -> Result<Answer, Failed> {
        for _ in 0..TRIES {
            let answer = self.ask(tenant, Request::Bootstrap, 0).await?;
            if let Some(answer) = self.reply(tenant, answer)? {
                return Ok(answer);
            }
        }
        Err(Failed::Moving)
    }

    pub(super) async fn pull(
        &self,
        tenant: &Tenant,
        query: Option<&str>,
    ) -> Result<Answer, Failed> {
        let named = |name| parameter(query, name).map_err(|_| Failed::NoText);
        let (since, client_id) = (named("since")?, named("clientId")?);
        let generation = named("datasetGenerationKey")?;
        let pull = Pull::new(since.as_deref(), client_id.as_deref(), generation.as_deref());
        let pull = pull.map_err(Failed::Bad)?;
        let wait = self.wait(named("wait")?.as_deref())?;
        let mut waiting = wait.map(|until| (self.shared.news.wait_for(&tenant.room), until));
        for _ in 0..TRIES {
            let mut answer = self.ask(tenant, Request::Pull(pull.clone()), 0).await?;
            if let Some((news, until)) = waiting.take()
                && has_nothing(&answer)
                && self.is_told(news, until).await
            {
                answer = self.ask(tenant, Request::Pull(pull.clone()), 0).await?;
            }
            if let Some(answer) = self.reply(tenant, answer)? {
                return Ok(answer);
            }
        }
        Err(Failed::Moving)
    }

    /// Push, reset and checkpoint.
    pub(super) async fn change(
        &self,
        tenant: &Tenant,
        call: Call,
        body: Received,
    ) -> Result<Answer, Failed> {
        let bytes = body.bytes.len();
        let scopes = self.scopes;
        let read = move || {
            let read = match call {
                Call::Reset => Reset::decode(&body.bytes).map(Request::Reset),
                Call::Checkpoint => Checkpoint::decode(&body.bytes).map(Request::Checkpoint),
                _ => Push::decode(&body.bytes, scopes).map(Request::Push),
            };
            // It counts as held until the answer: what was read of it is as large.
            (read, body.into_held())
        };
        let (request, _held) = if bytes < READ_BESIDE_BYTES {
            read()
        } else {
            spawn_blocking(read).await.map_err(|_| Failed::Unreadable)?
        };
        let answer = match request.map_err(Failed::Bad)? {
            Request::Push(push) => self.push(tenant, push).await?,
            other => self.ask(tenant, other, bytes).await?,
        };
        // Such an answer has no records, and so cannot be overtaken.
        self.reply(tenant, answer)?.ok_or(Failed::Moving)
    }

    /// Pushes piece by piece: others have their turn between two of them.
    async fn push(&self, tenant: &Tenant, push: Push) -> Result<oplog::Answer, Failed> {
        let mut pieces = push.into_pieces();
        while let Some(piece) = pieces.next_piece() {
            let bytes = piece.bytes();
            pieces.answered(self.ask(tenant, Request::Push(piece), bytes).await?);
        }
        pieces.into_answer().ok_or(Failed::Unreadable)
    }

    /// Asks the dataset; whoever waits for its news is told of them, even when the client has gone.
    async fn ask(
        &self,
        tenant: &Tenant,
        request: Request,
        bytes: usize,
    ) -> Result<oplog::Answer, Failed> {
        let candidate = uuid().map_err(|_| Failed::Unreadable)?;
        let changes = !matches!(request, Request::Bootstrap | Request::Pull(_));
        let asked = self.hub.call(&tenant.room, Command::new(request, candidate), bytes);
        let config = &self.shared.config.oplog;
        if !changes || (config.wait_max.is_zero() && !config.events) {
            return asked.await.map_err(Failed::Call);
        }
        let (news, room) = (self.shared.news.clone(), tenant.room.clone());
        let told = spawn_local(async move {
            let answer = asked.await;
            if answer.as_ref().is_ok_and(oplog::Answer::is_news) {
                news.tell(&room);
            }
            answer
        });
        told.await.unwrap_or(Err(CallFailed::Stopped)).map_err(Failed::Call)
    }

    /// The answer as it is sent; `None` when the dataset was replaced before its records were read.
    fn reply(&self, tenant: &Tenant, answer: oplog::Answer) -> Result<Option<Answer>, Failed> {
        let reply = answer.into_reply();
        let status = StatusCode::from_u16(reply.status).map_err(|_| Failed::Unreadable)?;
        let log = match &reply.records {
            Some(records) if records.count() > 0 => {
                self.hub.log(&tenant.room).map_err(|_| Failed::Unreadable)?
            }
            _ => None,
        };
        match records::body(reply, log.as_ref()) {
            Ok(body) => Ok(Some(streamed(status, JSON, body))),
            Err(Lost::Trimmed) => Ok(None),
            Err(Lost::Unreadable) => Err(Failed::Unreadable),
        }
    }

    /// Until when a pull waits for news, if it may and wants to.
    fn wait(&self, wanted: Option<&str>) -> Result<Option<Instant>, Failed> {
        let wait_max = self.shared.config.oplog.wait_max;
        let Some(wanted) = wanted.filter(|_| !wait_max.is_zero()) else { return Ok(None) };
        let seconds: f64 = wanted.parse().map_err(|_| Failed::NoWait)?;
        let wait = Duration::try_from_secs_f64(seconds).map_err(|_| Failed::NoWait)?;
        Ok((!wait.is_zero()).then(|| Instant::now() + wait.min(wait_max)))
    }

    /// Whether there is news before it is time to answer without.
    async fn is_told(&self, mut news: Waiting, until: Instant) -> bool {
        tokio::select! {
            () = news.told() => true,
            () = sleep_until(until) => false,
            () = self.stopping() => false,
        }
    }

    /// Ends when the server stops.
    pub(super) async fn stopping(&self) {
        // A sender that is gone has stopped too.
        let _ = self.stop.clone().wait_for(|stop| *stop).await;
    }
}

fn has_nothing(answer: &oplog::Answer) -> bool {
    matches!(answer, oplog::Answer::Pulled { records, .. } if records.count() == 0)
}
