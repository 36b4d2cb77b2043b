//! Whom a token lets into which room, and as what. Pure.

use syncline_protocol::{
    dialect::UnixMillis,
    dialects::peer::{id::PeerId, kind::RoomKind},
};

use super::failed::Failed;
use crate::auth::{Denied, Identity};

/// Somebody who may come into a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entrant {
    pub(super) identity: PeerId,
    pub(super) kind: RoomKind,
    pub(super) may_publish: bool,
    pub(super) may_read_history: bool,
    pub(super) expires: UnixMillis,
}

/// Whom the holder of a token that is believed is in this room.
///
/// # Errors
/// [`Failed::Unauthorized`] when the token is none for this dialect at all, [`Failed::Forbidden`] when it
/// is for somebody or something else.
pub(super) fn admit(identity: &Identity, room: &str) -> Result<Entrant, Failed> {
    if identity.room_grant_unreadable {
        return Err(Failed::Unauthorized(Denied::Claims));
    }
    let expires = identity.expires.ok_or(Failed::Unauthorized(Denied::NoExpiry))?;
    let subject = identity.subject.as_deref().and_then(PeerId::new);
    let subject = subject.ok_or(Failed::Unauthorized(Denied::NoSubject))?;
    let grant = &identity.room_grant;
    if !grant.admits(room) {
        return Err(Failed::Forbidden("the token is not for this room"));
    }
    Ok(Entrant {
        identity: subject,
        kind: grant.kind,
        may_publish: grant.may_publish,
        may_read_history: grant.may_read_history,
        expires,
    })
}

impl Entrant {
    /// Whether this holder may read what is stored of a room.
    ///
    /// # Errors
    /// [`Failed::Forbidden`].
    pub(super) fn may_read_packets(&self) -> Result<(), Failed> {
        match (self.may_read_history, self.kind) {
            (true, RoomKind::Data) => Ok(()),
            (true, RoomKind::Invite) => {
                Err(Failed::Forbidden("nothing is stored of a room for invites"))
            }
            (false, _) => {
                Err(Failed::Forbidden("the token does not let its holder read what is stored"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::RoomGrant;

    fn identity(adapt: impl FnOnce(&mut Identity)) -> Identity {
        let (subject, expires) = (Some("user:ann".into()), Some(UnixMillis(5)));
        let mut identity = Identity { subject, expires, ..Identity::default() };
        identity.room_grant.rooms = Some(vec!["team/*".into()]);
        adapt(&mut identity);
        identity
    }

    #[test]
    fn a_token_lets_its_subject_into_the_rooms_it_names() {
        let ann = admit(&identity(|_| ()), "team/a").unwrap();
        assert_eq!((ann.identity.as_str(), ann.expires), ("user:ann", UnixMillis(5)));
        assert!(ann.may_publish && !ann.may_read_history && ann.kind == RoomKind::Data);
        assert!(matches!(admit(&identity(|_| ()), "other"), Err(Failed::Forbidden(_))));
        let nothing = identity(|i| i.room_grant = RoomGrant::default());
        assert!(matches!(admit(&nothing, "team/a"), Err(Failed::Forbidden(_))));
    }

    #[test]
    fn a_holder_has_a_name_and_an_end() {
        let refused = |identity: Identity| match admit(&identity, "team/a") {
            Err(Failed::Unauthorized(why)) => why,
            other => panic!("{other:?}"),
        };
        for name in [None, Some(""), Some("user:"), Some("a\nb")] {
            let nameless = identity(|i| i.subject = name.map(Into::into));
            assert_eq!(refused(nameless), Denied::NoSubject, "{name:?}");
        }
        assert_eq!(refused(identity(|i| i.expires = None)), Denied::NoExpiry);
        assert_eq!(refused(identity(|i| i.room_grant_unreadable = true)), Denied::Claims);
    }

    #[test]
    fn what_is_stored_is_read_by_who_may_and_never_with_an_invite() {
        let of = |hist, kind| {
            let identity = identity(|i| {
                i.room_grant.may_read_history = hist;
                i.room_grant.kind = kind;
            });
            admit(&identity, "team/a").unwrap().may_read_packets().is_ok()
        };
        assert!(of(true, RoomKind::Data));
        assert!(!of(false, RoomKind::Data) && !of(true, RoomKind::Invite));
    }
}
