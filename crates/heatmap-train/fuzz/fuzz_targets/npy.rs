//! Any bytes as a table of features, for `entry::npy`.
#![no_main]

#[path = "../entry.rs"]
#[allow(dead_code, reason = "each target calls one of the entries")]
mod entry;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    entry::npy(bytes);
});
