//! Any bytes as a Parquet file, for `entry::click_log` and `entry::metrics_table`.
#![no_main]

#[path = "../entry.rs"]
#[allow(dead_code, reason = "each target calls some of the entries")]
mod entry;

// The hook of libFuzzer would end the process at every panic, and those of the Parquet library
// become errors. A panic that leaves the entry still ends it.
libfuzzer_sys::fuzz_target!(
    init: std::panic::set_hook(Box::new(|_| {})),
    |bytes: &[u8]| {
        // A file is read as Parquet by its first bytes.
        let mut bytes = bytes.to_vec();
        bytes.resize(bytes.len().max(4), 0);
        bytes[..4].copy_from_slice(b"PAR1");
        entry::click_log(&bytes);
        entry::metrics_table(&bytes);
    }
);
