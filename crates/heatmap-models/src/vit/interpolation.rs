//! [`Interpolation`]: how a position embedding is resampled for another grid of patches.

use burn::config::Config;
use burn::tensor::{Device, Tensor, TensorData};

/// How the position embedding of one grid of patches is resampled to another grid. All kinds are
/// cubic convolutions (Keys 1981), along the rows and along the columns; they differ where
/// published programs do.
#[derive(Config, Debug, Copy, PartialEq, Eq)]
pub enum Interpolation {
    /// Weighs the four nearest places, with a = -0.75 and the border repeated: PyTorch's
    /// `interpolate(mode="bicubic", align_corners=False)`. The ViT and the DINOv2 without registers
    /// of transformers do so.
    Bicubic,
    /// Like [`Interpolation::Bicubic`], for a grid that is a tenth of a patch larger than it is:
    /// PyTorch is given the factor `(to + 0.1) / from`. The original DINOv2 without registers does
    /// so (`interpolate_offset=0.1`).
    Shifted,
    /// Weighs with a = -0.5, and more than four places where the grid shrinks: PyTorch's
    /// `antialias=True`. timm does so (`resample_abs_pos_embed`), and so do the original DINOv2
    /// with registers and that of transformers.
    Antialiased,
}

impl Interpolation {
    /// The number of patches that is added to a side of the new grid in
    /// [`Interpolation::Shifted`].
    const SHIFT: f64 = 0.1;

    /// Returns the matrix `[to, from]` that resamples `from` values to `to`. Its rows sum to one.
    pub(super) fn matrix(self, from: usize, to: usize, device: &Device) -> Tensor<2> {
        let weights = match self {
            Self::Bicubic => nearest_four(from, to, from as f64 / to as f64),
            Self::Shifted => nearest_four(from, to, from as f64 / (to as f64 + Self::SHIFT)),
            Self::Antialiased => antialiased(from, to),
        };
        Tensor::from_data(TensorData::new(weights, [to, from]), device)
    }
}

/// Returns the weight of a value at `distance` in a cubic convolution.
fn kernel(a: f64, distance: f64) -> f64 {
    match distance.abs() {
        d if d <= 1.0 => ((a + 2.0) * d - (a + 3.0)) * d * d + 1.0,
        d if d < 2.0 => ((a * d - 5.0 * a) * d + 8.0 * a) * d - 4.0 * a,
        _ => 0.0,
    }
}

/// Weighs the four nearest of `from` values for each of `to`, whose distance is `step`.
fn nearest_four(from: usize, to: usize, step: f64) -> Vec<f32> {
    let mut weights = vec![0.0_f32; to * from];
    for at in 0..to {
        let centre = (at as f64 + 0.5) * step - 0.5;
        let first = centre.floor() as i64 - 1;
        for tap in first..first + 4 {
            let inside = tap.clamp(0, from as i64 - 1) as usize;
            weights[at * from + inside] += kernel(-0.75, centre - tap as f64) as f32;
        }
    }
    weights
}

/// Weighs all values that a kernel reaches which is as wide as the coarser of the two grids needs,
/// and none beyond the border.
fn antialiased(from: usize, to: usize) -> Vec<f32> {
    let step = from as f64 / to as f64;
    let width = step.max(1.0);
    let mut weights = vec![0.0_f32; to * from];
    for at in 0..to {
        let centre = (at as f64 + 0.5) * step;
        let first = (centre - 2.0 * width + 0.5).max(0.0) as usize;
        let end = ((centre + 2.0 * width + 0.5) as usize).min(from);
        let taps: Vec<f64> =
            (first..end).map(|tap| kernel(-0.5, (tap as f64 + 0.5 - centre) / width)).collect();
        let sum: f64 = taps.iter().sum();
        for (tap, weight) in (first..end).zip(taps) {
            weights[at * from + tap] = (weight / sum) as f32;
        }
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(kind: Interpolation, from: usize, to: usize) -> Vec<f32> {
        kind.matrix(from, to, &Device::flex()).into_data().try_to_vec().unwrap()
    }

    fn assert_weights(kind: Interpolation, from: usize, to: usize, expected: &[f32]) {
        let ours = weights(kind, from, to);
        assert_eq!(ours.len(), expected.len());
        for (ours, theirs) in ours.iter().zip(expected) {
            assert!((ours - theirs).abs() < 1e-4, "{kind:?}: {ours} is not {theirs}");
        }
    }

    // torch 2.15: F.interpolate(torch.eye(from)[None, None], (from, to), mode="bicubic"),
    // transposed; with scale_factor=(1, (to + 0.1) / from), and with antialias=True.
    #[test]
    fn values_are_those_of_pytorch() {
        #[rustfmt::skip]
        let wider = [
            1.096, -0.096, 0.0,
            0.612, 0.46, -0.072,
            0.0, 1.0, 0.0,
            -0.072, 0.46, 0.612,
            0.0, -0.096, 1.096,
        ];
        assert_weights(Interpolation::Bicubic, 3, 5, &wider);
        #[rustfmt::skip]
        let narrower = [
            0.22656, 0.87891, -0.10547, 0.0, 0.0,
            0.0, 0.0, -0.10547, 0.87891, 0.22656,
        ];
        assert_weights(Interpolation::Bicubic, 5, 2, &narrower);
        #[rustfmt::skip]
        let shifted_wider = [
            1.0974, -0.09738, 0.0,
            0.63154, 0.43618, -0.06772,
            0.02269, 0.99809, -0.02078,
            -0.08158, 0.5155, 0.56607,
            0.0, -0.08024, 1.0802,
        ];
        assert_weights(Interpolation::Shifted, 3, 5, &shifted_wider);
        #[rustfmt::skip]
        let shifted_narrower = [
            0.28917, 0.82151, -0.11068, 0.0, 0.0,
            0.0, 0.0, -0.04619, 0.98898, 0.05722,
        ];
        assert_weights(Interpolation::Shifted, 5, 2, &shifted_narrower);
        #[rustfmt::skip]
        let antialiased_wider = [
            1.0755, -0.07547, 0.0,
            0.64925, 0.39552, -0.04478,
            0.0, 1.0, 0.0,
            -0.04478, 0.39552, 0.64925,
            0.0, -0.07547, 1.0755,
        ];
        assert_weights(Interpolation::Antialiased, 3, 5, &antialiased_wider);
        #[rustfmt::skip]
        let antialiased_narrower = [
            0.3471, 0.41562, 0.23941, 0.02916, -0.03128,
            -0.03128, 0.02916, 0.23941, 0.41562, 0.3471,
        ];
        assert_weights(Interpolation::Antialiased, 5, 2, &antialiased_narrower);
    }

    #[test]
    fn a_constant_stays_constant() {
        for kind in [Interpolation::Bicubic, Interpolation::Shifted, Interpolation::Antialiased] {
            for (from, to) in [(14, 24), (14, 7), (37, 16), (3, 1), (1, 4)] {
                for row in weights(kind, from, to).chunks(from) {
                    assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-6, "{kind:?}");
                }
            }
        }
    }
}
