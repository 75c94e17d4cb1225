//! [`measure`]: evaluates the features of encoders.

use burn::tensor::Device;
use heatmap_core::Heatmap;
use heatmap_core::benchmark::{BenchmarkConfig, compare};

use super::CompareConfig;
use crate::Result;
use crate::data::{Split, class_source};
use crate::evaluation::{
    EvaluationConfig, LabelledFeatures, RepresentationReport, evaluate_representation,
};
use crate::run::{NamedEncoder, RunObserver};
use crate::study::EncoderScores;

/// The evaluation of one encoder.
#[derive(Debug, Clone)]
pub struct Measured {
    /// The method that trained the encoder, or the name of its published weights.
    pub name: String,
    /// The seed of the encoder.
    pub seed: u64,
    /// kNN and linear-probe accuracy, alignment, uniformity and effective rank.
    pub report: RepresentationReport,
    /// AUROC of the detection of broken banners. The score of a banner is one minus the cosine
    /// similarity of its features to those of one good banner of its grid.
    pub auroc: f64,
    /// Features of the test samples.
    pub features: LabelledFeatures,
}

/// Evaluates encoders of one seed on held-out samples and banners. All calls use the same samples
/// and banners, whatever the seed, so that differences between seeds come from the training alone.
///
/// # Errors
/// Returns an error when a setting cannot be used, when a heatmap does not fit into the images, or
/// when a feature is not finite.
pub fn measure(
    config: &CompareConfig,
    seed: u64,
    encoders: &[NamedEncoder],
    device: &Device,
    observer: &dyn RunObserver,
) -> Result<Vec<Measured>> {
    let preset = class_source(&config.preset)?;
    let classes = preset.num_classes();
    let labels: Vec<usize> = (0..classes * config.per_class).map(|at| at % classes).collect();
    let samples = |split: Split| -> Vec<Heatmap> {
        let of = |(at, class): (usize, &usize)| {
            preset.heatmap(split.seed(HELD_OUT), *class, (at / classes) as u64)
        };
        labels.iter().enumerate().map(of).collect()
    };
    let (fit, test) = (samples(Split::Fit), samples(Split::Test));
    observer.begin("measuring", 2 * labels.len() * encoders.len());
    let features = |encoder: &NamedEncoder, heatmaps: &[Heatmap]| -> Result<LabelledFeatures> {
        let heatmaps: Vec<&Heatmap> = heatmaps.iter().collect();
        let features = encoder.features(&heatmaps, device, |done| observer.advance(done))?;
        Ok(LabelledFeatures { features, labels: labels.clone() })
    };
    let mut all = Vec::new();
    for encoder in encoders {
        let (fit, test) = (features(encoder, &fit)?, features(encoder, &test)?);
        let report = evaluate_representation(&fit, &test, classes, &EvaluationConfig::default())?;
        all.push((report, test));
    }
    observer.finish();
    let aurocs = broken_banners(config, encoders, device, observer)?;
    let named = encoders.iter().zip(all).zip(aurocs);
    Ok(named
        .map(|((encoder, (report, features)), auroc)| Measured {
            name: encoder.name().to_owned(),
            seed,
            report,
            auroc,
            features,
        })
        .collect())
}

/// Seed of the samples and banners on which encoders are evaluated, in place of the seed of a
/// training.
const HELD_OUT: u64 = 77;

fn broken_banners(
    config: &CompareConfig,
    encoders: &[NamedEncoder],
    device: &Device,
    observer: &dyn RunObserver,
) -> Result<Vec<f64>> {
    let benchmark = BenchmarkConfig {
        seeds: vec![HELD_OUT],
        grids: config.grids,
        banners: config.banners,
        budgets: vec![config.clicks],
        // The confidence interval is not shown, so a few resamples will do.
        resamples: 20,
        ..BenchmarkConfig::default()
    };
    benchmark.check()?;
    let images = (2 * config.grids * (config.banners + EncoderScores::DRAWS)) as usize;
    observer.begin("banners", images * encoders.len());
    let each_batch = |done: usize| observer.advance(done);
    let mut scores = EncoderScores { encoders, device, each_batch: &each_batch };
    let comparison = compare(&benchmark, &mut scores, |_| {})?;
    observer.finish();
    let of = |encoder: &NamedEncoder| {
        let method = format!("cosine of {}", encoder.name());
        let row = comparison.rows.iter().find(|row| row.method == method);
        let none = || heatmap_core::Error::Data(format!("no scores of {method}")).into();
        row.map(|row| row.auroc.estimate).ok_or_else(none)
    };
    encoders.iter().map(of).collect()
}
