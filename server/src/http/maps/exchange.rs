//! A session that lives for one message: it is asked, its questions to rooms are, and what it says is the
//! answer.
//!
//! Knows the order of things; nothing of what a message means.

use std::{collections::VecDeque, pin::Pin, rc::Rc};

use bytes::Bytes;
use syncline_protocol::{
    dialect::{Act, Incoming, Moment, Session as _, Step},
    dialects::maps::{Answer, Command, Maps, Session},
};

use super::failed::Failed;
use crate::{
    http::{intake::Received, now},
    hub::{CallFailed, Hub},
};

/// A question on its way.
type Asked = (u64, Pin<Box<dyn Future<Output = Result<Answer, CallFailed>>>>);

/// What a session of one message said.
pub(super) struct Said {
    /// Empty when the message wanted no answer.
    pub(super) message: Bytes,
    /// Whether it would have closed a WebSocket.
    pub(super) closed: bool,
}

/// What a session of one message has said and asked.
struct Exchange<'a> {
    hub: &'a Hub<Maps>,
    said: Option<Bytes>,
    /// It broke off behind that.
    closed: bool,
    asked: VecDeque<Asked>,
    /// What the body counts with its first question.
    bytes: usize,
}

/// Gives a session its message and waits for what it says.
///
/// # Errors
/// [`Failed::BadMessage`] when the session breaks off without a word.
pub(super) async fn exchange(
    hub: &Rc<Hub<Maps>>,
    mut session: Session,
    received: Received,
) -> Result<Said, Failed> {
    let message = received.bytes.clone();
    let (asked, bytes) = (VecDeque::new(), message.len());
    let mut exchange = Exchange { hub, said: None, closed: false, asked, bytes };
    let step = session.receive(Incoming::Binary(message), moment());
    // Any other step is that the message is passed over, as a WebSocket's would be.
    if let Step::Acts(acts) = step.map_err(|violation| Failed::BadMessage(violation.reason))? {
        exchange.take(acts)?;
    }
    while exchange.said.is_none()
        && let Some((ticket, answer)) = exchange.asked.pop_front()
    {
        let outcome = answer.await.map_err(Into::into);
        exchange.take(session.answered(ticket, outcome, moment()))?;
    }
    Ok(Said { message: exchange.said.unwrap_or_default(), closed: exchange.closed })
}

impl Exchange<'_> {
    /// Does what the session wants, in order; nothing behind its answer.
    fn take(&mut self, acts: Vec<Act<Command>>) -> Result<(), Failed> {
        for act in acts {
            match act {
                Act::Send(message) => {
                    self.said.get_or_insert(message);
                }
                Act::Ask { ticket, room, command } => {
                    let bytes = std::mem::take(&mut self.bytes);
                    self.asked.push_back((ticket, Box::pin(self.hub.call(&room, command, bytes))));
                }
                Act::Close(violation) if self.said.is_none() => {
                    return Err(Failed::BadMessage(violation.reason));
                }
                Act::Close(_) => self.closed = true,
                // Nobody is there to be told later.
                Act::Watch(_) | Act::Unwatch(_) => {}
            }
        }
        Ok(())
    }
}

fn moment() -> Moment {
    Moment { now: now(), ..Moment::default() }
}
