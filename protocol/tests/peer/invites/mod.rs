//! How strangers with a code are let in: by one host, by several, over crashes, and against guessing.

mod grants;
mod guessing;
mod joining;
mod lobby;
mod locks;
mod redeeming;
mod several;
