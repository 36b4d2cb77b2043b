//! The DevTools protocol: calls, their answers, and what pages complain of meanwhile.
//!
//! One connection for all pages; knows nothing of what is called.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    net::TcpStream,
    time::Duration,
};

use serde_json::{Value, json};
use tungstenite::{Message, WebSocket, protocol::WebSocketConfig};

/// How long the browser may take over one call.
const CALL_PATIENCE: Duration = Duration::from_secs(60);

/// Screenshots are large.
const MESSAGE_BYTES_MAX: usize = 256 << 20;

#[derive(Debug)]
pub(super) struct DevTools {
    socket: RefCell<WebSocket<TcpStream>>,
    calls: Cell<u64>,
    /// By session: exceptions that nobody caught.
    complaints: RefCell<BTreeMap<String, Vec<String>>>,
}

impl DevTools {
    pub(super) fn connect(port: u16, path: &str) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("the browser listens");
        stream.set_read_timeout(Some(CALL_PATIENCE)).expect("not zero");
        let config = WebSocketConfig::default()
            .max_message_size(Some(MESSAGE_BYTES_MAX))
            .max_frame_size(Some(MESSAGE_BYTES_MAX));
        let url = format!("ws://127.0.0.1:{port}{path}");
        let upgraded = tungstenite::client::client_with_config(url, stream, Some(config));
        let (socket, _) = upgraded.expect("the browser speaks WebSocket");
        Self {
            socket: RefCell::new(socket),
            calls: Cell::new(0),
            complaints: RefCell::new(BTreeMap::new()),
        }
    }

    /// Calls a method, of a page when a session is given, and waits for its result.
    pub(super) fn call(&self, session: Option<&str>, method: &str, parameters: &Value) -> Value {
        match self.attempt(session, method, parameters) {
            Ok(result) => result,
            Err(error) => panic!("{method}: {error}"),
        }
    }

    /// The same, for what a page may not be ready for.
    pub(super) fn attempt(
        &self,
        session: Option<&str>,
        method: &str,
        parameters: &Value,
    ) -> Result<Value, Value> {
        let id = self.calls.get() + 1;
        self.calls.set(id);
        let mut call = json!({ "id": id, "method": method, "params": parameters });
        if let Some(session) = session {
            call["sessionId"] = session.into();
        }
        let mut socket = self.socket.borrow_mut();
        socket.send(Message::text(call.to_string())).expect("the browser takes a call");
        loop {
            let message = match socket.read().expect("the browser answers") {
                Message::Text(text) => serde_json::from_str::<Value>(&text).expect("JSON"),
                _ => continue,
            };
            if message["id"] == id {
                return match message.get("error") {
                    Some(error) => Err(error.clone()),
                    None => Ok(message["result"].clone()),
                };
            }
            self.note(&message);
        }
    }

    /// What a page complained of so far.
    pub(super) fn complaints(&self, session: &str) -> Vec<String> {
        self.complaints.borrow().get(session).cloned().unwrap_or_default()
    }

    fn note(&self, event: &Value) {
        let (Some(session), "Runtime.exceptionThrown") =
            (event["sessionId"].as_str(), event["method"].as_str().unwrap_or_default())
        else {
            return;
        };
        let details = &event["params"]["exceptionDetails"];
        let text = details["exception"]["description"].as_str().or(details["text"].as_str());
        let text = text.unwrap_or("an exception").to_owned();
        self.complaints.borrow_mut().entry(session.to_owned()).or_default().push(text);
    }
}
