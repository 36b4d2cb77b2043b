//! The relay dialect over real sockets, check by check. Knows the wire; nothing of the server's
//! insides.
