//! The house rules: what may know what, and the measures a reader relies on. Knows files and text
//! only; nothing of how the parts work.
