//! Extraction of the features of many samples, one batch at a time.

use burn::tensor::Device;
use heatmap_core::Heatmap;
use heatmap_core::analysis::faer::Mat;
use heatmap_models::Encoder;

use crate::Result;
use crate::data::{ClassSource, ImageConfig};

/// Feature vectors of samples with their class labels.
#[derive(Debug, Clone)]
pub struct LabelledFeatures {
    /// Features `[samples, feature_dim]`.
    pub features: Mat<f64>,
    /// Class label of each sample.
    pub labels: Vec<usize>,
}

/// Extracts the features of `per_class` samples of every class of `source`, from the data set with
/// `seed`. `each_batch` is called after every batch with the number of its images.
///
/// # Errors
/// Returns an error when a heatmap is larger than the image.
pub fn extract_features(
    encoder: &impl Encoder,
    device: &Device,
    (source, seed): (&dyn ClassSource, u64),
    image: &ImageConfig,
    per_class: usize,
    mut each_batch: impl FnMut(usize),
) -> Result<LabelledFeatures> {
    const BATCH: usize = 32;
    let classes = source.num_classes();
    let labels: Vec<usize> = (0..classes * per_class).map(|at| at % classes).collect();
    let mut values: Vec<f32> = Vec::with_capacity(labels.len() * encoder.feature_dim());
    let indices: Vec<usize> = (0..labels.len()).collect();
    for batch in indices.chunks(BATCH) {
        let heatmap = |&at: &usize| source.heatmap(seed, labels[at], (at / classes) as u64);
        let heatmaps: Vec<Heatmap> = batch.iter().map(heatmap).collect();
        let features = encoder.forward_features(image.batch(&heatmaps, device)?);
        values.extend(
            features.into_data().convert::<f32>().try_to_vec::<f32>().expect("converted to f32"),
        );
        each_batch(batch.len());
    }
    let dim = encoder.feature_dim();
    let features = Mat::from_fn(labels.len(), dim, |i, j| f64::from(values[i * dim + j]));
    Ok(LabelledFeatures { features, labels })
}
