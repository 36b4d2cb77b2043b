//! Plain HTTP/1.1 over a bare socket: requests as bytes, answers taken apart.
//!
//! Knows heads, and bodies with a length or in chunks; nothing of the server.

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use crate::PATIENCE;

/// What a server answered.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The header lines, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// Whether the connection ended before the body did.
    pub is_cut: bool,
}

impl Answer {
    /// The first header of this name, given in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A bare connection and what has been read from it but not taken.
#[derive(Debug)]
pub struct Raw {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// What a wait for bytes ended with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// More bytes are in the buffer.
    Bytes,
    /// Nothing came in time.
    Nothing,
    /// The other side closed or reset.
    End,
}

impl Raw {
    /// Connects.
    ///
    /// # Panics
    /// When nobody listens there.
    #[must_use]
    pub fn connect(address: SocketAddr) -> Self {
        Self::try_connect(address).expect("the server listens")
    }

    /// Connects; none when nobody listens there.
    ///
    /// # Panics
    /// When the socket takes no options.
    #[must_use]
    pub fn try_connect(address: SocketAddr) -> Option<Self> {
        let stream = TcpStream::connect(address).ok()?;
        stream.set_nodelay(true).expect("TCP takes the option");
        stream.set_write_timeout(Some(PATIENCE)).expect("not zero");
        Some(Self { stream, buffer: Vec::new() })
    }

    /// The socket itself.
    #[must_use]
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Sends bytes; false when the other side has gone.
    pub fn send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// Bytes read and not taken yet.
    #[must_use]
    pub fn buffered(&self) -> &[u8] {
        &self.buffer
    }

    /// Takes the first `count` buffered bytes.
    pub fn take(&mut self, count: usize) -> Vec<u8> {
        let rest = self.buffer.split_off(count);
        std::mem::replace(&mut self.buffer, rest)
    }

    /// Waits for more bytes until `deadline`.
    ///
    /// # Panics
    /// On an error that is neither a deadline nor an end.
    pub fn fill(&mut self, deadline: Instant) -> Wait {
        let left = deadline.saturating_duration_since(Instant::now());
        self.stream.set_read_timeout(Some(left.max(Duration::from_millis(1)))).expect("not zero");
        let mut chunk = vec![0; 64 << 10];
        match self.stream.read(&mut chunk) {
            Ok(0) => Wait::End,
            Ok(count) => {
                self.buffer.extend_from_slice(&chunk[..count]);
                Wait::Bytes
            }
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                Wait::Nothing
            }
            Err(e) if e.kind() == ErrorKind::Interrupted => Wait::Bytes,
            Err(e) if matches!(e.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => {
                Wait::End
            }
            Err(e) => panic!("reading failed: {e}"),
        }
    }

    /// Reads one answer; none when the connection ends before its head is whole.
    ///
    /// # Panics
    /// When nothing comes within [`PATIENCE`], or what comes is no HTTP.
    pub fn answer(&mut self) -> Option<Answer> {
        let deadline = Instant::now() + PATIENCE;
        let end = loop {
            if let Some(at) = self.buffer.windows(4).position(|w| w == b"\r\n\r\n") {
                break at;
            }
            match self.fill(deadline) {
                Wait::Bytes => {}
                Wait::End => return None,
                Wait::Nothing => panic!("no answer"),
            }
        };
        let head = String::from_utf8(self.take(end + 4)).expect("a head is text");
        let mut answer = parse_head(&head);
        let chunked = answer.header("transfer-encoding") == Some("chunked");
        let length = answer.header("content-length").map_or(0, |n| n.parse().expect("a number"));
        if chunked {
            while self.chunk(&mut answer, deadline) {}
        } else {
            answer.is_cut = !self.filled(length, deadline);
            answer.body = self.take(length.min(self.buffer.len()));
        }
        Some(answer)
    }

    /// Appends a chunk of a body; false behind the last one.
    fn chunk(&mut self, answer: &mut Answer, deadline: Instant) -> bool {
        let mut at = 0;
        while !self.buffer[at..].starts_with(b"\r\n") {
            at += 1;
            if !self.filled(at + 2, deadline) {
                answer.is_cut = true;
                return false;
            }
        }
        let size = self.take(at + 2);
        let size = std::str::from_utf8(&size[..at]).expect("a size is text");
        let size = usize::from_str_radix(size, 16).expect("a size");
        answer.is_cut = !self.filled(size + 2, deadline);
        if answer.is_cut {
            return false;
        }
        answer.body.extend(self.take(size));
        self.take(2);
        size > 0
    }

    /// Waits until so many bytes are buffered; false when the other side ends before.
    fn filled(&mut self, count: usize, deadline: Instant) -> bool {
        while self.buffer.len() < count {
            match self.fill(deadline) {
                Wait::Bytes => {}
                Wait::End => return false,
                Wait::Nothing => panic!("the rest of an answer does not come"),
            }
        }
        true
    }

    /// Sends a request with these headers and a body, and reads the answer.
    ///
    /// # Panics
    /// When there is none.
    pub fn ask(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        self.send(&request(method, target, headers, body));
        self.answer().expect("an answer")
    }

    /// Whether the other side closes within [`PATIENCE`], whatever it sends before.
    pub fn ends(&mut self) -> bool {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.fill(deadline) {
                Wait::Bytes => self.buffer.clear(),
                Wait::End => return true,
                Wait::Nothing => return false,
            }
        }
    }
}

fn parse_head(head: &str) -> Answer {
    let mut lines = head.lines();
    let status = lines.next().and_then(|l| l.split(' ').nth(1)).and_then(|s| s.parse().ok());
    let header = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_ascii_lowercase(), value.trim().to_owned()))
    };
    let headers = lines.filter_map(header).collect();
    Answer { status: status.expect("a status line"), headers, ..Answer::default() }
}

/// The bytes of a request with these headers and a body.
#[must_use]
pub fn request(method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut head = format!("{method} {target} HTTP/1.1\r\nHost: x\r\n");
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    if !body.is_empty() || method == "POST" || method == "PUT" {
        head += &format!("Content-Length: {}\r\n", body.len());
    }
    [format!("{head}\r\n").as_bytes(), body].concat()
}

/// A GET on a connection of its own.
///
/// # Panics
/// When there is no answer.
#[must_use]
pub fn get(address: SocketAddr, target: &str) -> Answer {
    let mut raw = Raw::connect(address);
    raw.send(
        format!("GET {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes(),
    );
    raw.answer().expect("an answer")
}
