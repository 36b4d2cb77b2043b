//! The data room's part of an invite: whether a code lets in, and who of several hosts lets in.

use super::{Edit, Event, InviteAsk, Participant, Redeemed, Why, WriteError, halt::Step};
use crate::dialects::peer::{
    id::{PeerId, RequestId},
    invite::{Asked, Decision, Group, Redeem, Shown},
    kind::RoomKind,
    now::Now,
    packet::Kind,
    rows::Row,
    store::{Store, StoreFailed},
    sync::Control,
};

impl<S: Store> Participant<S> {
    /// Asks this data room whether a code that was shown in an invite room lets its joiner in; if so, the
    /// joiner is a member from now on and the code is used up. The same request is answered the same way
    /// again. The answer may be given after [`outputs`](Self::outputs) has returned.
    ///
    /// With other hosts in the room one of them is found first: [`Redeemed::NotMine`] until then, and the
    /// joiner asks again.
    ///
    /// # Errors
    /// [`WriteError`]; the code is not used up.
    pub fn redeem(&mut self, ask: &InviteAsk, now: Now) -> Result<Redeemed, WriteError> {
        if self.kind != RoomKind::Data {
            return Err(WriteError::WrongRoomKind);
        }
        let answer = self.judge_code(ask, now);
        self.settle(now);
        answer
    }

    fn judge_code(&mut self, ask: &InviteAsk, now: Now) -> Result<Redeemed, WriteError> {
        let settings = self.group_settings()?;
        let group = Group { me: &self.me, access: &self.access, settings: &settings };
        let shown = Shown {
            group: &ask.group,
            request: &ask.request,
            joiner: &ask.joiner,
            key: &ask.keys.sign,
            code: &ask.code,
        };
        let adjusted = self.time.adjusted(now);
        let rivals = self.has_rivals();
        let granted = Redeemed::Granted { data_room: self.room.clone(), host: self.keys.public() };
        let asked = self.host.asked(adjusted, &shown, &group, rivals, &mut *self.random);
        let changes = self.host.take_changes();
        if !changes.is_empty() {
            self.store.apply(changes)?;
        }
        match asked {
            Asked::NotMine | Asked::Later => Ok(Redeemed::NotMine),
            Asked::Refused => Ok(Redeemed::Refused),
            Asked::Again => Ok(granted),
            Asked::Redeem(redeem) => {
                self.let_member_in(redeem, now)?;
                Ok(granted)
            }
        }
    }

    fn group_settings(&self) -> Result<Vec<Row>, StoreFailed> {
        self.replica.table(&self.store, "group_settings")
    }

    /// Whether somebody else is here who may let others in.
    fn has_rivals(&self) -> bool {
        self.people.reachable().any(|(_, person)| self.access.may_admit(&person.canonical))
    }

    fn let_member_in(&mut self, redeem: Redeem, now: Now) -> Result<(), WriteError> {
        let Redeem { joiner, edits, changes, .. } = redeem;
        self.store.apply(changes)?;
        let edit = |edit: crate::dialects::peer::rows::Edit| Edit {
            table: edit.table.to_string(),
            id: edit.id,
            value: edit.value,
        };
        self.make_edits(edits.into_iter().map(edit).collect(), now)?;
        self.tell(Event::InviteRedeemed { member: joiner.canonical() });
        Ok(())
    }

    /// Another host says that it takes a code.
    pub(super) fn invite_claimed(&mut self, claim: &RequestId, by: &PeerId, now: Now) -> Step {
        if self.kind != RoomKind::Data {
            return Err(Why::WrongRoomKind.into());
        }
        let group = Group { me: &self.me, access: &self.access, settings: &[] };
        self.host.claimed(now, by, claim, &group);
        Ok(())
    }

    /// Claims codes, and lets in whom other hosts left to this one.
    pub(super) fn due_host(&mut self, now: Now) -> Step {
        while self.host.deadline().is_some_and(|at| at <= now.elapsed) {
            let settings = self.group_settings()?;
            let group = Group { me: &self.me, access: &self.access, settings: &settings };
            let decision = self.host.due(self.time.adjusted(now), &group);
            match decision {
                None => break,
                Some(Decision::Claim(claim)) => {
                    let request = self.new_request();
                    let packet = self.packet(Kind::UnicastReq, &request);
                    let claim = Control::InviteClaim { request: claim };
                    self.send_around(packet, &claim.encode(), now);
                }
                Some(Decision::Redeem(redeem)) => {
                    // Whoever lost the right meanwhile lets nobody in.
                    if let Err(WriteError::Store(failed)) = self.let_member_in(redeem, now) {
                        return Err(failed.into());
                    }
                }
            }
        }
        Ok(())
    }
}
