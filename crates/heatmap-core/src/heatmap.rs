//! [`Heatmap`]: clicks counted on a grid, and the ways to scale it for a network or a picture.

use serde::{Deserialize, Serialize};

use crate::gaussian::smoothed_by;
use crate::{Error, Grid, Result, one_of};

/// Clicks per bin of a [`Grid`]: rows x columns of `f32`, row-major.
///
/// Empty rows and columns stay: the geometry is part of the data.
#[derive(Debug, Clone, PartialEq)]
pub struct Heatmap {
    grid: Grid,
    values: Vec<f32>,
}

/// How the values v of a heatmap are scaled. An empty heatmap becomes zeros under each variant,
/// never NaN.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase", parse_err_ty = Error, parse_err_fn = unknown)]
#[non_exhaustive]
pub enum Normalization {
    /// v / max: the brightest bin is 1 (the protocol for pretrained networks).
    Max,
    /// v / total: the values sum to 1, a distribution over the bins.
    Total,
    /// ln(1 + v) / ln(1 + max): faint places show beside a bright one.
    Log1p,
    /// sqrt(v / max): steadies the variance of Poisson counts.
    Sqrt,
    /// ln(1 + v): not scaled to 1, so that a network sees how many clicks there are.
    LogCounts,
    /// sqrt(v): not scaled to 1 either; the noise of Poisson counts becomes alike in all bins, with
    /// a standard deviation of 1/2 (Anscombe 1948).
    SqrtCounts,
    /// sqrt(v / mean): 1 in every bin of an even heatmap, however many clicks there are. Euclidean
    /// distances between such heatmaps are Hellinger distances up to a factor.
    SqrtShares,
}

impl Normalization {
    /// All normalizations, in the order of their declaration.
    pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;

    /// Returns the name in lower case, as it stands in a configuration.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

fn unknown(name: &str) -> Error {
    Error::config("normalization", name, one_of::<Normalization>())
}

impl Heatmap {
    /// Makes a heatmap without a click on `grid`.
    pub fn zeros(grid: Grid) -> Self {
        Self { grid, values: vec![0.0; grid.len()] }
    }

    /// Makes a heatmap of `values`, row-major, `grid.rows` x `grid.columns`.
    ///
    /// # Errors
    /// Returns an error when the number of values does not fit the grid, or a value is negative or
    /// not finite.
    pub fn from_values(grid: Grid, values: Vec<f32>) -> Result<Self> {
        if values.len() != grid.len() {
            return Err(Error::Data(format!(
                "a heatmap of {} rows x {} columns needs {} values, got {}",
                grid.rows,
                grid.columns,
                grid.len(),
                values.len()
            )));
        }
        if let Some(at) = values.iter().position(|v| !(v.is_finite() && *v >= 0.0)) {
            return Err(Error::Data(format!(
                "heatmap value at row {}, column {} is {}, not a count",
                at / grid.columns,
                at % grid.columns,
                values[at]
            )));
        }
        Ok(Self { grid, values })
    }

    /// Makes a heatmap of exact counts, row-major; callers inside the crate give one count per bin.
    pub(crate) fn from_counts(grid: Grid, counts: &[u32]) -> Self {
        debug_assert_eq!(counts.len(), grid.len());
        Self { grid, values: counts.iter().map(|&c| c as f32).collect() }
    }

    /// The grid of the heatmap: its rows, columns and bin size.
    pub fn grid(&self) -> Grid {
        self.grid
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.grid.rows
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.grid.columns
    }

    /// All values, row-major.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The value at `row`, `column`.
    ///
    /// # Panics
    /// Panics when the bin is outside the grid.
    pub fn get(&self, row: usize, column: usize) -> f32 {
        assert!(
            row < self.rows() && column < self.columns(),
            "bin ({row}, {column}) is outside {} rows x {} columns",
            self.rows(),
            self.columns()
        );
        self.values[row * self.columns() + column]
    }

    /// Sum over all bins.
    pub fn total(&self) -> f64 {
        self.values.iter().map(|&v| f64::from(v)).sum()
    }

    /// Largest value, 0 for an empty heatmap.
    pub fn max(&self) -> f32 {
        self.values.iter().copied().fold(0.0, f32::max)
    }

    /// Returns a copy whose values are scaled; see [`Normalization`].
    pub fn normalized(&self, normalization: Normalization) -> Self {
        let max = self.max();
        if max == 0.0 {
            return self.clone();
        }
        let scale: Box<dyn Fn(f32) -> f32> = match normalization {
            Normalization::Max => Box::new(move |v| v / max),
            Normalization::Total => {
                let total = self.total();
                Box::new(move |v| (f64::from(v) / total) as f32)
            }
            Normalization::Log1p => Box::new(move |v| libm::log1pf(v) / libm::log1pf(max)),
            Normalization::Sqrt => Box::new(move |v| (v / max).sqrt()),
            Normalization::LogCounts => Box::new(libm::log1pf),
            Normalization::SqrtCounts => Box::new(f32::sqrt),
            Normalization::SqrtShares => {
                let mean = self.total() / self.values.len() as f64;
                Box::new(move |v| (f64::from(v) / mean).sqrt() as f32)
            }
        };
        Self { grid: self.grid, values: self.values.iter().map(|&v| scale(v)).collect() }
    }

    /// Returns a copy that is smoothed along both axes by a Gaussian with a standard deviation of
    /// `sigma_bins`, cut off at three standard deviations.
    ///
    /// Near the border the kernel is divided by the part of its mass that lies on the grid, so that
    /// an even heatmap stays as it is. A `sigma_bins` of 0 changes nothing.
    ///
    /// # Panics
    /// Panics when `sigma_bins` is negative or not finite.
    pub fn smoothed(&self, sigma_bins: f64) -> Self {
        assert!(
            sigma_bins.is_finite() && sigma_bins >= 0.0,
            "a standard deviation of {sigma_bins} bins"
        );
        let value =
            |row: usize, column: usize| f64::from(self.values[row * self.columns() + column]);
        let values = smoothed_by(sigma_bins, (self.rows(), self.columns()), value);
        Self { grid: self.grid, values: values.into_iter().map(|value| value as f32).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(rows: usize, columns: usize) -> Grid {
        Grid { rows, columns, bin_size_px: 5.0 }
    }

    #[test]
    fn an_empty_heatmap_normalises_to_zeros() {
        for &normalization in Normalization::ALL {
            let scaled = Heatmap::zeros(grid(3, 4)).normalized(normalization);
            assert_eq!(scaled.values(), &[0.0; 12]);
        }
    }

    #[test]
    fn normalisations_have_their_closed_forms() {
        let heatmap = Heatmap::from_values(grid(1, 4), vec![0.0, 1.0, 3.0, 4.0]).unwrap();
        let expect = |normalization, values: [f32; 4]| {
            for (got, want) in heatmap.normalized(normalization).values().iter().zip(values) {
                assert!((got - want).abs() < 1e-6, "{normalization:?}: {got} is not {want}");
            }
        };
        expect(Normalization::Max, [0.0, 0.25, 0.75, 1.0]);
        expect(Normalization::Total, [0.0, 0.125, 0.375, 0.5]);
        expect(Normalization::Sqrt, [0.0, 0.5, 0.75_f32.sqrt(), 1.0]);
        let ln5 = 5.0_f32.ln();
        expect(Normalization::Log1p, [0.0, 2.0_f32.ln() / ln5, 4.0_f32.ln() / ln5, 1.0]);
        expect(Normalization::LogCounts, [0.0, 2.0_f32.ln(), 4.0_f32.ln(), ln5]);
        expect(Normalization::SqrtCounts, [0.0, 1.0, 3.0_f32.sqrt(), 2.0]);
        expect(Normalization::SqrtShares, [0.0, 0.5_f32.sqrt(), 1.5_f32.sqrt(), 2.0_f32.sqrt()]);
    }

    #[test]
    fn smoothing_spreads_a_click_and_leaves_an_even_heatmap() {
        let even = Heatmap::from_values(grid(20, 30), vec![3.0; 600]).unwrap();
        assert!(even.smoothed(1.5).values().iter().all(|v| (v - 3.0).abs() < 1e-6));
        assert_eq!(even.smoothed(0.0), even);
        let mut values = vec![0.0; 1_200];
        values[15 * 40 + 20] = 1.0;
        let blob = Heatmap::from_values(grid(30, 40), values).unwrap().smoothed(1.5);
        assert!((blob.total() - 1.0).abs() < 1e-6);
        // Two bins away along x, and along y: exp(-2^2 / (2 1.5^2)) of the middle.
        let expected = (-4.0_f32 / 4.5).exp() * blob.get(15, 20);
        assert!(
            (blob.get(15, 22) - expected).abs() < 1e-7
                && (blob.get(13, 20) - expected).abs() < 1e-7
        );
    }

    #[test]
    fn a_tiny_value_does_not_overflow() {
        for &normalization in Normalization::ALL {
            let heatmap = Heatmap::from_values(grid(1, 2), vec![f32::MIN_POSITIVE, 0.0]).unwrap();
            assert!(heatmap.normalized(normalization).values().iter().all(|v| v.is_finite()));
        }
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for &normalization in Normalization::ALL {
            assert_eq!(normalization.name().parse::<Normalization>().unwrap(), normalization);
            assert_eq!(
                serde_json::to_string(&normalization).unwrap(),
                format!("\"{}\"", normalization.name())
            );
        }
        assert!("log".parse::<Normalization>().unwrap_err().to_string().contains("not one of max"));
    }

    #[test]
    fn wrong_values_are_named() {
        let error = Heatmap::from_values(grid(2, 2), vec![0.0; 3]).unwrap_err();
        assert!(error.to_string().contains("needs 4 values, got 3"));
        let error = Heatmap::from_values(grid(2, 2), vec![0.0, 0.0, 0.0, f32::NAN]).unwrap_err();
        assert!(error.to_string().contains("row 1, column 1"));
    }
}
