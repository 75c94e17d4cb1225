//! [`Span`]: a closed range in a configuration, `[min, max]` in JSON, from which a value is drawn
//! uniformly.

use std::fmt::Display;

use rand::distr::uniform::SampleUniform;
use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// All values from `min` to `max`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(from = "(T, T)", into = "(T, T)")]
pub struct Span<T: Copy> {
    /// Smallest value.
    pub min: T,
    /// Largest value.
    pub max: T,
}

impl<T: Copy> Span<T> {
    /// Makes the range from `min` to `max`, both included.
    pub const fn new(min: T, max: T) -> Self {
        Self { min, max }
    }

    /// Makes a range of one value only.
    pub const fn only(value: T) -> Self {
        Self::new(value, value)
    }
}

impl<T: Copy + PartialOrd + SampleUniform> Span<T> {
    /// Draws a value uniformly.
    ///
    /// # Panics
    /// Panics when `min` is above `max`; [`Span::check`] finds that out beforehand.
    pub fn draw(&self, rng: &mut impl Rng) -> T {
        rng.random_range(self.min..=self.max)
    }
}

impl<T: Copy + PartialOrd + Display> Span<T> {
    /// Checks that the span lies in `lowest..=highest` and is not reversed.
    ///
    /// # Errors
    /// Returns an error that names `field` and the span when that is not so.
    pub fn check(&self, field: &str, lowest: T, highest: T) -> Result<()> {
        // Written so that NaN fails.
        if lowest <= self.min && self.min <= self.max && self.max <= highest {
            return Ok(());
        }
        Err(Error::config(
            field,
            format!("[{}, {}]", self.min, self.max),
            format!("must be an ascending pair within {lowest} to {highest}"),
        ))
    }
}

impl<T: Copy> From<(T, T)> for Span<T> {
    fn from((min, max): (T, T)) -> Self {
        Self { min, max }
    }
}

impl<T: Copy> From<Span<T>> for (T, T) {
    fn from(span: Span<T>) -> Self {
        (span.min, span.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample_rng;

    #[test]
    fn both_ends_are_drawn() {
        let mut rng = sample_rng(0, 0);
        let drawn: Vec<u32> = (0..200).map(|_| Span::new(2, 4).draw(&mut rng)).collect();
        assert_eq!((drawn.iter().min(), drawn.iter().max()), (Some(&2), Some(&4)));
    }

    #[test]
    fn a_wrong_span_names_its_field() {
        for span in [
            Span::new(3.0, 1.0),
            Span::new(-1.0, 1.0),
            Span::new(0.0, f64::NAN),
            Span::new(0.0, 11.0),
        ] {
            assert!(
                span.check("sigma_bins", 0.0, 10.0)
                    .unwrap_err()
                    .to_string()
                    .contains("`sigma_bins`")
            );
        }
        assert!(Span::new(0.0, 10.0).check("sigma_bins", 0.0, 10.0).is_ok());
    }

    #[test]
    fn json_is_a_pair() {
        assert_eq!(serde_json::to_string(&Span::new(1, 8)).unwrap(), "[1,8]");
        assert_eq!(serde_json::from_str::<Span<u32>>("[1,8]").unwrap(), Span::new(1, 8));
    }
}
