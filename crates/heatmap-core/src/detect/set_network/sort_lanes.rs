//! Sorts many short lists at once: every lane of the rows is a list of its own, so one vector
//! instruction compares all lanes.

/// Number of lists that are sorted together.
pub(super) const LANES: usize = 16;

/// The pairs of rows to compare and exchange, in order, to sort this many rows in ascending order:
/// Batcher's merge exchange (Knuth, The Art of Computer Programming, volume 3, 5.2.2, algorithm M).
/// The pairs do not depend on the values, so all lanes are sorted by the same steps.
pub(super) fn comparisons(rows: usize) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    if rows < 2 {
        return pairs;
    }
    let top = 1 << (rows - 1).ilog2();
    let mut p = top;
    while p > 0 {
        let (mut q, mut r, mut d) = (top, 0, p);
        loop {
            pairs.extend((0..rows.saturating_sub(d)).filter(|i| i & p == r).map(|i| (i, i + d)));
            if q == p {
                break;
            }
            d = q - p;
            q /= 2;
            r = p;
        }
        p /= 2;
    }
    pairs
}

/// Sorts every lane by the [`comparisons`] of this many rows.
#[inline(always)]
pub(super) fn sort_lanes(rows: &mut [[f32; LANES]], comparisons: &[(usize, usize)]) {
    for &(low, high) in comparisons {
        let (a, b) = (rows[low], rows[high]);
        let (mut least, mut most) = (a, b);
        for lane in 0..LANES {
            least[lane] = if a[lane] < b[lane] { a[lane] } else { b[lane] };
            most[lane] = if a[lane] < b[lane] { b[lane] } else { a[lane] };
        }
        rows[low] = least;
        rows[high] = most;
    }
}

/// The quantile `share` (0 to 1) of every sorted lane, interpolated linearly.
#[inline(always)]
pub(super) fn quantile(sorted: &[[f32; LANES]], share: f32) -> [f32; LANES] {
    let at = share * (sorted.len() - 1) as f32;
    let (low, rest) = (at as usize, at - at.floor());
    let high = (low + 1).min(sorted.len() - 1);
    std::array::from_fn(|lane| sorted[low][lane] + rest * (sorted[high][lane] - sorted[low][lane]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample_rng;
    use rand::RngExt;

    #[test]
    fn every_lane_of_any_length_is_sorted() {
        let mut rng = sample_rng(1, 0);
        for n in 1..70 {
            let mut rows: Vec<[f32; LANES]> = (0..n)
                .map(|_| std::array::from_fn(|_| (rng.random::<f32>() * 20.0).floor()))
                .collect();
            let lanes: Vec<Vec<f32>> =
                (0..LANES).map(|lane| rows.iter().map(|row| row[lane]).collect()).collect();
            sort_lanes(&mut rows, &comparisons(n));
            for (lane, mut expected) in lanes.into_iter().enumerate() {
                expected.sort_by(f32::total_cmp);
                assert!(rows.iter().map(|row| row[lane]).eq(expected), "{n} values");
            }
        }
    }

    #[test]
    fn quantiles_lie_between_values() {
        let rows = [[1.0; LANES], [2.0; LANES], [4.0; LANES], [8.0; LANES]];
        assert_eq!(quantile(&rows, 0.5)[3], 3.0);
        assert_eq!(quantile(&rows, 0.25)[0], 1.75);
        assert_eq!(quantile(&rows[..1], 0.75)[0], 1.0);
        assert_eq!(quantile(&rows, 1.0)[15], 8.0);
    }
}
