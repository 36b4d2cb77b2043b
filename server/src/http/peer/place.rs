//! The paths of the dialect: which room, and what of it.
//!
//! The raw path is split before its segments are decoded: a room's name may hold a slash.

use syncline_protocol::dialects::peer::relay::is_room_name;

use super::failed::Failed;
use crate::http::target::{below, decoded};

/// What every path here begins with, without the slash behind it.
pub(in crate::http) const PATH: &str = "/v1/peer";

/// A room, or something of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) room: String,
    pub(super) of: Of,
}

/// What of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    /// A WebSocket in it.
    Socket,
    /// Its stored packets.
    Packets,
}

impl Place {
    /// What a raw path is about.
    ///
    /// # Errors
    /// [`Failed::NoPlace`], or [`Failed::Bad`] when the name is none of a room.
    pub(super) fn of(path: &str) -> Result<Self, Failed> {
        let rest = below(path, PATH).ok_or(Failed::NoPlace)?;
        let (room, of) = match rest.split_once('/') {
            None => (rest, Of::Socket),
            Some((room, "packets")) => (room, Of::Packets),
            Some(_) => return Err(Failed::NoPlace),
        };
        Ok(Self { room: room_name(room)?, of })
    }
}

/// The name of a room as a segment of a path says it.
///
/// # Errors
/// [`Failed::Bad`] when it is none.
pub(super) fn room_name(segment: &str) -> Result<String, Failed> {
    let name = decoded(segment).filter(|name| is_room_name(name));
    let bad =
        Failed::Bad("the name of a room is 1 to 128 bytes of UTF-8, none a control character");
    name.map(Into::into).ok_or(bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(path: &str) -> Result<(String, Of), &'static str> {
        match Place::of(path) {
            Ok(Place { room, of }) => Ok((room, of)),
            Err(Failed::NoPlace) => Err("none"),
            Err(Failed::Bad(_)) => Err("bad"),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn names_are_decoded_after_the_path_is_split() {
        assert_eq!(place("/v1/peer/a%2Fb%20%C3%A9"), Ok(("a/b é".into(), Of::Socket)));
        assert_eq!(place("/v1/peer/a%2Fpackets"), Ok(("a/packets".into(), Of::Socket)));
        assert_eq!(place("/v1/peer/user:1/packets"), Ok(("user:1".into(), Of::Packets)));
        let longest = "x".repeat(128);
        assert_eq!(place(&format!("/v1/peer/{longest}")), Ok((longest, Of::Socket)));
    }

    #[test]
    fn what_names_nothing_is_bad_or_nowhere() {
        for path in ["/v1/peer/", "/v1/peer//packets", "/v1/peer/%ff", "/v1/peer/a%0ab"] {
            assert_eq!(place(path), Err("bad"), "{path}");
        }
        assert_eq!(place(&format!("/v1/peer/{}", "x".repeat(129))), Err("bad"));
        for path in ["/v1/peer", "/v1/peers/a", "/v1/peer/a/", "/v1/peer/a/packets/1"] {
            assert_eq!(place(path), Err("none"), "{path}");
        }
    }
}
