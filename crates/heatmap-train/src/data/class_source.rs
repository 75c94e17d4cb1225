//! [`ClassSource`]: the labelled heatmaps that a [`PairSampler`](super::PairSampler) draws from.

use std::fmt;
use std::ops::Range;

use heatmap_core::Heatmap;
use heatmap_core::augment::AugmentConfig;
use heatmap_core::synth::{LayoutBanners, Preset};

use crate::{Error, Result};

/// A data set of labelled heatmaps, which provides heatmap `index` of each class for any index. The
/// same seed, class and index give the same heatmap, on every machine and in every order of calls.
pub trait ClassSource: fmt::Debug + Send + Sync {
    /// Checks that the settings of the data set allow heatmaps to be generated.
    ///
    /// # Errors
    /// Returns an error that names the setting that cannot be used.
    fn check(&self) -> Result<()>;

    /// Returns the name of the data set.
    fn name(&self) -> &str;

    /// Returns the names of the classes that an evaluation distinguishes; a class label is a
    /// position in this list.
    fn class_names(&self) -> Vec<String>;

    /// Returns heatmap number `index` of a class, from the data set with this seed.
    fn heatmap(&self, seed: u64, class: usize, index: u64) -> Heatmap;

    /// Returns hard negatives of a class, one for each index: heatmaps that resemble the class as
    /// closely as possible without belonging to it. It returns `None` if this source has no such
    /// heatmaps.
    fn negatives(&self, _seed: u64, _class: usize, _indices: Range<u64>) -> Option<Vec<Heatmap>> {
        None
    }

    /// Returns the first class to train on, if the source has an unlimited number of classes. That
    /// class and all classes after it are held out of the evaluation, that is, not among
    /// [`ClassSource::class_names`]. It returns `None` if training and evaluation use the same
    /// classes.
    fn first_of_endless_classes(&self) -> Option<usize> {
        None
    }

    /// Returns the augmentations that leave the class of every heatmap unchanged.
    fn class_keeping(&self) -> AugmentConfig {
        AugmentConfig::none()
    }

    /// Returns what a user should know of the files that the data set was read from, a sentence
    /// each: what was assumed of them, and what is doubtful.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    /// Returns the number of classes that an evaluation distinguishes.
    fn num_classes(&self) -> usize {
        self.class_names().len()
    }
}

/// The name under which [`class_source`] returns [`LayoutBanners`]; all other names are presets.
pub const LAYOUTS: &str = "layouts";

/// Returns the source with this name: a preset, or [`LAYOUTS`].
///
/// # Errors
/// Returns an error when no source has this name; the message lists all names.
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

/// Each layout is a class: its good banners are the samples, its broken banners the hard negatives.
/// An evaluation distinguishes 32 layouts that are the same for every seed; training uses other
/// layouts, which differ from seed to seed.
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

/// Number of layouts that an evaluation distinguishes.
const EVALUATED_LAYOUTS: usize = 32;

/// Checks that the source has enough classes for `classes` of them per batch.
pub(super) fn check_classes_per_batch(source: &dyn ClassSource, classes: usize) -> Result<()> {
    let most = match source.first_of_endless_classes() {
        Some(_) => 1_000_000,
        None => source.num_classes(),
    };
    if (2..=most).contains(&classes) {
        return Ok(());
    }
    let reason = format!("`{}` allows 2 to {most} classes a batch", source.name());
    Err(Error::config("classes_per_batch", classes, reason))
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
