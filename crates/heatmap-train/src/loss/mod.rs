//! Losses: one a file, each against an oracle that cannot share its bug.

mod nt_xent;
mod similarity;
mod sup_con;

pub use nt_xent::{NtXent, NtXentConfig, NtXentOutput};
pub use sup_con::{SupCon, SupConConfig};
