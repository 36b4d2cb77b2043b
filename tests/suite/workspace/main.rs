//! The workspace dialect over real sockets. Knows the wire; nothing of the server's insides.

mod death;
mod elsewhere;
mod handshake;
mod operations;
mod presence;
mod racing;
mod rest;
