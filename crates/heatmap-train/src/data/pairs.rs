//! [`PairSampler`]: draws positive pairs for contrastive learning, class by class, for each step.
//!
//! A positive pair is two *different* heatmaps of one class, two augmentations of one heatmap, or
//! both. A shuffled loader does not give the first kind: in the report, its pairs were of
//! all-distinct classes in only 0.24 % of the batches. Batches are therefore built by class: each
//! step draws its classes without replacement, with the next samples of each, so an endless source
//! shows no sample twice, and a resumed run sees the same data as one that was never interrupted.

use std::ops::Range;
use std::sync::Arc;

use heatmap_core::augment::AugmentConfig;
use heatmap_core::one_of;
use heatmap_core::{Heatmap, sample_rng};
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use super::class_source::{ClassSource, check_classes_per_batch};
use crate::{Error, Result};

/// Where the two views of a positive pair come from.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Default,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase", parse_err_ty = String, parse_err_fn = unknown)]
#[non_exhaustive]
pub enum Views {
    /// Two samples of a class from the generator, as in the report: pairs depend on class labels.
    #[default]
    Generator,
    /// Two augmentations of one sample, as in SimCLR (Chen et al. 2020): no class labels are used.
    Augmented,
    /// Two samples of a class, each augmented once.
    Both,
}

/// A positive pair, that is two views of one sample or class, with its hard negatives.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// The two views.
    pub views: [Heatmap; 2],
    /// Hard negatives of the pair: heatmaps that resemble its class without belonging to it. Empty
    /// unless the sampler was made with [`PairSampler::with_negatives`].
    pub negatives: Vec<Heatmap>,
    /// Class of the samples behind the views.
    pub class: usize,
    /// What a loss may know of the pair: its class, or a number unique to the pair where labels are
    /// not used. A supervised loss treats pairs with the same label as positives of each other, and
    /// no loss uses a row of a memory bank with the same label as a negative.
    pub label: usize,
}

/// Draws the positive pairs of each training step.
#[derive(Debug, Clone)]
pub struct PairSampler {
    source: Arc<dyn ClassSource>,
    seed: u64,
    classes_per_batch: usize,
    pairs_per_class: usize,
    negatives_per_pair: usize,
    views: Views,
    augment: AugmentConfig,
    labels_are_classes: bool,
}

impl PairSampler {
    /// Creates a sampler whose batches hold one pair of each of `classes_per_batch` classes.
    ///
    /// # Errors
    /// Returns an error when the source is not consistent, or `classes_per_batch` is below 2 or
    /// more than the source has.
    pub fn new(source: Arc<dyn ClassSource>, seed: u64, classes_per_batch: usize) -> Result<Self> {
        source.check()?;
        check_classes_per_batch(&*source, classes_per_batch)?;
        Ok(Self {
            source,
            seed,
            classes_per_batch,
            pairs_per_class: 1,
            negatives_per_pair: 0,
            views: Views::Generator,
            augment: AugmentConfig::none(),
            labels_are_classes: true,
        })
    }

    /// Sets the number of pairs per class in a batch.
    ///
    /// # Errors
    /// Returns an error when it is 0.
    pub fn with_pairs_per_class(self, pairs_per_class: usize) -> Result<Self> {
        match pairs_per_class {
            0 => Err(Error::config("pairs_per_class", 0, "must be positive")),
            _ => Ok(Self { pairs_per_class, ..self }),
        }
    }

    /// Sets the number of hard negatives per pair: heatmaps like its class that are not in it.
    ///
    /// # Errors
    /// Returns an error when the source has no hard negatives.
    pub fn with_negatives(self, negatives_per_pair: usize) -> Result<Self> {
        let probe = self.classes(0).first().map_or(0, |class| *class);
        if negatives_per_pair > 0 && self.source.negatives(self.seed, probe, 0..0).is_none() {
            let reason = format!("`{}` has no negatives of its classes", self.source.name());
            return Err(Error::config("negatives_per_pair", negatives_per_pair, reason));
        }
        Ok(Self { negatives_per_pair, ..self })
    }

    /// Sets how the views are made. With [`Views::Augmented`], the labels of pairs are their
    /// classes only if `for_supervised` is set.
    ///
    /// # Errors
    /// Returns an error when the augmentation cannot be used.
    pub fn with_views(
        self,
        views: Views,
        augment: AugmentConfig,
        for_supervised: bool,
    ) -> Result<Self> {
        augment.check()?;
        let labels_are_classes = views != Views::Augmented || for_supervised;
        Ok(Self { views, augment, labels_are_classes, ..self })
    }

    /// Returns the number of pairs in a batch.
    pub fn pairs_per_batch(&self) -> usize {
        self.classes_per_batch * self.pairs_per_class
    }

    /// Returns all pairs of `step`, ordered by class.
    pub fn pairs(&self, step: usize) -> Vec<Pair> {
        self.pairs_within(step, 0..self.pairs_per_batch())
    }

    /// Returns only the pairs of `step` at these positions in the batch.
    pub fn pairs_within(&self, step: usize, within: Range<usize>) -> Vec<Pair> {
        let classes = self.classes(step);
        within.map(|at| self.pair(step, at, classes[at / self.pairs_per_class])).collect()
    }

    fn pair(&self, step: usize, at: usize, class: usize) -> Pair {
        // Each pair of each step has its own sample indices, so an endless source shows no sample
        // twice.
        let first = 2 * (step * self.pairs_per_class + at % self.pairs_per_class) as u64;
        let sample = |view: u64| self.source.heatmap(self.seed, class, first + view);
        let augmented = |heatmap: &Heatmap, view: u64| {
            // A random stream independent of those of the samples and of the choice of classes.
            let index = (first + view) * self.num_classes() as u64 + class as u64;
            self.augment
                .apply(heatmap, &mut sample_rng(self.seed.rotate_left(17) ^ AUGMENTED, index))
        };
        let views = match self.views {
            Views::Generator => [sample(0), sample(1)],
            Views::Augmented => {
                let heatmap = sample(0);
                [augmented(&heatmap, 0), augmented(&heatmap, 1)]
            }
            Views::Both => [0, 1].map(|view| augmented(&sample(view), view)),
        };
        let label =
            if self.labels_are_classes { class } else { step * self.pairs_per_batch() + at };
        Pair { views, negatives: self.negatives(step, at, class), class, label }
    }

    /// Returns the hard negatives of a pair; no other pair of any step uses them.
    fn negatives(&self, step: usize, at: usize, class: usize) -> Vec<Heatmap> {
        if self.negatives_per_pair == 0 {
            return Vec::new();
        }
        let of_each = self.negatives_per_pair as u64;
        let first = (step * self.pairs_per_class + at % self.pairs_per_class) as u64 * of_each;
        self.source.negatives(self.seed, class, first..first + of_each).unwrap_or_default()
    }

    /// Returns the distinct classes of `step`, in random order unless their number is unlimited.
    pub fn classes(&self, step: usize) -> Vec<usize> {
        if let Some(first) = self.source.first_of_endless_classes() {
            return (0..self.classes_per_batch)
                .map(|at| first + step * self.classes_per_batch + at)
                .collect();
        }
        let mut classes: Vec<usize> = (0..self.num_classes()).collect();
        // A random stream that is independent of those of the samples.
        let (chosen, _) = classes
            .partial_shuffle(&mut sample_rng(!self.seed, step as u64), self.classes_per_batch);
        chosen.to_vec()
    }

    fn num_classes(&self) -> usize {
        self.source.num_classes()
    }
}

/// Separates the random streams of the augmentations from all others.
const AUGMENTED: u64 = 0x7669_6577_7320_6f66;

impl Views {
    /// All variants.
    pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;
}

fn unknown(_name: &str) -> String {
    one_of::<Views>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use heatmap_core::synth::{LayoutBanners, PRESET_NAMES, Preset};
    use proptest::prelude::*;
    use std::collections::HashSet;

    fn sampler(name: &str, seed: u64, classes: usize) -> PairSampler {
        PairSampler::new(Arc::new(Preset::named(name).unwrap()), seed, classes).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn every_batch_holds_two_different_samples_of_each_of_its_classes(
            preset in 0..PRESET_NAMES.len(), seed: u64,
            step in 0..1_000_000_usize, classes in 2..8_usize,
        ) {
            let sampler = sampler(PRESET_NAMES[preset], seed, classes.min(7));
            let pairs = sampler.pairs(step);
            let distinct: HashSet<usize> = pairs.iter().map(|pair| pair.class).collect();
            prop_assert_eq!(distinct.len(), classes.min(7));
            let classes_drawn = sampler.classes(step);
            for (pair, drawn) in pairs.iter().zip(classes_drawn) {
                let Pair { views: [a, b], class, label, .. } = pair;
                prop_assert_eq!((*class, *label), (drawn, drawn));
                prop_assert!(a != b, "class {class}");
            }
        }
    }

    #[test]
    fn no_sample_comes_twice() {
        let sampler = sampler("simclr-report", 1, 8).with_pairs_per_class(3).unwrap();
        let mut seen = HashSet::new();
        for step in 0..20 {
            for pair in sampler.pairs(step) {
                for view in &pair.views {
                    let counts: Vec<u32> = view.values().iter().map(|&v| v as u32).collect();
                    assert!(seen.insert(counts), "step {step}, class {}", pair.class);
                }
            }
        }
    }

    #[test]
    fn pairs_of_a_class_lie_together_and_a_part_of_a_batch_is_its_part() {
        let sampler = sampler("simclr-report", 1, 4).with_pairs_per_class(3).unwrap();
        let pairs = sampler.pairs(7);
        let classes: Vec<usize> = pairs.iter().map(|pair| pair.class).collect();
        let expected: Vec<usize> =
            sampler.classes(7).into_iter().flat_map(|class| [class; 3]).collect();
        assert_eq!(classes, expected);
        assert_eq!(sampler.pairs_within(7, 5..9), pairs[5..9]);
    }

    #[test]
    fn augmented_views_are_of_one_sample_and_know_no_class_unless_the_loss_may() {
        let plain = sampler("simclr-report", 1, 4);
        let sample = &plain.pairs(3)[1].views[0];
        let still =
            plain.clone().with_views(Views::Augmented, AugmentConfig::none(), false).unwrap();
        assert!(still.pairs(3)[1].views.iter().all(|view| view == sample));
        let of = |supervised| {
            plain
                .clone()
                .with_views(Views::Augmented, AugmentConfig::default(), supervised)
                .unwrap()
                .pairs(3)
        };
        let (alone, supervised) = (of(false), of(true));
        assert_eq!(alone.iter().map(|pair| pair.label).collect::<Vec<_>>(), [12, 13, 14, 15]);
        assert!(supervised.iter().all(|pair| pair.label == pair.class));
        let [a, b] = &alone[1].views;
        assert!(a != b && a != sample);
        let both = plain.clone().with_views(Views::Both, AugmentConfig::none(), false).unwrap();
        assert_eq!(both.pairs(3), plain.pairs(3));
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for &views in Views::ALL {
            assert_eq!(views.to_string().parse::<Views>(), Ok(views));
            assert_eq!(serde_json::to_value(views).unwrap(), views.to_string());
        }
    }

    #[test]
    fn all_classes_come_up_alike() {
        let sampler = sampler("simclr-wide", 1, 8);
        let mut counts = [0_u32; 33];
        (0..3_300).flat_map(|step| sampler.classes(step)).for_each(|class| counts[class] += 1);
        // Mean 800; without replacement the variance is below that of a binomial, 800 * (1 - 8/33).
        assert!(counts.iter().all(|&c| (f64::from(c) - 800.0).abs() < 4.5 * 24.6), "{counts:?}");
    }

    #[test]
    fn endless_classes_come_once_each_with_negatives_of_their_own() {
        let sampler = PairSampler::new(Arc::new(LayoutBanners::default()), 1, 3).unwrap();
        let sampler = sampler.with_pairs_per_class(2).unwrap().with_negatives(2).unwrap();
        let classes: Vec<usize> = (0..3).flat_map(|step| sampler.classes(step)).collect();
        assert_eq!(classes, (1_024..1_033).collect::<Vec<_>>());
        let pairs = sampler.pairs(1);
        assert_eq!(sampler.pairs_within(1, 1..4), pairs[1..4]);
        let mut seen = HashSet::new();
        for heatmap in pairs.iter().flat_map(|pair| pair.views.iter().chain(&pair.negatives)) {
            assert!(seen.insert(heatmap.values().iter().map(|&v| v as u32).collect::<Vec<_>>()));
        }
        assert_eq!(seen.len(), 6 * 4);
        let none = PairSampler::new(Arc::new(Preset::named("banners").unwrap()), 1, 2).unwrap();
        let error = none.with_negatives(1).unwrap_err().to_string();
        assert!(error.contains("`negatives_per_pair` = 1: `banners` has no negatives"), "{error}");
    }

    #[test]
    fn too_few_classes_are_an_error() {
        let preset = Arc::new(Preset::named("simclr-report").unwrap());
        let sampler = PairSampler::new(preset.clone(), 0, 4).unwrap();
        assert!(
            sampler.with_pairs_per_class(0).unwrap_err().to_string().contains("pairs_per_class")
        );
        for classes in [0, 1, 9] {
            let error = PairSampler::new(preset.clone(), 0, classes).unwrap_err().to_string();
            assert!(error.contains("allows 2 to 8"), "{error}");
        }
    }
}
