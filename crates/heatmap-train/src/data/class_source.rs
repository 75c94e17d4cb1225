//! [`ClassSource`]: labelled heatmaps, as a [`PairSampler`](super::PairSampler) takes them.

use std::fmt;
use std::ops::Range;

use heatmap_core::Heatmap;
use heatmap_core::augment::AugmentConfig;
use heatmap_core::synth::{LayoutBanners, Preset};

use crate::{Error, Result};

/// Heatmaps by class, as many of each class as are asked for. The same seed, class and index give
/// the same heatmap, on every machine and in every order of calls.
pub trait ClassSource: fmt::Debug + Send + Sync {
    /// Checks that heatmaps can be drawn.
    ///
    /// # Errors
    /// Names the setting that cannot be used.
    fn check(&self) -> Result<()>;

    /// Name of the data set.
    fn name(&self) -> &str;

    /// Names of the classes that an evaluation tells apart; a class is a position in this list.
    fn class_names(&self) -> Vec<String>;

    /// Heatmap `index` of a class, from the data set with this seed.
    fn heatmap(&self, seed: u64, class: usize, index: u64) -> Heatmap;

    /// What is as like the heatmaps of a class as can be and does not belong to it, if this source
    /// has such heatmaps: one for each index.
    fn negatives(&self, _seed: u64, _class: usize, _indices: Range<u64>) -> Option<Vec<Heatmap>> {
        None
    }

    /// Where there is no end of classes, the first one to train on. It and those after it are none
    /// of [`ClassSource::class_names`]. None where training and evaluation share the classes.
    fn first_of_endless_classes(&self) -> Option<usize> {
        None
    }

    /// The augmentations that keep every class.
    fn class_keeping(&self) -> AugmentConfig {
        AugmentConfig::none()
    }

    /// Number of the classes that an evaluation tells apart.
    fn num_classes(&self) -> usize {
        self.class_names().len()
    }
}

/// Names that [`class_source`] knows besides those of presets.
pub const LAYOUTS: &str = "layouts";

/// The source of this name: a preset, or [`LAYOUTS`].
///
/// # Errors
/// When there is none; the error lists all names.
pub fn class_source(name: &str) -> Result<std::sync::Arc<dyn ClassSource>> {
    if name == LAYOUTS {
        return Ok(std::sync::Arc::new(LayoutBanners::default()));
    }
    match Preset::named(name) {
        Ok(preset) => Ok(std::sync::Arc::new(preset)),
        Err(heatmap_core::Error::UnknownPreset { name, known }) => {
            Err(heatmap_core::Error::UnknownPreset { name, known: format!("{known}, {LAYOUTS}") }
                .into())
        }
        Err(error) => Err(error.into()),
    }
}

impl ClassSource for Preset {
    fn check(&self) -> Result<()> {
        Ok(Self::check(self)?)
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn class_names(&self) -> Vec<String> {
        self.classes.iter().map(|class| class.name.clone()).collect()
    }

    fn heatmap(&self, seed: u64, class: usize, index: u64) -> Heatmap {
        self.sample_of_class(seed, class, index).heatmap
    }

    fn class_keeping(&self) -> AugmentConfig {
        AugmentConfig::class_keeping(self)
    }

    fn num_classes(&self) -> usize {
        self.classes.len()
    }
}

/// Good banners of a layout are a class, broken ones of the same layout its negatives. An
/// evaluation tells 32 layouts apart that are the same for all seeds; training sees others, each of
/// which is its seed's own.
impl ClassSource for LayoutBanners {
    fn check(&self) -> Result<()> {
        Ok(Self::check(self)?)
    }

    fn name(&self) -> &str {
        LAYOUTS
    }

    fn class_names(&self) -> Vec<String> {
        (0..EVALUATED_LAYOUTS).map(|number| format!("layout {number}")).collect()
    }

    fn heatmap(&self, seed: u64, class: usize, index: u64) -> Heatmap {
        self.layout(seed, class as u64).good(index)
    }

    fn negatives(&self, seed: u64, class: usize, indices: Range<u64>) -> Option<Vec<Heatmap>> {
        let broken = self.layout(seed, class as u64).broken(indices);
        Some(broken.into_iter().map(|banner| banner.heatmap).collect())
    }

    fn first_of_endless_classes(&self) -> Option<usize> {
        Some(Self::HELD_OUT as usize)
    }
}

/// Layouts that an evaluation tells apart.
const EVALUATED_LAYOUTS: usize = 32;

/// Checks that `classes` classes make a batch.
pub(super) fn check_classes_per_batch(source: &dyn ClassSource, classes: usize) -> Result<()> {
    let most = match source.first_of_endless_classes() {
        Some(_) => 1_000_000,
        None => source.num_classes(),
    };
    if (2..=most).contains(&classes) {
        return Ok(());
    }
    let reason = format!("preset `{}` allows 2 to {most} classes a batch", source.name());
    Err(Error::config("classes per batch", classes, reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_its_source_and_others_are_told_all_names() {
        assert_eq!(class_source("simclr-wide").unwrap().num_classes(), 33);
        let layouts = class_source(LAYOUTS).unwrap();
        assert_eq!((layouts.num_classes(), layouts.name()), (32, LAYOUTS));
        let error = class_source("layout").unwrap_err().to_string();
        assert!(error.contains("simclr-report") && error.ends_with("layouts"), "{error}");
    }

    #[test]
    fn classes_to_train_on_are_none_of_the_evaluated_ones() {
        let layouts = LayoutBanners::default();
        assert!(layouts.first_of_endless_classes().unwrap() >= ClassSource::num_classes(&layouts));
        let negatives = layouts.negatives(1, 3, 0..2).unwrap();
        assert!(negatives.len() == 2 && !negatives.contains(&layouts.heatmap(1, 3, 0)));
        assert!(Preset::named("banners").unwrap().negatives(1, 0, 0..1).is_none());
    }
}
