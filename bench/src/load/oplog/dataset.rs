//! A dataset as a client of the oplog dialect knows it: its requests as bytes, and what its answers say.

use std::{io::Write as _, net::SocketAddr, time::Duration};

use crate::{
    error::Error,
    load::{
        exchanges::{Exchanges, Handler},
        net::Net,
        payload::{Payloads, Stamp},
    },
    wire::answer::Answer,
};

const STEP_TIMEOUT: Duration = Duration::from_secs(120);

/// The method and target of a push, and the type of its body.
pub(super) const PUSH: &str = "POST /sync/push";
pub(super) const JSON: &str = "application/json";

/// Operations of a push that fills a dataset.
const FILL_OPS: u64 = 1_000;

/// Where the server is.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    /// The server.
    pub(crate) address: SocketAddr,
    /// Whether it is the peer durable-streams, which keeps streams of bytes.
    pub(crate) is_stream: bool,
}

/// A dataset whose generation is known.
#[derive(Clone, Debug)]
pub(super) struct Dataset {
    generation: String,
}

/// No connections yet.
pub(super) fn exchanges(endpoint: &Endpoint) -> Result<Exchanges, Error> {
    Ok(Exchanges::new(Net::new(endpoint.address)?))
}

impl Dataset {
    /// Asks the server for its generation, on a connection of its own, and how much it holds.
    pub(super) fn find(exchanges: &mut Exchanges) -> Result<(Self, u64), Error> {
        let link = exchanges.connect()?;
        exchanges.get(link, "/sync/bootstrap");
        let body = answer(exchanges)?;
        let wrong = || Error::Violation("a bootstrap without its fields".into());
        let whole: serde_json::Value = serde_json::from_slice(&body).map_err(|_| wrong())?;
        let generation = whole["datasetGenerationKey"].as_str().ok_or_else(wrong)?.to_owned();
        let head = whole["serverSeq"].as_u64().ok_or_else(wrong)?;
        Ok((Self { generation }, head))
    }

    /// The body of a push of `count` operations of a client, its `first` one and those behind.
    pub(super) fn push(
        &self,
        client: usize,
        first: u64,
        count: u64,
        payloads: &mut Payloads,
        body: &mut Vec<u8>,
    ) {
        body.clear();
        let generation = &self.generation;
        write(
            body,
            format_args!(
                r#"{{"clientId":"bench-{client}","datasetGenerationKey":"{generation}","ops":["#
            ),
        );
        for counter in first..first + count {
            let comma = if counter == first { "" } else { "," };
            body.extend_from_slice(comma.as_bytes());
            push_op(client, counter, payloads, body);
        }
        body.extend_from_slice(b"]}");
    }

    /// The target of a pull.
    pub(super) fn pull(&self, client: usize, since: u64) -> String {
        let generation = &self.generation;
        format!(
            "/sync/pull?since={since}&clientId=bench-{client}&datasetGenerationKey={generation}"
        )
    }

    /// Fills the dataset with `ops` operations.
    pub(super) fn fill(
        &self,
        exchanges: &mut Exchanges,
        ops: u64,
        payloads: &mut Payloads,
    ) -> Result<(), Error> {
        let link = exchanges.connect()?;
        let mut body = Vec::new();
        for first in (0..ops).step_by(FILL_OPS as usize) {
            self.push(0, first, FILL_OPS.min(ops - first), payloads, &mut body);
            exchanges.send(link, PUSH, JSON, &body);
            answer(exchanges)?;
        }
        Ok(())
    }
}

/// Appends one operation of a client.
pub(super) fn push_op(client: usize, counter: u64, payloads: &mut Payloads, out: &mut Vec<u8>) {
    let clock = counter + 1;
    write(
        out,
        format_args!(
            r#"{{"scope":"list","resourceId":"list-1","actor":"bench-{client}","clock":{clock},"payload":{{"type":"insert","data":""#
        ),
    );
    out.extend_from_slice(payloads.make(Stamp { sent: 0, counter }));
    out.extend_from_slice(br#""}}"#);
}

/// The `serverSeq` of an answer, which stands in its front.
pub(super) fn server_seq(body: &[u8]) -> Option<u64> {
    const NAME: &[u8] = br#""serverSeq":"#;
    let front = &body[..body.len().min(256)];
    let at = front.windows(NAME.len()).position(|window| window == NAME)? + NAME.len();
    let digits = &body[at..];
    let end = digits.iter().position(|byte| !byte.is_ascii_digit())?;
    str::from_utf8(&digits[..end]).ok()?.parse().ok()
}

/// A dataset whose every operation is there, by what its server says at the end.
pub(super) fn check_head(
    exchanges: &mut Exchanges,
    dataset: &Dataset,
    wanted: u64,
) -> Result<(), Error> {
    let link = exchanges.connect()?;
    exchanges.get(link, &dataset.pull(0, wanted));
    match server_seq(&answer(exchanges)?) {
        Some(head) if head == wanted => Ok(()),
        head => Err(Error::Violation(format!("{wanted} operations were pushed, it has {head:?}"))),
    }
}

/// Waits for the one answer that is on its way.
pub(super) fn answer(exchanges: &mut Exchanges) -> Result<Vec<u8>, Error> {
    let mut one = One { body: None };
    let deadline = exchanges.now() + STEP_TIMEOUT.as_nanos() as u64;
    while exchanges.now() < deadline {
        exchanges.turn(Duration::from_millis(50), &mut one)?;
        if let Some(body) = one.body.take() {
            return Ok(body);
        }
    }
    Err(Error::Server(format!("no answer within {} s", STEP_TIMEOUT.as_secs())))
}

struct One {
    body: Option<Vec<u8>>,
}

impl Handler for One {
    fn answered(
        &mut self,
        _: &mut Exchanges,
        link: usize,
        answer: Answer<'_>,
        _now: u64,
    ) -> Result<(), Error> {
        ok(link, &answer)?;
        self.body = Some(answer.body.to_vec());
        Ok(())
    }
}

/// A status that tells of no success ends the run.
pub(super) fn ok(link: usize, answer: &Answer<'_>) -> Result<(), Error> {
    if (200..300).contains(&answer.status) {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&answer.body[..answer.body.len().min(200)]).into_owned();
    let status = answer.status;
    Err(Error::Violation(format!("connection {link} was answered with {status}: {said}")))
}

fn write(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a Vec takes every byte");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::payload::TEXT_BYTES_MIN;

    #[test]
    fn a_push_is_the_documented_json() {
        let dataset = Dataset { generation: "g".into() };
        let (mut body, mut payloads) = (Vec::new(), Payloads::text(TEXT_BYTES_MIN));
        dataset.push(3, 7, 2, &mut payloads, &mut body);
        let push: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            (&push["clientId"], &push["datasetGenerationKey"]),
            (&"bench-3".into(), &"g".into())
        );
        let ops = push["ops"].as_array().unwrap();
        assert_eq!((ops.len(), &ops[0]["clock"], &ops[1]["clock"]), (2, &8.into(), &9.into()));
        assert_eq!(ops[0]["actor"], "bench-3");
    }

    #[test]
    fn the_head_is_found_in_front() {
        assert_eq!(server_seq(br#"{"serverSeq":17,"datasetGenerationKey":"k"}"#), Some(17));
        assert_eq!(
            server_seq(br#"{"datasetGenerationKey":"k","snapshot":"","serverSeq":0}"#),
            Some(0)
        );
        assert_eq!(server_seq(b"{}"), None);
    }
}
