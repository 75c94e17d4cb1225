//! One plain sentence on why a banner has its score.

use heatmap_core::Heatmap;
use heatmap_core::detect::{ClickMap, KnownDefects, LikelihoodRatio, Score};
use heatmap_core::synth::BrokenKind;

/// What the clicks of one banner say against its grid.
pub(super) struct Explanation {
    /// The sentence.
    pub reason: String,
    /// What each bin adds to the likelihood ratio.
    pub drivers: Vec<f32>,
}

/// Explains the banners of one grid by its good map.
pub(super) struct Explainer<'a> {
    good: &'a ClickMap,
    ratio: LikelihoodRatio,
    known: KnownDefects,
}

impl<'a> Explainer<'a> {
    /// By this good map.
    ///
    /// # Errors
    /// None that a map of one grid can cause.
    pub(super) fn new(good: &'a ClickMap) -> heatmap_core::Result<Self> {
        let ratio = LikelihoodRatio::one_shot(good.clone())?;
        Ok(Self { good, ratio, known: KnownDefects::new("known_defects", good) })
    }

    /// Explains `heatmap`.
    ///
    /// # Errors
    /// When it is on another grid.
    pub(super) fn explain(&self, heatmap: &Heatmap, flagged: bool) -> heatmap_core::Result<Explanation> {
        let (good, guess) = (self.good, self.known.guess(heatmap)?);
        let drivers = self.ratio.contributions(heatmap)?;
        // The bins of the place by which the guess differs most from the good map.
        let kind = ClickMap::of_kind(good.grid(), guess.kind);
        let inside = |bin: usize| kind.probabilities()[bin] > 1.0 / good.grid().len() as f64;
        let total = heatmap.total().max(1.0);
        let bins = || (0..good.grid().len()).filter(|&bin| inside(bin));
        let here = bins().map(|bin| f64::from(heatmap.values()[bin])).sum::<f64>() / total;
        let expected: f64 = bins().map(|bin| good.probabilities()[bin]).sum();
        let percent = |share: f64| format!("{:.0} %", 100.0 * share);
        let reason = if guess.score > 0.05 && guess.kind == BrokenKind::Everywhere {
            format!("About {} of the clicks look as if they fell anywhere.", percent(guess.share))
        } else if guess.score > 0.05 && here > expected {
            format!(
                "{} of the clicks fall {}; {} are expected there.",
                percent(here),
                place(guess.kind),
                percent(expected)
            )
        } else if self.ratio.score(heatmap)? > 0.0 {
            "Clicks miss the products of this grid, without one place that explains it.".to_owned()
        } else if flagged {
            "Clicks fall about where the products of this grid are, and yet unlike those of its other banners: see its other numbers.".to_owned()
        } else {
            "Clicks fall where the products of this grid are.".to_owned()
        };
        Ok(Explanation { reason, drivers })
    }
}

/// Where a kind of defect puts its clicks, in words.
fn place(kind: BrokenKind) -> &'static str {
    match kind {
        BrokenKind::Everywhere => "anywhere",
        BrokenKind::BottomLeft => "at the bottom left, around the close button",
        BrokenKind::BottomRight => "at the bottom right",
        BrokenKind::BottomMiddle => "in the middle of the bottom",
        BrokenKind::RightMiddle => "in the middle of the right side",
        BrokenKind::TopRight => "at the top right",
        BrokenKind::LeftEdge => "along the left edge",
        BrokenKind::Diagonal => "along a diagonal",
    }
}
