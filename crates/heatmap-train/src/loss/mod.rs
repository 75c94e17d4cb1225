//! Losses: one a file, each against an oracle that cannot share its bug.

mod chamfer;
mod density;
mod nt_xent;
mod ordinal;
mod set_loss;
mod similarity;
mod sord;
mod sup_con;

pub use chamfer::{Chamfer, ChamferConfig};
pub use density::poisson_nll;
pub use nt_xent::{NtXent, NtXentConfig, NtXentOutput};
pub use ordinal::{Coral, Corn};
pub use set_loss::{SetLoss, SetLossConfig, SetLossParts};
pub use sord::{Sord, SordConfig};
pub use sup_con::{SupCon, SupConConfig};
