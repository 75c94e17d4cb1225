//! [`Warmup`]: how many steps the learning rate rises.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Length of the linear warm-up of the learning rate: a number of steps, or a share of all of them.
/// In a configuration file a whole number such as `100` is a number of steps, and a number with a
/// decimal point such as `0.15` is a share.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Warmup {
    /// This many steps.
    Batches(usize),
    /// This share of all steps, from 0 to below 1, rounded down.
    Share(f64),
}

impl Warmup {
    /// Returns the number of warm-up steps of a run of `steps` steps.
    ///
    /// # Errors
    /// Returns an error when the warm-up leaves no step, or when a share is not from 0 to below 1.
    pub fn batches(self, steps: usize) -> Result<usize> {
        let batches = match self {
            Self::Batches(batches) => batches,
            Self::Share(share) if (0.0..1.0).contains(&share) => (share * steps as f64) as usize,
            Self::Share(_) => {
                let reason = "a share of the batches must be at least 0 and less than 1";
                return Err(Error::config("warmup_batches", self, reason));
            }
        };
        if batches >= steps {
            let reason = format!("leaves none of {steps} batches for the cosine");
            return Err(Error::config("warmup_batches", self, reason));
        }
        Ok(batches)
    }
}

impl fmt::Display for Warmup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Batches(batches) => write!(f, "{batches}"),
            Self::Share(share) => write!(f, "{share}"),
        }
    }
}

impl FromStr for Warmup {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let wrong = || "is neither a number of batches such as 100 nor a share such as 0.15".into();
        let batches = text.parse().map(Self::Batches);
        batches.or_else(|_| text.parse().map(Self::Share)).map_err(|_| wrong())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_steps_and_others_are_shares() {
        assert_eq!("100".parse(), Ok(Warmup::Batches(100)));
        assert_eq!("0.15".parse(), Ok(Warmup::Share(0.15)));
        assert_eq!("0.0".parse(), Ok(Warmup::Share(0.0)));
        assert!("many".parse::<Warmup>().is_err());
        for (text, warmup) in [("100", Warmup::Batches(100)), ("0.15", Warmup::Share(0.15))] {
            assert_eq!(serde_json::from_str::<Warmup>(text).expect("a warm-up"), warmup);
            assert_eq!(serde_json::to_string(&warmup).expect("JSON"), text);
        }
    }

    #[test]
    fn a_share_is_rounded_down_and_some_steps_are_left() {
        assert_eq!(Warmup::Share(0.15).batches(1_500).expect("a number"), 225);
        assert_eq!(Warmup::Share(0.15).batches(4).expect("a number"), 0);
        assert_eq!(Warmup::Batches(3).batches(4).expect("a number"), 3);
        for (wrong, named) in [
            (Warmup::Batches(4), "`warmup_batches` = 4: leaves none of 4"),
            (Warmup::Share(1.0), "`warmup_batches` = 1: a share"),
            (Warmup::Share(-0.1), "a share"),
            (Warmup::Share(f64::NAN), "a share"),
            (Warmup::Share(0.5), "leaves none of 0"),
        ] {
            let steps = if named.ends_with("of 0") { 0 } else { 4 };
            let error = wrong.batches(steps).expect_err("an error").to_string();
            assert!(error.contains(named), "{error}");
        }
    }
}
