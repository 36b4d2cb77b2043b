//! The server's edges: HTTP, WebSocket framing, deadlines, signals, sudden death. Knows bytes and
//! exit codes; nothing of the server's insides.
