//! The address of a room at a relay. Knows paths and how names are escaped in them.

use crate::escape::escape;

/// The URL of a room on a server such as `ws://127.0.0.1:8080`.
pub(super) fn room_url(server: &str, room: &str) -> String {
    let server = server.trim_end_matches('/');
    format!("{server}/v1/peer/{}", escape(room))
}

#[cfg(test)]
mod tests {
    use super::room_url;

    #[test]
    fn a_room_is_one_segment() {
        let url = room_url("ws://host:1/", "family é/…?x#y");
        assert_eq!(url, "ws://host:1/v1/peer/family%20%C3%A9%2F%E2%80%A6%3Fx%23y");
    }
}
