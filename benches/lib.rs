//! Pieces of work that are timed in more than one way: by the benches here and by the race against
//! PyTorch and ONNX Runtime.

pub mod contest;
pub mod launches;
pub mod peak;
pub mod work;

/// The most memory that this process has had, where the system tells.
pub fn peak_memory_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok().map(|kib| kib / 1024.0)
}
