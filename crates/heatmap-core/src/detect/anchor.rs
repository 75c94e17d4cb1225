//! Anchors: the mean map of good banners of a grid, and the rules by which these banners are
//! chosen.

use std::str::FromStr;

use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use super::words::percent;
use super::{ClickMap, Reference, ReferenceConfig, Smoothing, Verdict};
use crate::{Error, Heatmap, Result, sample_rng};

/// The rule by which the banners of a grid's anchor are chosen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnchorChoice {
    /// All banners of the [`Reference`]: those that are taken for good, chosen without labels where
    /// there are none.
    Bulk,
    /// One banner, drawn at random from those with clicks.
    Random,
    /// A random half of the banners that are labelled good, so that the other half can be judged by
    /// an anchor that has not seen them.
    MeanOfGood,
    /// Two random banners that are labelled good.
    TwoGood,
    /// All banners whose landing rate is above this share (0 to 1).
    LandingRate(f64),
    /// The banner of this domain.
    Domain(String),
    /// No banner: the anchor is the step-uniform map, [`ClickMap::steps`].
    None,
}

/// A banner that may become part of an anchor, with what is known of it.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// Its clicks per bin.
    pub heatmap: &'a Heatmap,
    /// Site or app that shows the banner.
    pub domain: &'a str,
    /// Its label, if it has one: whether it is broken.
    pub broken: Option<bool>,
    /// Its landing rate (landed clicks per click, 0 to 1), if known.
    pub landing_rate: Option<f64>,
    /// Whether a user named it as an example of good banners (`Some(true)`) or broken ones. This
    /// holds for all banners that look like it and overrides its label.
    pub example: Option<bool>,
}

/// The mean map of good banners of a grid, and where it comes from.
#[derive(Debug, Clone)]
pub struct Anchor {
    /// The probability that a click on a good banner falls into each bin.
    pub map: ClickMap,
    /// Positions among the candidates of the banners that the map is the mean of; empty for the
    /// step-uniform map.
    pub banners: Vec<usize>,
    /// Total number of clicks of these banners.
    pub clicks: f64,
    /// How the banners were chosen, in words.
    pub description: String,
}

/// Banners with a landing rate above this count as good; the value is that of the research report
/// behind this library.
pub const CLEAN_LANDING_RATE: f64 = 0.8;

/// Banners with a landing rate below this count as broken; the value is that of the research report
/// behind this library.
pub const BROKEN_LANDING_RATE: f64 = 0.3;

/// Fewest banners with clicks that a reference is chosen from.
const MIN_BULK: usize = 5;

impl FromStr for AnchorChoice {
    type Err = Error;

    /// Parses `bulk`, `random`, `good`, `two-good`, `landing-rate` (above [`CLEAN_LANDING_RATE`]),
    /// `landing-rate=SHARE`, `domain=NAME` or `none`.
    fn from_str(name: &str) -> Result<Self> {
        Ok(match (name, name.split_once('=')) {
            ("bulk", _) => Self::Bulk,
            ("random", _) => Self::Random,
            ("good", _) => Self::MeanOfGood,
            ("two-good", _) => Self::TwoGood,
            ("landing-rate", _) => Self::LandingRate(CLEAN_LANDING_RATE),
            ("none", _) => Self::None,
            (_, Some(("landing-rate", rate))) => match rate.parse() {
                Ok(rate) if (0.0..1.0).contains(&rate) => Self::LandingRate(rate),
                _ => return Err(Error::config("anchor", name, "is no share from 0 to 1")),
            },
            (_, Some(("domain", domain))) if !domain.is_empty() => Self::Domain(domain.to_owned()),
            _ => {
                let known = "is none of bulk, landing-rate, landing-rate=SHARE, good, two-good, \
                             random, domain=NAME, none";
                return Err(Error::config("anchor", name, known));
            }
        })
    }
}

impl AnchorChoice {
    /// Chooses the anchor among `candidates`, all of one grid; `grid` gives their bins. `seed`
    /// makes random draws repeatable.
    ///
    /// # Errors
    /// When no candidate qualifies; the error says what was looked for. [`AnchorChoice::None`]
    /// always succeeds.
    pub fn choose(
        &self,
        candidates: &[Candidate<'_>],
        grid: crate::Grid,
        smoothing: &Smoothing,
        seed: u64,
    ) -> Result<Anchor> {
        let clicked = |at: &usize| candidates[*at].heatmap.total() > 0.0;
        let with = |keep: &dyn Fn(&Candidate<'_>) -> bool| -> Vec<usize> {
            (0..candidates.len()).filter(|&at| keep(&candidates[at])).filter(clicked).collect()
        };
        let drawn = |mut from: Vec<usize>, count: usize| {
            from.shuffle(&mut sample_rng(seed, 0));
            from.truncate(count);
            from
        };
        let is_good = |candidate: &Candidate<'_>| candidate.broken == Some(false);
        let (banners, description) = match self {
            Self::None => {
                let description = "step-uniform map: no banner was looked at".to_owned();
                return Ok(Anchor {
                    map: ClickMap::steps(grid),
                    banners: Vec::new(),
                    clicks: 0.0,
                    description,
                });
            }
            Self::Bulk => {
                let all = with(&|_| true);
                if all.len() < MIN_BULK {
                    let found = all.len();
                    return Err(Error::Data(format!(
                        "{found} banners with clicks: a bulk needs {MIN_BULK}"
                    )));
                }
                let heatmaps: Vec<&Heatmap> =
                    candidates.iter().map(|candidate| candidate.heatmap).collect();
                let known: Vec<Option<Verdict>> =
                    candidates.iter().map(Candidate::verdict).collect();
                let reference =
                    ReferenceConfig::default().choose(&heatmaps, &known, smoothing, seed)?;
                return Anchor::of_reference(&reference, candidates, smoothing);
            }
            Self::Random => (drawn(with(&|_| true), 1), "one banner, drawn".to_owned()),
            Self::MeanOfGood => {
                let all = with(&is_good);
                let half = drawn(all.clone(), all.len().div_ceil(2));
                let description = format!(
                    "mean of {} of the {} banners labelled good, drawn",
                    half.len(),
                    all.len()
                );
                (half, description)
            }
            Self::TwoGood => {
                (drawn(with(&is_good), 2), "mean of two banners labelled good, drawn".to_owned())
            }
            Self::LandingRate(least) => {
                let clean =
                    with(&|candidate| candidate.landing_rate.is_some_and(|rate| rate > *least));
                let description = format!(
                    "mean of the {} banners that land more than {} % of their clicks",
                    clean.len(),
                    100.0 * least
                );
                (clean, description)
            }
            Self::Domain(domain) => {
                (with(&|candidate| candidate.domain == domain), format!("the banner of {domain}"))
            }
        };
        if banners.is_empty() {
            return Err(Error::Data(format!(
                "no banner with clicks is there for the anchor ({})",
                self.wanted()
            )));
        }
        let heatmaps = banners.iter().map(|&at| candidates[at].heatmap);
        let clicks = heatmaps.clone().map(Heatmap::total).sum();
        Ok(Anchor { map: ClickMap::of(heatmaps, smoothing)?, banners, clicks, description })
    }

    fn wanted(&self) -> String {
        match self {
            Self::MeanOfGood | Self::TwoGood => "labelled good".to_owned(),
            Self::LandingRate(least) => format!("landing rate above {}", percent(*least)),
            Self::Domain(domain) => format!("domain {domain}"),
            Self::Bulk | Self::Random | Self::None => "any".to_owned(),
        }
    }
}

impl Candidate<'_> {
    /// Returns whether the banner is good, as far as that is known: by what a user said of it as an
    /// example, else by its label, else by its landing rate.
    pub fn is_good(&self) -> Option<bool> {
        match (self.broken, self.landing_rate) {
            _ if self.example.is_some() => self.example,
            (Some(broken), _) => Some(!broken),
            (None, Some(rate)) if rate > CLEAN_LANDING_RATE => Some(true),
            (None, Some(rate)) if rate < BROKEN_LANDING_RATE => Some(false),
            _ => None,
        }
    }

    /// Returns [`Candidate::is_good`] as a [`Verdict`], which says whether it also holds for all
    /// banners that look like this one.
    pub fn verdict(&self) -> Option<Verdict> {
        self.is_good().map(|good| Verdict { good, of_its_group: self.example.is_some() })
    }
}

impl Anchor {
    /// Averages the banners of `reference`, which was chosen from `candidates`.
    ///
    /// # Errors
    /// When fewer than 5 banners with clicks were there to choose from.
    pub fn of_reference(
        reference: &Reference,
        candidates: &[Candidate<'_>],
        smoothing: &Smoothing,
    ) -> Result<Self> {
        let found = reference.considered.len();
        if found < MIN_BULK {
            return Err(Error::Data(format!(
                "{found} banners with clicks: a bulk needs {MIN_BULK}"
            )));
        }
        let banners = reference.banners.clone();
        let heatmaps = banners.iter().map(|&at| candidates[at].heatmap);
        let clicks = heatmaps.clone().map(Heatmap::total).sum();
        let known = banners.iter().filter(|&&at| candidates[at].is_good() == Some(true)).count();
        let layouts = match reference.layouts.len() {
            1 => "one layout".to_owned(),
            count => format!("{count} layouts"),
        };
        let by = match known {
            0 => "without labels".to_owned(),
            _ => format!("{known} of them by labels or landing rates"),
        };
        let description = format!(
            "mean of the {} banners that are taken for good, {by}: {layouts}",
            banners.len()
        );
        Ok(Self { map: ClickMap::of(heatmaps, smoothing)?, banners, clicks, description })
    }
}

#[cfg(test)]
mod tests;
