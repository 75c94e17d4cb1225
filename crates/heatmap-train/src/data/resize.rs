//! Image resampling that matches torchvision and Pillow.

/// Resamples a plane of `from` (rows, columns) to `to` with Pillow's bilinear filter: a triangle
/// that is widened when an image shrinks, so that every source value contributes
/// (`Resize(antialias=True)` in torchvision, `resample=BILINEAR` in transformers).
///
/// # Panics
/// Panics when `values` does not have as many values as `from` says, or when a side is zero.
pub(crate) fn resize(values: &[f32], from: (usize, usize), to: (usize, usize)) -> Vec<f32> {
    assert_eq!(values.len(), from.0 * from.1, "{from:?} values");
    let (rows, columns) = (taps(from.0, to.0), taps(from.1, to.1));
    // Each row is resampled first; whole contiguous rows can then be summed for the other axis.
    let narrowed: Vec<f32> = values
        .chunks_exact(from.1)
        .flat_map(|row| columns.iter().map(|taps| taps.of(row)).collect::<Vec<f32>>())
        .collect();
    let mut resized = vec![0.0; to.0 * to.1];
    for (row, taps) in resized.chunks_exact_mut(to.1).zip(&rows) {
        for (weight, source) in
            taps.weights.iter().zip(narrowed.chunks_exact(to.1).skip(taps.first))
        {
            row.iter_mut().zip(source).for_each(|(sum, value)| *sum += weight * value);
        }
    }
    resized
}

/// The consecutive source values, from `first` on, and their weights that make one new value.
struct Taps {
    first: usize,
    weights: Vec<f32>,
}

impl Taps {
    fn of(&self, row: &[f32]) -> f32 {
        row[self.first..].iter().zip(&self.weights).map(|(value, weight)| value * weight).sum()
    }
}

fn taps(from: usize, to: usize) -> Vec<Taps> {
    assert!(from > 0 && to > 0, "cannot resample {from} values to {to}");
    let scale = from as f64 / to as f64;
    let support = scale.max(1.0);
    let one = |at: usize| {
        let centre = (at as f64 + 0.5) * scale;
        let first = (centre - support + 0.5).max(0.0) as usize;
        let last = ((centre + support + 0.5) as usize).min(from);
        let weight =
            |place: usize| (1.0 - ((place as f64 + 0.5 - centre) / support).abs()).max(0.0);
        let total: f64 = (first..last).map(weight).sum();
        Taps { first, weights: (first..last).map(|place| (weight(place) / total) as f32).collect() }
    };
    (0..to).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_close(ours: &[f32], theirs: &[f32]) {
        assert_eq!(ours.len(), theirs.len());
        for (a, b) in ours.iter().zip(theirs) {
            assert!((a - b).abs() <= 1e-5 * b.abs().max(1.0), "{a} is not {b}");
        }
    }

    // torch 2.15: F.interpolate((torch.arange(n) ** 2).reshape(1, 1, r, c), to, mode="bilinear",
    // antialias=True).
    #[test]
    fn values_are_those_of_pytorch() {
        let squares = |n: u16| (0..n).map(|v| f32::from(v * v)).collect::<Vec<f32>>();
        #[rustfmt::skip]
        let larger = [
            0.0, 0.5, 1.5, 3.5, 6.5, 9.0,
            10.0, 13.0, 17.333_336, 22.666_668, 29.0, 34.0,
            34.0, 40.0, 48.333_336, 57.666_67, 68.0, 76.0,
            64.0, 72.5, 84.166_664, 96.833_336, 110.5, 121.0,
        ];
        assert_close(&resize(&squares(12), (3, 4), (4, 6)), &larger);
        let smaller = [68.285_71, 91.944_44, 120.142_85, 391.500_03, 454.444_46, 521.928_6];
        assert_close(&resize(&squares(30), (6, 5), (2, 3)), &smaller);
    }

    #[test]
    fn the_same_size_changes_nothing() {
        let values = [3.0, 1.0, 4.0, 1.0, 5.0, 9.0];
        assert_eq!(resize(&values, (2, 3), (2, 3)), values);
    }
}
