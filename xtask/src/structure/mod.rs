//! The structure of the repository: which module may import which, how long a file and a line may
//! be.

mod arrows;
mod files;
mod imports;

pub(crate) use arrows::arrows;
pub(crate) use files::files;
