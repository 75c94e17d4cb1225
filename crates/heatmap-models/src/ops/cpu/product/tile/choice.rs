//! Which kernel this processor is fastest with.
//!
//! Processors of the same instruction set differ: one multiplies twice for every load, another
//! once; one has an L1 cache of 48 KiB, another of 32; and a neighbour on the same core takes a
//! share of either. So the pieces are raced against each other, once a process.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use super::super::super::simd::Instructions;
use super::{COLUMNS, Kernel, Panel, Piece, ROWS, Strides, Target, tile};

impl Kernel {
    /// Returns the fastest kernel of this processor. The first call takes about a millisecond.
    pub(crate) fn best() -> Self {
        static BEST: LazyLock<Kernel> = LazyLock::new(|| {
            let with = |piece| Kernel { instructions: Instructions::best(), piece };
            match Instructions::best() {
                #[cfg(target_arch = "x86_64")]
                Instructions::Avx512(_) => fastest(with(Piece::Wide), with(Piece::Tall)),
                _ => with(Piece::Tall),
            }
        });
        *BEST
    }

    /// Returns whether it reads more rows of the left side at a time than an L1 cache of 32 KiB has
    /// ways.
    pub(crate) fn reads_many_rows(self) -> bool {
        self.piece == Piece::Tall
    }

    /// Returns all kernels of this processor; all but the portable one give the same bits.
    #[cfg(test)]
    pub(super) fn all() -> Vec<Self> {
        let pieces = [Piece::Wide, Piece::Tall];
        let of = |instructions| pieces.map(|piece| Kernel { instructions, piece });
        Instructions::all().into_iter().flat_map(of).collect()
    }
}

/// Returns the name of the kernel that products are computed with, for reports of measurements.
pub(crate) fn kernel_name() -> String {
    let Kernel { instructions, piece } = Kernel::best();
    match (instructions, piece) {
        #[cfg(target_arch = "x86_64")]
        (Instructions::Avx512(_), Piece::Wide) => "avx512 6x64".to_owned(),
        #[cfg(target_arch = "x86_64")]
        (Instructions::Avx512(_), Piece::Tall) => "avx512 12x32".to_owned(),
        _ => instructions.name().to_owned(),
    }
}

/// Returns the faster of two kernels on a product whose sides lie in the L2 cache. Both run in
/// turn, and the shortest time of each counts, because a busy machine only ever makes a run longer.
fn fastest(one: Kernel, other: Kernel) -> Kernel {
    const INNER: usize = 256;
    const TILES: usize = 8;
    const ROUNDS: usize = 9;
    let left = vec![0.5_f32; TILES * ROWS * INNER];
    let right = vec![[0.5_f32; COLUMNS]; 2 * INNER];
    let mut out = vec![0.0_f32; TILES * ROWS * COLUMNS];
    let mut time = |kernel: Kernel| {
        let start = Instant::now();
        for rows in right.chunks_exact(INNER) {
            let panel = Panel { rows, columns: COLUMNS };
            let targets = out.chunks_exact_mut(ROWS * COLUMNS);
            for (left, values) in left.chunks_exact(ROWS * INNER).zip(targets) {
                let strides = Strides { row: INNER, inner: 1 };
                let target = Target { values, stride: COLUMNS, add: false };
                tile(kernel, ROWS, left, strides, panel, target);
            }
        }
        start.elapsed()
    };
    let times = (0..ROUNDS).map(|_| (time(one), time(other)));
    let (first, second): (Vec<Duration>, Vec<Duration>) = times.unzip();
    if first.iter().min() <= second.iter().min() { one } else { other }
}
