//! Pieces of work that are timed in more than one way: by the benches here and by the race against PyTorch and ONNX Runtime.

pub mod work;
