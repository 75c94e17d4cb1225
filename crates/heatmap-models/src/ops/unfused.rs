//! Refuses to be compiled with Burn's feature `fusion`, which together with `autotune` computes
//! wrong results on wgpu (tracel-ai/burn#5257). Cargo adds up the features that all crates of a
//! program ask for, and Burn's default ones bring both.

use burn::backend::Cube;
use burn::backend::wgpu::CubeBackend;

/// A backend whose operations are not fused: with `fusion`, [`Cube`] is another type.
#[diagnostic::on_unimplemented(
    message = "Burn is built with its feature `fusion`, which with `autotune` computes wrong \
               results on wgpu (tracel-ai/burn#5257)",
    note = "depend on burn with `default-features = false`"
)]
trait Unfused {}

impl Unfused for CubeBackend {}

const fn check<B: Unfused>() {}

const _: () = check::<Cube>();
