//! What lies between a client of the maps dialect and its server: notes what the client sends, loses what a
//! test wants lost, and ends connections.
//!
//! Knows WebSocket frames and envelopes; not what they mean.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard},
    thread,
};

use prost::Message;
use syncline_protocol::dialects::maps::proto::Envelope;

type Loses = Box<dyn FnMut(&Envelope) -> bool + Send>;

struct State {
    /// Where connections lead; none while the network is away.
    target: Option<SocketAddr>,
    sockets: Vec<TcpStream>,
    sent: Vec<Envelope>,
    loses: Loses,
}

/// A stretch of network. It ends with the test's process.
pub struct Proxy {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Proxy({})", self.address)
    }
}

impl Proxy {
    /// One that leads to this server, or to nobody yet.
    ///
    /// # Panics
    /// When there is no port left.
    #[must_use]
    pub fn start(target: Option<SocketAddr>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("it is bound");
        let loses: Loses = Box::new(|_| false);
        let state = State { target, sockets: Vec::new(), sent: Vec::new(), loses };
        let state = Arc::new(Mutex::new(state));
        let proxy = Self { address, state: state.clone() };
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                connect(&state, client);
            }
        });
        proxy
    }

    /// Where clients connect to.
    #[must_use]
    pub fn url(&self) -> String {
        format!("ws://{}", self.address)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics in here")
    }

    /// Ends all connections, and leads new ones there; nowhere without a target.
    pub fn lead_to(&self, target: Option<SocketAddr>) {
        let mut state = self.state();
        state.target = target;
        for socket in state.sockets.drain(..) {
            // It may have ended already.
            drop(socket.shutdown(Shutdown::Both));
        }
    }

    /// What the server says is lost where this is true.
    pub fn lose(&self, loses: impl FnMut(&Envelope) -> bool + Send + 'static) {
        self.state().loses = Box::new(loses);
    }

    /// What clients have sent, all connections together.
    #[must_use]
    pub fn sent(&self) -> Vec<Envelope> {
        self.state().sent.clone()
    }
}

fn connect(state: &Arc<Mutex<State>>, client: TcpStream) {
    let target = state.lock().expect("nobody panics in here").target;
    let Some(server) = target.and_then(|target| TcpStream::connect(target).ok()) else { return };
    for socket in [&client, &server] {
        socket.set_nodelay(true).expect("TCP takes the option");
    }
    let twin = |socket: &TcpStream| socket.try_clone().expect("a socket can be cloned");
    let twins = [twin(&client), twin(&server)];
    state.lock().expect("nobody panics in here").sockets.extend(twins);
    let (up, down) = (state.clone(), state.clone());
    let (from, to) = (twin(&client), twin(&server));
    thread::spawn(move || pump(from, to, &up, true));
    thread::spawn(move || pump(server, client, &down, false));
}

/// Passes on a head, and then frame by frame.
fn pump(mut from: TcpStream, mut to: TcpStream, state: &Mutex<State>, up: bool) {
    let (mut buffer, mut chunk, mut head) = (Vec::new(), vec![0; 64 << 10], true);
    'read: while let Ok(count @ 1..) = from.read(&mut chunk) {
        buffer.extend_from_slice(&chunk[..count]);
        loop {
            let (len, envelope) = if head {
                let Some(end) = buffer.windows(4).position(|w| w == b"\r\n\r\n") else { break };
                head = false;
                (end + 4, None)
            } else {
                let Some(frame) = frame(&buffer) else { break };
                frame
            };
            let bytes: Vec<u8> = buffer.drain(..len).collect();
            if let Some(envelope) = envelope {
                let mut state = state.lock().expect("nobody panics in here");
                if up {
                    state.sent.push(envelope);
                } else if (state.loses)(&envelope) {
                    continue;
                }
            }
            if to.write_all(&bytes).is_err() {
                break 'read;
            }
        }
    }
    drop((from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both)));
}

/// The length of the first frame, and what it says when it is a whole message.
fn frame(bytes: &[u8]) -> Option<(usize, Option<Envelope>)> {
    let (&first, &second) = (bytes.first()?, bytes.get(1)?);
    let (start, len) = match second & 0x7f {
        126 => (4, u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?).into()),
        127 => (10, u64::from_be_bytes(*bytes.get(2..)?.first_chunk()?)),
        short => (2, short.into()),
    };
    let masked = second & 0x80 != 0;
    let body = if masked { start + 4 } else { start };
    let end = body + usize::try_from(len).ok()?;
    let mut payload = bytes.get(body..end)?.to_vec();
    if masked {
        let mask = &bytes[start..body];
        payload.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
    }
    let envelope = (first == 0x82).then(|| Envelope::decode(&payload[..]).ok()).flatten();
    Some((end, envelope))
}
