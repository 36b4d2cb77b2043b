//! `GET /v1/peer/ROOM/packets`: what is stored of a room, a page at a time.
//!
//! A page ends at so many packets, so many bytes, or so many records looked at: one request costs no more
//! than that, however little of a room its reader may see.

use data_encoding::BASE64;
use serde_json::{Value, json};
use syncline_engine::{Log, Seq};
use syncline_protocol::dialects::peer::relay::Stored;

use super::failed::Failed;
use crate::http::target::parameter;

/// Packets of a page when nobody says how many.
const LIMIT: usize = 100;
/// Packets of a page.
const LIMIT_MAX: usize = 1_000;
/// Bytes of the packets of a page; one alone may be longer.
const PAGE_BYTES_MAX: usize = 1 << 20;
/// Records looked at, and bytes of them, for one page.
const LOOKED_AT_MAX: usize = 10_000;
const LOOKED_AT_BYTES_MAX: usize = 8 << 20;

/// What somebody asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    after_seq: u64,
    limit: usize,
    sender_id: Option<String>,
    request_id: Option<String>,
}

impl Wanted {
    /// What a query asks for.
    ///
    /// # Errors
    /// [`Failed::Bad`].
    pub(super) fn of(query: Option<&str>) -> Result<Self, Failed> {
        let limit = number(query, "limit")?.map_or(LIMIT, |n| n.try_into().unwrap_or(usize::MAX));
        if !(1..=LIMIT_MAX).contains(&limit) {
            return Err(Failed::Bad("limit wants a whole number from 1 to 1000"));
        }
        Ok(Self {
            after_seq: number(query, "after_seq")?.unwrap_or(0),
            limit,
            sender_id: text(query, "sender_id")?,
            request_id: text(query, "request_id")?,
        })
    }

    /// Whether this packet was asked for by this reader.
    fn has(&self, stored: &Stored<'_>, reader: &str) -> bool {
        let is = |wanted: &Option<String>, id| wanted.as_ref().is_none_or(|wanted| wanted == id);
        stored.is_visible_to(reader)
            && is(&self.sender_id, stored.route.sender_id)
            && is(&self.request_id, stored.route.request_id)
    }
}

/// A page for this reader of what stands in a room's log up to and with `last`.
///
/// # Errors
/// [`Failed::Unreadable`].
pub(super) fn page(
    log: Option<&Log>,
    last: u64,
    wanted: &Wanted,
    reader: &str,
) -> Result<Value, Failed> {
    let mut packets = Vec::new();
    let (mut next_after_seq, mut bytes, mut looked_at, mut looked_at_bytes) =
        (wanted.after_seq, 0, 0, 0);
    let mut more = false;
    if let Some(log) = log.filter(|_| wanted.after_seq < last) {
        let mut records = log.read(Seq(wanted.after_seq + 1)..=Seq(last));
        while let Some(record) = records.next_ref() {
            let (Seq(seq), record) = record.map_err(|error| {
                tracing::error!(%error, "stored packets cannot be read");
                Failed::Unreadable
            })?;
            let is_full = packets.len() == wanted.limit || bytes >= PAGE_BYTES_MAX;
            if is_full || looked_at == LOOKED_AT_MAX || looked_at_bytes >= LOOKED_AT_BYTES_MAX {
                more = true;
                break;
            }
            next_after_seq = seq;
            looked_at += 1;
            looked_at_bytes += record.len();
            let stored = Stored::decode(record).ok_or(Failed::Unreadable)?;
            if wanted.has(&stored, reader) {
                bytes += stored.frame.len();
                packets.push(packet(seq, &stored));
            }
        }
        if !more {
            // What was trimmed meanwhile, or before, is behind the reader too.
            next_after_seq = last;
        }
    }
    Ok(json!({ "packets": packets, "next_after_seq": next_after_seq, "more": more }))
}

fn packet(seq: u64, stored: &Stored<'_>) -> Value {
    json!({
        "seq": seq,
        "received_at": stored.received_at.0,
        "type": stored.route.kind,
        "request_id": stored.route.request_id,
        "sender_id": stored.route.sender_id,
        "target_id": stored.route.target_id,
        "packet": BASE64.encode(stored.frame),
    })
}

/// A parameter that is a number.
///
/// # Errors
/// [`Failed::Bad`] when it is another thing.
pub(super) fn number(query: Option<&str>, name: &str) -> Result<Option<u64>, Failed> {
    let value = text(query, name)?;
    let digits = |value: &String| value.bytes().all(|byte| byte.is_ascii_digit());
    let number = value.map(|value| value.parse().ok().filter(|_| digits(&value)));
    match number {
        Some(None) => Err(Failed::Bad("after_seq, since_seq, limit and seconds are whole numbers")),
        known => Ok(known.flatten()),
    }
}

/// A parameter that is text.
///
/// # Errors
/// [`Failed::Bad`] when it is no UTF-8.
pub(super) fn text(query: Option<&str>, name: &str) -> Result<Option<String>, Failed> {
    let value = parameter(query, name).map_err(|_| Failed::Bad("the query is no UTF-8"))?;
    Ok(value.map(Into::into))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_says_what_is_wanted() {
        let plain = Wanted { after_seq: 0, limit: LIMIT, sender_id: None, request_id: None };
        assert_eq!(Wanted::of(None).unwrap(), plain);
        let all =
            Wanted::of(Some("after_seq=7&limit=3&sender_id=user%3Aann&request_id=r")).unwrap();
        let named = Some("user:ann".to_owned());
        let expected =
            Wanted { after_seq: 7, limit: 3, sender_id: named, request_id: Some("r".into()) };
        assert_eq!(all, expected);
        for bad in [
            "limit=0",
            "limit=1001",
            "limit=",
            "limit=+1",
            "after_seq=-1",
            "after_seq=1.5",
            "after_seq=18446744073709551616",
            "sender_id=%ff",
        ] {
            assert!(matches!(Wanted::of(Some(bad)), Err(Failed::Bad(_))), "{bad}");
        }
        assert!(Wanted::of(Some("after_seq=18446744073709551615")).is_ok());
    }
}
