//! [`Explainer`]: one plain sentence on why a banner has its score, which a person can check in its
//! picture.
//!
//! A banner is compared with the layout of its grid that explains its clicks best. The picture
//! shows where it has more clicks than banners of that layout, and where it has fewer. The sentence
//! names the first of these that applies: the excess lies in one spot; a known pattern explains the
//! clicks; or else which share of the clicks lies elsewhere, and where most are missing and most
//! are too many.

use super::{ClickMap, KnownDefects, LikelihoodRatio, Score, Smoothing};
use crate::defect::{Pattern, place_in_words};
use crate::{Heatmap, Result};

/// Explains the scores of the banners of one grid, given the maps of its layouts.
#[derive(Debug, Clone)]
pub struct Explainer {
    layouts: Vec<ExplainedLayout>,
}

#[derive(Debug, Clone)]
struct ExplainedLayout {
    map: ClickMap,
    against_even: LikelihoodRatio,
    defects: KnownDefects,
}

/// Why a banner has its score, in words and bin by bin.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// One sentence with the reason.
    pub reason: String,
    /// For each bin, row-major: how many clicks more (above 0) or fewer (below 0) the banner has
    /// than a banner of the nearest layout with as many clicks.
    pub drivers: Vec<f32>,
}

/// Radius of a spot, in standard deviations of the smoothing.
const SPOT_REACH: f64 = 2.2;
/// Excess share of the clicks in one spot from which on the spot is worth a sentence.
const SPOT_SHARE: f64 = 0.08;
/// Share of the whole excess that must lie in the spot for it to be the reason.
const SPOT_OF_ALL: f64 = 0.4;
/// Gain in nats per click from which on a pattern explains the clicks better than the layout alone.
const PATTERN_GAIN: f64 = 0.05;
/// Share of the clicks that may lie elsewhere on a banner that works.
const USUAL: f64 = 0.3;

impl Explainer {
    /// Makes an explainer from the map of each layout of a grid.
    ///
    /// # Errors
    /// None are expected: each map is only compared with a uniform one on its own bins.
    pub fn new(layouts: &[ClickMap]) -> Result<Self> {
        let of = |map: &ClickMap| {
            Ok(ExplainedLayout {
                map: map.clone(),
                against_even: LikelihoodRatio::one_shot(map.clone())?,
                defects: KnownDefects::new("known_defects", map),
            })
        };
        Ok(Self { layouts: layouts.iter().map(of).collect::<Result<_>>()? })
    }

    /// Explains `heatmap`; `flagged` says whether the banner is flagged. Without a layout or a
    /// click the sentence says that there is nothing to compare.
    ///
    /// # Errors
    /// When the heatmap has other rows or columns of bins than the maps.
    pub fn explain(&self, heatmap: &Heatmap, flagged: bool) -> Result<Explanation> {
        let grid = heatmap.grid();
        let mut nearest: Option<(f64, &ExplainedLayout)> = None;
        for layout in &self.layouts {
            // A likelihood ratio against uniform clicks: the lower, the better the layout explains
            // them.
            let score = layout.against_even.score(heatmap)?;
            if nearest.is_none_or(|(least, _)| score < least) {
                nearest = Some((score, layout));
            }
        }
        let (Some((_, layout)), true) = (nearest, heatmap.total() > 0.0) else {
            let reason = "There is no click, or no banner to compare with.".to_owned();
            return Ok(Explanation { reason, drivers: vec![0.0; grid.len()] });
        };
        let smoothing = Smoothing::default();
        let own = ClickMap::of([heatmap], &smoothing)?;
        let (own, expected) = (own.probabilities(), layout.map.probabilities());
        let differs: Vec<f64> =
            own.iter().zip(expected).map(|(own, expected)| own - expected).collect();
        // `total` sums over all bins, so it is called once and not for each bin.
        let clicks = heatmap.total();
        let drivers = differs.iter().map(|more| (more * clicks) as f32).collect();
        let elsewhere: f64 = differs.iter().filter(|more| **more > 0.0).sum();
        let most = extreme(&differs, |a, b| a > b);
        let least = extreme(&differs, |a, b| a < b);
        let place = |bin: usize| {
            let (row, column) = (bin / grid.columns, bin % grid.columns);
            ((column as f64 + 0.5) / grid.columns as f64, (row as f64 + 0.5) / grid.rows as f64)
        };
        let words = |bin: usize| {
            let (x, y) = place(bin);
            place_in_words(x, y)
        };
        // The spot around the bin with the largest excess.
        let reach = SPOT_REACH * smoothing.sigma_for(heatmap.total());
        let (top, left) = ((most / grid.columns) as f64, (most % grid.columns) as f64);
        let in_spot = |bin: usize| {
            let (row, column) = ((bin / grid.columns) as f64, (bin % grid.columns) as f64);
            (row - top).hypot(column - left) <= reach
        };
        let there = |shares: &[f64]| {
            (0..shares.len()).filter(|&bin| in_spot(bin)).map(|bin| shares[bin]).sum::<f64>()
        };
        let clicks_there =
            (0..grid.len()).filter(|&bin| in_spot(bin)).map(|bin| f64::from(heatmap.values()[bin]));
        let (here, usual) = (clicks_there.sum::<f64>() / heatmap.total(), there(expected));
        let guess = layout.defects.guess(heatmap)?;
        let reason = if here - usual > SPOT_SHARE && here - usual > SPOT_OF_ALL * elsewhere {
            let size = 2.0 * reach * grid.bin_size_px;
            format!(
                "Clicks pile up in one spot {}: {} of them within {size:.0} px; good banners of \
                 this layout have {} there.",
                words(most),
                whole_percent(here),
                whole_percent(usual)
            )
        } else if guess.score > PATTERN_GAIN {
            of_pattern(guess.pattern, guess.share, heatmap, expected)
        } else if elsewhere > USUAL || flagged {
            format!(
                "{} of the clicks lie elsewhere than on the good banners most like it: most are \
                 missing {}, most too many lie {}.",
                whole_percent(elsewhere),
                words(least),
                words(most)
            )
        } else {
            format!(
                "Clicks fall where those of good banners of this layout do: {} of them lie \
                 elsewhere, which is usual.",
                whole_percent(elsewhere)
            )
        };
        Ok(Explanation { reason, drivers })
    }
}

/// The sentence for a banner whose clicks a known pattern explains.
fn of_pattern(pattern: Pattern, share: f64, heatmap: &Heatmap, expected: &[f64]) -> String {
    let grid = heatmap.grid();
    // Count only where the pattern exceeds both the layout and the uniform map: good banners leave
    // these bins almost empty.
    let map = ClickMap::of_pattern(grid, pattern);
    let inside = |bin: usize| {
        map.probabilities()[bin] > expected[bin]
            && map.probabilities()[bin] >= 1.0 / grid.len() as f64
    };
    let bins = || (0..grid.len()).filter(|&bin| inside(bin));
    let here = bins().map(|bin| f64::from(heatmap.values()[bin])).sum::<f64>() / heatmap.total();
    let usual: f64 = bins().map(|bin| expected[bin]).sum();
    match pattern {
        Pattern::Anywhere => format!(
            "About {} of the clicks look as if they fell anywhere: {} lie where this layout is \
             hardly clicked; its good banners have {} there.",
            whole_percent(share),
            whole_percent(here),
            whole_percent(usual)
        ),
        _ => format!(
            "{} of the clicks fall {}; good banners of this layout have {} there.",
            whole_percent(here),
            pattern.words(),
            whole_percent(usual)
        ),
    }
}

/// A share as a percentage without decimals.
pub(super) fn whole_percent(share: f64) -> String {
    format!("{:.0} %", 100.0 * share)
}

/// Position of the value that `before` puts before all others; the first of equals.
fn extreme(values: &[f64], before: impl Fn(f64, f64) -> bool) -> usize {
    (0..values.len()).fold(0, |best, at| if before(values[at], values[best]) { at } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synth::{Broken, BrokenKind, Layout, Population, Span};
    use crate::{Grid, sample_rng};

    const GRID: Grid = Grid::MEDIUM_RECTANGLE;

    fn explainer() -> (Explainer, Heatmap) {
        let good = Population { prevalence: 0.0, ..Default::default() };
        let heatmaps: Vec<Heatmap> =
            (0..40).map(|at| good.banner(&Layout::draw(3, 0), 1, at, 2_000).heatmap).collect();
        let map = ClickMap::of(&heatmaps[..39], &Smoothing::default()).unwrap();
        (Explainer::new(&[map, ClickMap::steps(GRID)]).unwrap(), heatmaps[39].clone())
    }

    fn broken(kind: BrokenKind, sigma: f64) -> Heatmap {
        let config = Broken { sigma: Span::only(sigma), ..Broken::usual(kind, Span::only(400)) };
        config.scene(&GRID, &mut sample_rng(6, 1)).render(GRID, &mut sample_rng(6, 2)).heatmap
    }

    #[test]
    fn a_tight_blob_is_called_one_spot_and_where_it_lies() {
        let (explainer, _) = explainer();
        for (kind, words) in [
            (BrokenKind::BottomLeft, "one spot at the bottom left"),
            (BrokenKind::TopRight, "one spot at the top right"),
            (BrokenKind::RightMiddle, "one spot on the right side"),
        ] {
            let said = explainer.explain(&broken(kind, 0.02), true).unwrap().reason;
            assert!(
                said.contains(words) && said.contains("good banners of this layout have"),
                "{said}"
            );
            assert!(!said.contains("anywhere"), "{said}");
        }
    }

    #[test]
    fn strips_and_clicks_all_over_are_told_apart() {
        let (explainer, _) = explainer();
        let said = |kind, sigma| explainer.explain(&broken(kind, sigma), true).unwrap().reason;
        assert!(
            said(BrokenKind::LeftEdge, 0.04).contains("along the left edge"),
            "{}",
            said(BrokenKind::LeftEdge, 0.04)
        );
        assert!(said(BrokenKind::Everywhere, 0.04).contains("as if they fell anywhere"));
    }

    #[test]
    fn a_good_banner_is_cleared_with_a_reason_and_drivers_add_up_to_nothing() {
        let (explainer, good) = explainer();
        let explained = explainer.explain(&good, false).unwrap();
        assert!(explained.reason.contains("which is usual"), "{}", explained.reason);
        let sum: f32 = explained.drivers.iter().sum();
        assert!(sum.abs() < 0.5 && explained.drivers.iter().any(|d| *d > 0.0), "{sum}");
        let empty = explainer.explain(&Heatmap::zeros(GRID), false).unwrap();
        assert!(empty.reason.contains("no click") && empty.drivers.iter().all(|d| *d == 0.0));
        assert!(
            Explainer::new(&[])
                .unwrap()
                .explain(&good, true)
                .unwrap()
                .reason
                .contains("no banner to compare")
        );
    }
}
