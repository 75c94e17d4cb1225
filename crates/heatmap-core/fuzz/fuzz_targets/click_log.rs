//! Any bytes as a file for `entry::click_log`.
#![no_main]

#[path = "../entry.rs"]
#[allow(dead_code, reason = "each target calls one of the entries")]
mod entry;

// The hook of libFuzzer would end the process at every panic, and those of the Parquet library
// become errors. A panic that leaves the entry still ends it.
libfuzzer_sys::fuzz_target!(
    init: std::panic::set_hook(Box::new(|_| {})),
    |bytes: &[u8]| entry::click_log(bytes)
);
