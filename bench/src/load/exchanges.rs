//! HTTP/1.1 connections of the generator that stay open: a request, its answer, the next.
//!
//! No more of HTTP than a benchmark needs: heads, bodies with a length or in chunks.

use std::{mem, time::Duration};

use super::net::Net;
use crate::{
    error::Error,
    wire::answer::{self, Answer},
};

/// What a scenario does with an answer.
pub(super) trait Handler {
    /// `link` got the answer to its request at `now`.
    fn answered(
        &mut self,
        exchanges: &mut Exchanges,
        link: usize,
        answer: Answer<'_>,
        now: u64,
    ) -> Result<(), Error>;
}

/// The HTTP connections of one run.
pub(super) struct Exchanges {
    net: Net,
    host: String,
    body: Vec<u8>,
}

impl AsRef<Net> for Exchanges {
    fn as_ref(&self) -> &Net {
        &self.net
    }
}

impl Exchanges {
    /// None yet.
    pub(super) fn new(net: Net) -> Self {
        let host = net.address().to_string();
        Self { net, host, body: Vec::new() }
    }

    /// Nanoseconds on the run's clock.
    pub(super) fn now(&self) -> u64 {
        self.net.now()
    }

    /// Connects.
    pub(super) fn connect(&mut self) -> Result<usize, Error> {
        self.net.connect()
    }

    /// Queues a GET.
    pub(super) fn get(&mut self, link: usize, target: &str) {
        let head = format!("GET {target} HTTP/1.1\r\nHost: {}\r\n\r\n", self.host);
        self.net.out(link).extend_from_slice(head.as_bytes());
    }

    /// Queues a request with a body: `line` is its method and target, `kind` the body's type.
    pub(super) fn send(&mut self, link: usize, line: &str, kind: &str, body: &[u8]) {
        let (host, bytes) = (&self.host, body.len());
        let head = format!(
            "{line} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {kind}\r\nContent-Length: {bytes}\r\n\r\n"
        );
        let out = self.net.out(link);
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(body);
    }

    /// Sends what is queued, waits up to `wait` for something to arrive and handles it.
    pub(super) fn turn(&mut self, wait: Duration, handler: &mut impl Handler) -> Result<(), Error> {
        let ready = self.net.wait(wait)?;
        for &link in &ready {
            if let Some(received) = self.net.read(link)? {
                let used = self.handle(link, received.bytes(), handler)?;
                self.net.keep(link, received, used);
            }
        }
        self.net.turned(ready)
    }

    fn handle(
        &mut self,
        link: usize,
        bytes: &[u8],
        handler: &mut impl Handler,
    ) -> Result<usize, Error> {
        let mut used = 0;
        let mut body = mem::take(&mut self.body);
        loop {
            let read = answer::read(&bytes[used..], &mut body).map_err(|what| {
                Error::Violation(format!("connection {link} got no answer: {what}"))
            })?;
            let Some((answer, length)) = read else { break };
            used += length;
            self.net.messages += 1;
            let now = self.net.now();
            handler.answered(self, link, answer, now)?;
        }
        self.body = body;
        Ok(used)
    }
}
