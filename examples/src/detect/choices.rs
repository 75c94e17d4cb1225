//! What the user may say about anchors.

use std::str::FromStr;

use heatmap_core::detect::{AnchorChoice, CLEAN_LANDING_RATE};

/// An anchor choice by its name on the command line.
#[derive(Debug, Clone)]
pub struct AnchorName(AnchorChoice);

impl AnchorName {
    /// The choice.
    pub fn choice(&self) -> AnchorChoice {
        self.0.clone()
    }
}

impl FromStr for AnchorName {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let choice = match (name, name.split_once('=')) {
            ("bulk", _) => AnchorChoice::Bulk,
            ("random", _) => AnchorChoice::Random,
            ("good", _) => AnchorChoice::MeanOfGood,
            ("two-good", _) => AnchorChoice::TwoGood,
            ("landing-rate", _) => AnchorChoice::LandingRate(CLEAN_LANDING_RATE),
            ("none", _) => AnchorChoice::None,
            (_, Some(("landing-rate", rate))) => match rate.parse() {
                Ok(rate) if (0.0..1.0).contains(&rate) => AnchorChoice::LandingRate(rate),
                _ => return Err(format!("`{rate}` is no share from 0 to 1")),
            },
            (_, Some(("domain", domain))) if !domain.is_empty() => {
                AnchorChoice::Domain(domain.to_owned())
            }
            _ => {
                return Err(
                    "is none of bulk, landing-rate, landing-rate=SHARE, good, two-good, random, \
                     domain=NAME, none"
                        .to_owned(),
                );
            }
        };
        Ok(Self(choice))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_others_refused() {
        let choice = |name: &str| name.parse::<AnchorName>().map(|name| name.choice());
        assert_eq!(choice("bulk"), Ok(AnchorChoice::Bulk));
        assert_eq!(choice("landing-rate=0.7"), Ok(AnchorChoice::LandingRate(0.7)));
        assert_eq!(choice("domain=a.com"), Ok(AnchorChoice::Domain("a.com".to_owned())));
        for wrong in ["", "best", "domain=", "landing-rate=7", "landing-rate=x"] {
            assert!(choice(wrong).is_err(), "{wrong}");
        }
    }
}
