//! The HTTP upgrade, no more of it than a benchmark needs. Knows no socket.

use tungstenite::handshake::derive_accept_key;

/// The subprotocol of the relay's binary framing.
pub(crate) const SUBPROTOCOL: &str = "syncline.relay.v1";

/// The key every request of ours sends: a server answers it like any other.
const KEY: &str = "c3luY2xpbmUgYmVuY2ggIQ==";

/// An upgrade request for `path` on `host`. Offers the subprotocol that is named.
pub(crate) fn request(host: &str, path: &str, subprotocol: Option<&str>) -> Vec<u8> {
    let subprotocol =
        subprotocol.map(|name| format!("Sec-WebSocket-Protocol: {name}\r\n")).unwrap_or_default();
    format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n{subprotocol}\r\n"
    )
    .into_bytes()
}

/// Bytes of the head at the start of `bytes`, its empty line included, or `None` when it is not whole yet.
pub(crate) fn head_bytes(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
}

/// The answer to an upgrade request, or `None` when it is none.
pub(crate) fn answer(head: &[u8]) -> Option<Vec<u8>> {
    let head = std::str::from_utf8(head).ok()?;
    let accept = derive_accept_key(header(head, "sec-websocket-key")?.as_bytes());
    let subprotocol = match header(head, "sec-websocket-protocol") {
        Some(offered) if offered.split(',').any(|name| name.trim() == SUBPROTOCOL) => {
            format!("Sec-WebSocket-Protocol: {SUBPROTOCOL}\r\n")
        }
        _ => String::new(),
    };
    Some(
        format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Accept: {accept}\r\n{subprotocol}\r\n"
        )
        .into_bytes(),
    )
}

/// Whether a response head accepts [`request`] with the subprotocol that is asked for.
///
/// # Errors
/// What is wrong with it, in a few words.
pub(crate) fn check(head: &[u8], subprotocol: Option<&str>) -> Result<(), String> {
    let head = std::str::from_utf8(head).map_err(|_| "the response head is not text")?;
    let status = head.lines().next().unwrap_or_default();
    if status.split(' ').nth(1) != Some("101") {
        return Err(format!("the upgrade was answered with `{status}`"));
    }
    if header(head, "sec-websocket-accept") != Some(&derive_accept_key(KEY.as_bytes())) {
        return Err("the upgrade has a wrong Sec-WebSocket-Accept".into());
    }
    match (header(head, "sec-websocket-protocol"), subprotocol) {
        (None, Some(name)) => Err(format!("the server does not speak `{name}`")),
        (Some(name), asked) if asked != Some(name) => {
            Err(format!("the server chose the subprotocol `{name}`"))
        }
        _ => Ok(()),
    }
}

pub(super) fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().skip(1).find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_answer_accepts_our_request_in_both_framings() {
        for (asked, other) in [(Some(SUBPROTOCOL), None), (None, Some(SUBPROTOCOL))] {
            let request = request("127.0.0.1:1", "/sync", asked);
            assert_eq!(head_bytes(&request), Some(request.len()));
            assert_eq!(head_bytes(&request[..request.len() - 1]), None);
            let answer = answer(&request).unwrap();
            assert_eq!(check(&answer, asked), Ok(()));
            assert!(check(&answer, other).is_err());
        }
    }

    #[test]
    fn another_status_is_refused() {
        assert!(check(b"HTTP/1.1 404 Not Found\r\n\r\n", Some(SUBPROTOCOL)).is_err());
        assert_eq!(answer(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"), None);
    }
}
