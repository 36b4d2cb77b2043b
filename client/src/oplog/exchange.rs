//! One question and its answer: sends what is planned and takes the answer to the machine.
//! Knows statuses and bodies; nothing of retries.

use std::{pin::pin, sync::Arc, time::Duration};

use tokio::{task::spawn_blocking, time::timeout};

use crate::kept::StateError;

use super::{
    core::{Asked, Core},
    error::SyncError,
    machine::{Plan, Refusal},
    reading::{Question, Reading, read_head},
    settings::Settings,
    shared::Shared,
    transport::{Body, ConnectionError, Request, Response, Transport},
    wire::Head,
};

/// The longest answer that is neither operations nor a snapshot, in bytes.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// Asks one server.
#[derive(Debug)]
pub(super) struct Exchange<T> {
    pub(super) transport: T,
    pub(super) shared: Arc<Shared>,
    pub(super) settings: Arc<Settings>,
}

impl<T: Transport> Exchange<T> {
    /// Does what is planned.
    pub(super) async fn run(&self, plan: Plan) -> Result<(), SyncError> {
        match plan {
            Plan::Rest => Ok(()),
            Plan::Bootstrap | Plan::Pull => self.pull(plan).await,
            Plan::Push(_) | Plan::Probe => self.push(plan).await,
            Plan::Reset => self.reset().await,
        }
    }

    /// The request for a plan, when everything that it tells of is durable: the server must not
    /// hear of what a power cut can take back.
    async fn ask(&self, plan: Plan, wait_s: Option<u64>) -> Result<Option<Asked>, SyncError> {
        let asked = self.shared.look(|core| core.ask(plan, wait_s))?;
        if let Some(commit) = asked.as_ref().and_then(|asked| asked.unsynced.clone()) {
            let waited = commit.clone();
            // A runtime that shuts down does not wait for its blocking tasks.
            let synced = spawn_blocking(move || waited.wait()).await;
            synced.map_err(|_| ConnectionError::Cut)?.map_err(StateError::from)?;
            self.shared.step(|core| core.synced(&commit));
        }
        Ok(asked)
    }

    async fn send(&self, request: Request, wait: Duration) -> Result<Response<T::Body>, SyncError> {
        let patience = self.settings.answer_timeout.saturating_add(wait);
        let sent = timeout(patience, self.transport.send(request)).await;
        let response = sent.map_err(|_| ConnectionError::TimedOut)??;
        match response.status {
            status @ (401 | 403) => Err(SyncError::Unauthorized { status }),
            _ => Ok(response),
        }
    }

    async fn piece(&self, body: &mut T::Body) -> Result<Option<bytes::Bytes>, SyncError> {
        let piece = timeout(self.settings.answer_timeout, body.next()).await;
        Ok(piece.map_err(|_| ConnectionError::TimedOut)??)
    }

    /// An answer without operations.
    async fn head(&self, mut body: T::Body, bytes_max: usize) -> Result<Head, SyncError> {
        let mut whole = Vec::new();
        while let Some(piece) = self.piece(&mut body).await? {
            whole.extend_from_slice(&piece);
            if whole.len() > bytes_max {
                return Err(SyncError::TooLarge("a snapshot"));
            }
        }
        read_head(&whole)
    }

    async fn push(&self, plan: Plan) -> Result<(), SyncError> {
        let pushed = self.try_push(plan).await;
        if pushed.is_err() {
            self.shared.step(Core::push_failed);
        }
        pushed
    }

    async fn try_push(&self, plan: Plan) -> Result<(), SyncError> {
        let Some(asked) = self.ask(plan, None).await? else { return Ok(()) };
        let (epoch, count, compressed) = (asked.epoch, asked.count, asked.request.compress);
        let response = self.send(asked.request, Duration::ZERO).await?;
        match response.status {
            200 => {
                let head = self.head(response.body, ANSWER_BYTES_MAX).await?;
                self.shared.step(|core| {
                    if core.epoch() != epoch {
                        return Ok(());
                    }
                    core.answered();
                    core.migrated(&head.dataset_generation_key)?;
                    if plan == Plan::Probe { core.probed() } else { core.pushed(count) }
                })
            }
            409 => self.stale(response.body, epoch).await,
            400 | 415 if compressed => {
                self.shared.step(Core::stop_compressing);
                Ok(())
            }
            status @ (400 | 413 | 422) => {
                let refusal = self.shared.step(|core| {
                    if core.epoch() == epoch {
                        core.push_refused(status, count)
                    } else {
                        Refusal::Retry
                    }
                });
                match refusal {
                    Refusal::Retry => Ok(()),
                    Refusal::Everything => Err(refused(&response)),
                }
            }
            _ => Err(refused(&response)),
        }
    }

    /// Our generation is not the server's: it sends its own.
    async fn stale(&self, body: T::Body, epoch: u64) -> Result<(), SyncError> {
        let head = self.head(body, self.settings.snapshot_bytes_max).await?;
        self.shared.step(|core| {
            if core.epoch() != epoch {
                return Ok(());
            }
            core.answered();
            core.stale(head)
        })
    }

    async fn reset(&self) -> Result<(), SyncError> {
        let Some(asked) = self.ask(Plan::Reset, None).await? else { return Ok(()) };
        let (epoch, compressed) = (asked.epoch, asked.request.compress);
        let response = self.send(asked.request, Duration::ZERO).await?;
        let status = response.status;
        match status {
            400 | 415 if compressed => {
                self.shared.step(Core::stop_compressing);
                return Ok(());
            }
            200 => drop(self.head(response.body, ANSWER_BYTES_MAX).await?),
            // The key is known: an earlier attempt of ours has come through. If another reset has
            // followed it, the next pull says so.
            409 | 400 | 413 | 422 => {}
            _ => return Err(refused(&response)),
        }
        self.shared.step(|core| match status {
            _ if core.epoch() != epoch => Ok(()),
            200 | 409 => core.reset_done(),
            _ => core.reset_refused(status),
        })
    }

    async fn pull(&self, plan: Plan) -> Result<(), SyncError> {
        let wait_s = self.settings.wait.as_secs();
        let waits = plan == Plan::Pull && wait_s > 0;
        let Some(asked) = self.ask(plan, waits.then_some(wait_s)).await? else { return Ok(()) };
        let epoch = asked.epoch;
        let question = match plan {
            Plan::Bootstrap => Question::Bootstrap,
            _ => Question::Pull(asked.since),
        };
        let wait = if waits { self.settings.wait } else { Duration::ZERO };
        let mut sent = pin!(self.send(asked.request, wait));
        let response = loop {
            tokio::select! {
                response = &mut sent => break response?,
                // What is recorded while the server waits for news does not wait for it.
                plan = self.shared.urgent(), if waits => match plan {
                    Plan::Push(_) | Plan::Probe => self.push(plan).await?,
                    _ => return Ok(()),
                },
            }
            if self.shared.look(Core::epoch) != epoch {
                return Ok(());
            }
        };
        match response.status {
            200 => self.intake(response.body, Reading::new(question, epoch, &self.settings)).await,
            409 => self.stale(response.body, epoch).await,
            _ => Err(refused(&response)),
        }
    }

    /// Takes in an answer with operations as it arrives.
    async fn intake(&self, mut body: T::Body, mut reading: Reading) -> Result<(), SyncError> {
        while let Some(piece) = self.piece(&mut body).await? {
            reading.feed(&piece)?;
            if !self.shared.step(|core| reading.take_in(core))? {
                return Ok(());
            }
        }
        self.shared.step(|core| reading.end(core))
    }
}

fn refused<B>(response: &Response<B>) -> SyncError {
    SyncError::Refused { status: response.status, retry_after: response.retry_after }
}
