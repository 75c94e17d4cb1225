//! Anchors: which banners of a grid stand for good ones.

use std::str::FromStr;

use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use super::words::percent;
use super::{ClickMap, Reference, ReferenceConfig, Smoothing, Verdict};
use crate::{Error, Heatmap, Result, sample_rng};

/// How the anchor of a grid is chosen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnchorChoice {
    /// The banners that are taken for good without a label ([`Reference`]).
    Bulk,
    /// One banner, drawn from all with clicks.
    Random,
    /// Half of the banners that are labelled good, drawn: the others can then be judged by an
    /// anchor that has not seen them.
    MeanOfGood,
    /// Two banners that are labelled good.
    TwoGood,
    /// Every banner that lands more than this share of its clicks.
    LandingRate(f64),
    /// The banner of this domain.
    Domain(String),
    /// No banner: the step-uniform map.
    None,
}

/// What is known of a banner that may become an anchor.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// Its clicks.
    pub heatmap: &'a Heatmap,
    /// Site or app.
    pub domain: &'a str,
    /// Whether it is known to be broken.
    pub broken: Option<bool>,
    /// Landed clicks per click, if known.
    pub landing_rate: Option<f64>,
    /// Whether somebody said that it is good (`Some(true)`) or broken, and with it all banners that
    /// look like it: that wins over its label.
    pub example: Option<bool>,
}

/// The good map of a grid and where it comes from.
#[derive(Debug, Clone)]
pub struct Anchor {
    /// Where good banners are clicked.
    pub map: ClickMap,
    /// Positions of the banners behind it among the candidates; none for the step-uniform map.
    pub banners: Vec<usize>,
    /// Their clicks.
    pub clicks: f64,
    /// The choice in words.
    pub description: String,
}

/// Landing rates above this are those of banners that work, by the report.
pub const CLEAN_LANDING_RATE: f64 = 0.8;

/// Landing rates below this are those of broken banners, by the report.
pub const BROKEN_LANDING_RATE: f64 = 0.3;

/// A bulk of fewer banners is no bulk.
const MIN_BULK: usize = 5;

impl FromStr for AnchorChoice {
    type Err = Error;

    /// Reads `bulk`, `random`, `good`, `two-good`, `landing-rate` (above [`CLEAN_LANDING_RATE`]),
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
    /// Chooses among `candidates`, all of one grid. `seed` decides what is drawn.
    ///
    /// # Errors
    /// When no candidate qualifies: the error says what was looked for. [`AnchorChoice::None`]
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
    /// Whether it works (`Some(true)`) or not, by what somebody said of it and of those like it,
    /// its label, or else how its clicks land, as far as that tells.
    pub fn is_good(&self) -> Option<bool> {
        match (self.broken, self.landing_rate) {
            _ if self.example.is_some() => self.example,
            (Some(broken), _) => Some(!broken),
            (None, Some(rate)) if rate > CLEAN_LANDING_RATE => Some(true),
            (None, Some(rate)) if rate < BROKEN_LANDING_RATE => Some(false),
            _ => None,
        }
    }

    /// What [`Candidate::is_good`] says, and whether it holds for all banners that look like it.
    pub fn verdict(&self) -> Option<Verdict> {
        self.is_good().map(|good| Verdict { good, of_its_group: self.example.is_some() })
    }
}

impl Anchor {
    /// The mean of the banners of `reference`, which was chosen from `candidates`.
    ///
    /// # Errors
    /// When there are too few banners to choose from.
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
