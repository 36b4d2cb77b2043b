//! What the black-box suites share: servers to talk to, raw sockets, plain models.
