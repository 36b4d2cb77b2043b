//! Whoever webhooks are sent to, as a test needs one: takes requests apart, checks nothing, answers as it is told.
//!
//! Knows plain HTTP/1.1 over sockets; nothing of the server.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use serde_json::Value;

use crate::until;

/// A request that has come.
#[derive(Debug, Clone)]
pub struct Hook {
    /// The first line.
    pub line: String,
    /// The header lines, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, to the byte.
    pub body: Vec<u8>,
}

impl Hook {
    /// The header of this name, given in lower case.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(n, _)| n == name);
        found.map(|(_, value)| value.as_str()).expect("the header is there")
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }
}

/// What is answered.
#[derive(Debug, Clone)]
pub enum Answers {
    /// These bytes.
    Says(Vec<u8>),
    /// Nothing, for ever.
    Hangs,
}

impl Answers {
    /// A status without a body.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self::Says(format!("HTTP/1.1 {status} Such\r\nContent-Length: 0\r\n\r\n").into_bytes())
    }
}

#[derive(Debug)]
struct State {
    hooks: Vec<Hook>,
    answers: Answers,
}

/// Listens, and keeps what comes. Ends with the process.
#[derive(Debug, Clone)]
pub struct Receiver {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Receiver {
    /// One that takes everything, on a free port.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn start() -> Self {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0)), Answers::status(204))
    }

    /// One at this address that answers so.
    ///
    /// # Panics
    /// When the address is taken.
    #[must_use]
    pub fn start_at(address: SocketAddr, answers: Answers) -> Self {
        let listener = TcpListener::bind(address).expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let receiver =
            Self { address, state: Arc::new(Mutex::new(State { hooks: Vec::new(), answers })) };
        let own = receiver.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let own = own.clone();
                thread::spawn(move || own.serve(stream));
            }
        });
        receiver
    }

    /// A port where nobody listens.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn nowhere() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.local_addr().expect("it is bound")
    }

    /// Where webhooks are to go.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/hooks", self.address)
    }

    /// Answers so from now on.
    ///
    /// # Panics
    /// Never: nobody panics with the lock.
    pub fn answer(&self, answers: Answers) {
        self.state.lock().expect("no reader panics").answers = answers;
    }

    /// Everything that has come, the repeats too.
    ///
    /// # Panics
    /// Never: nobody panics with the lock.
    #[must_use]
    pub fn hooks(&self) -> Vec<Hook> {
        self.state.lock().expect("no reader panics").hooks.clone()
    }

    /// The first `count` that came, as soon as there are as many.
    ///
    /// # Panics
    /// When they do not come.
    #[must_use]
    pub fn first(&self, count: usize) -> Vec<Hook> {
        until("the webhooks", || {
            let hooks = self.hooks();
            (hooks.len() >= count).then(|| hooks[..count].to_vec())
        })
    }

    fn serve(&self, stream: TcpStream) {
        let mut reader = BufReader::new(stream);
        while let Some(hook) = read(&mut reader) {
            let answers = {
                let mut state = self.state.lock().expect("no reader panics");
                state.hooks.push(hook);
                state.answers.clone()
            };
            match answers {
                Answers::Says(bytes) => {
                    if reader.get_mut().write_all(&bytes).is_err() {
                        return;
                    }
                }
                Answers::Hangs => {
                    // Until the other side has had enough.
                    let _ = reader.read(&mut [0]);
                    return;
                }
            }
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Hook> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length")?.1.parse().ok()?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Hook { line: line.trim_end().into(), headers, body })
}
