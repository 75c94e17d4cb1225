//! [`SetScore`]: the network as a score, together with the banners of a grid that it compares
//! others with.

use std::sync::Arc;

use rayon::prelude::*;

use super::{BannerMaps, CHANNELS, MAX_REFERENCES, NetworkReference, SetNetwork, network_input};
use crate::detect::Score;
use crate::detect::smoothed_shares::{distances, nearest};
use crate::{Heatmap, Result};

/// Scores a banner by the log odds of a [`SetNetwork`], which compares it with the most similar of
/// its references.
#[derive(Debug, Clone)]
pub struct SetScore {
    network: Arc<SetNetwork>,
    maps: BannerMaps,
    references: Vec<(Vec<f32>, f64)>,
}

impl SetScore {
    /// Makes a score with these references, banners of one grid most of which should be good.
    ///
    /// # Errors
    /// When a heatmap has other rows or columns of bins than `maps`.
    pub fn new(
        network: Arc<SetNetwork>,
        maps: BannerMaps,
        references: &[&Heatmap],
    ) -> Result<Self> {
        let of = |heatmap: &&Heatmap| Ok((maps.of(heatmap)?, heatmap.total()));
        let references = references.par_iter().map(of).collect::<Result<_>>()?;
        Ok(Self { network, maps, references })
    }

    /// Returns the log odds of being broken, at a prior of as many broken as good banners. `itself`
    /// is the banner's position among the references; if `None`, one identical reference (if there
    /// is one) is taken to be it. That reference is left out.
    ///
    /// # Errors
    /// When the heatmap has other rows or columns of bins than the references.
    pub fn logit(&self, heatmap: &Heatmap, itself: Option<usize>) -> Result<f64> {
        let maps = self.maps.of(heatmap)?;
        let references = nearest_references(&maps, &self.references, itself, MAX_REFERENCES);
        let mut planes = Vec::with_capacity(CHANNELS * BannerMaps::POINTS);
        network_input(&maps, heatmap.total(), &references, &mut planes);
        Ok(self.network.logit(&planes))
    }
}

impl SetScore {
    /// The network, the conversion of heatmaps to its maps, and the references (maps and clicks).
    pub(super) fn parts(&self) -> (&SetNetwork, &BannerMaps, &[(Vec<f32>, f64)]) {
        (&self.network, &self.maps, &self.references)
    }
}

/// Returns at most `most` references, given by their maps and clicks, whose wide maps are the most
/// similar to those of a banner with these `maps`, nearest first. The reference `itself` is left
/// out; if it is `None`, one reference with identical maps (if there is one) is.
///
/// # Panics
/// When maps are not as long as those of [`BannerMaps::of`], or there is no reference `itself`.
pub fn nearest_references<'a>(
    maps: &[f32],
    references: &'a [(Vec<f32>, f64)],
    itself: Option<usize>,
    most: usize,
) -> Vec<NetworkReference<'a>> {
    let rows = references.iter().map(|(other, _)| &other[BannerMaps::POINTS..]);
    let mut all: Vec<(f64, usize)> =
        distances(rows, &maps[BannerMaps::POINTS..]).into_iter().zip(0..).collect();
    let same =
        || all.iter().position(|&(distance, at)| distance == 0.0 && references[at].0 == maps);
    if let Some(itself) = itself.or_else(same) {
        all.swap_remove(itself);
    }
    let of = |(_, at): (f64, usize)| NetworkReference {
        maps: &references[at].0,
        clicks: references[at].1,
    };
    nearest(all, most).into_iter().map(of).collect()
}

impl Score<Heatmap> for SetScore {
    fn name(&self) -> &'static str {
        "set_network"
    }

    fn score(&self, heatmap: &Heatmap) -> Result<f64> {
        self.logit(heatmap, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::evaluation::auroc;
    use crate::synth::{ReferenceSet, ReferenceSets, SetBanner, Span};

    fn set(index: u64) -> ReferenceSet {
        ReferenceSets { clicks: Span::only(200.0), flooded: 0.0, ..Default::default() }
            .set(77, index)
    }

    fn heatmaps(banners: &[SetBanner]) -> Vec<&Heatmap> {
        banners.iter().map(|banner| &banner.heatmap).collect()
    }

    fn score_before(references: &[&Heatmap]) -> SetScore {
        SetScore::new(SetNetwork::embedded(), BannerMaps::new(references[0].grid()), references)
            .unwrap()
    }

    #[test]
    fn the_built_in_network_tells_broken_banners_of_layouts_that_it_has_not_seen() {
        let mut areas = Vec::new();
        for index in 0..12 {
            let set = set(index);
            let score = score_before(&heatmaps(&set.references));
            let logits: Vec<f64> =
                set.queries.iter().map(|query| score.score(&query.heatmap).unwrap()).collect();
            let broken: Vec<bool> =
                set.queries.iter().map(|query| query.defect.is_some()).collect();
            areas.push(auroc(&logits, &broken).unwrap());
        }
        let mean = areas.iter().sum::<f64>() / areas.len() as f64;
        assert!(mean > 0.95, "{mean}: {areas:?}");
    }

    #[test]
    fn a_reference_is_scored_as_if_it_were_not_one() {
        let set = set(1);
        let all = heatmaps(&set.references);
        let with = score_before(&all);
        for at in [0, 7, all.len() - 1] {
            let others: Vec<&Heatmap> = [&all[..at], &all[at + 1..]].concat();
            let expected = score_before(&others).logit(all[at], None).unwrap();
            assert!((with.logit(all[at], Some(at)).unwrap() - expected).abs() < 1e-9);
            assert!((with.logit(all[at], None).unwrap() - expected).abs() < 1e-9);
        }
    }

    #[test]
    fn the_nearest_are_the_nearest_and_no_more_than_there_are() {
        let set = set(2);
        let maps = BannerMaps::new(set.queries[0].heatmap.grid());
        let of = |heatmap: &Heatmap| (maps.of(heatmap).unwrap(), heatmap.total());
        let references: Vec<(Vec<f32>, f64)> =
            set.references.iter().map(|banner| of(&banner.heatmap)).collect();
        let own = of(&set.queries[0].heatmap).0;
        let to = |other: &[f32]| -> f64 {
            let wide = BannerMaps::POINTS..;
            own[wide.clone()].iter().zip(&other[wide]).map(|(a, b)| f64::from(a - b).powi(2)).sum()
        };
        let mut expected: Vec<f64> = references.iter().map(|reference| to(&reference.0)).collect();
        expected.sort_by(f64::total_cmp);
        let nearest = nearest_references(&own, &references, None, 5);
        for (got, expected) in nearest.iter().map(|reference| to(reference.maps)).zip(&expected) {
            assert!((got - expected).abs() < 1e-3 * (1.0 + expected));
        }
        assert_eq!(nearest.len(), 5);
        assert_eq!(nearest_references(&own, &references, None, 1_000).len(), references.len());
        assert_eq!(
            nearest_references(&own, &references, Some(3), 1_000).len(),
            references.len() - 1
        );
        assert!(nearest_references(&own, &references, None, 0).is_empty());
        assert!(nearest_references(&own, &[], None, 9).is_empty());
    }
}
