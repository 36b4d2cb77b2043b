//! Feeds the target of its name.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| syncline_corpora::run("participant", data));
