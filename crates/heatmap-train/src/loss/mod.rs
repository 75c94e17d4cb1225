//! Loss functions, each tested against an independent reference implementation or formula.

mod chamfer;
mod contrastive;
mod dcl;
mod density;
mod memory_bank;
mod nt_xent;
mod objective;
mod ordinal;
mod projections;
mod scores;
mod set_loss;
mod similarity;
mod sord;
mod sup_con;
mod temperature;

pub use chamfer::{Chamfer, ChamferConfig};
pub use contrastive::{
    ContrastiveLoss, ContrastiveLossConfig, ContrastiveLossName, ContrastiveLossOutput,
};
pub use dcl::{Dcl, Dclw};
pub use density::poisson_nll;
pub use memory_bank::{BankRows, MemoryBank};
pub use nt_xent::{NtXent, NtXentConfig, NtXentObjective, NtXentOutput};
pub use objective::ContrastiveObjective;
pub use ordinal::{Coral, Corn};
pub use projections::{Negatives, Projections};
pub use scores::{Positives, Scores};
pub use set_loss::{SetLoss, SetLossConfig, SetLossParts};
pub use sord::{Sord, SordConfig};
pub use sup_con::{SupCon, SupConConfig, SupConObjective};
pub use temperature::{LearnableTemperature, Temperature};
