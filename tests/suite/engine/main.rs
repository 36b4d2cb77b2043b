//! The engine from outside: models, crashes, damage. One module per question; knows the engine's
//! public API and the simulated disk, never a server.
