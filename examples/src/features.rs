//! Feature extraction with a bar.

use std::borrow::Cow;

use heatmap_models::Encoder;
use heatmap_models::burn::tensor::Device;
use heatmap_train::Result;
use heatmap_train::data::{ClassSource, ImageConfig};
use heatmap_train::evaluation::{LabelledFeatures, extract_features};
use indicatif::{ProgressBar, ProgressStyle};

/// [`extract_features`] with a bar that says `what` is done.
///
/// # Errors
/// As there.
pub fn extract_with_bar(
    what: &'static str,
    encoder: &impl Encoder,
    device: &Device,
    data: (&dyn ClassSource, u64),
    image: &ImageConfig,
    per_class: usize,
) -> Result<LabelledFeatures> {
    let bar = image_bar(per_class * data.0.num_classes(), what);
    let features =
        extract_features(encoder, device, data, image, per_class, |done| bar.inc(done as u64));
    bar.finish_and_clear();
    features
}

/// A bar over images: how many, what is done to them, how fast, and the time left.
pub fn image_bar(images: usize, what: impl Into<Cow<'static, str>>) -> ProgressBar {
    let bar = ProgressBar::new(images as u64);
    let style =
        ProgressStyle::with_template("{bar:24} {pos}/{len} images  {msg}  {per_sec}  {eta} left");
    bar.set_style(style.expect("the template is correct").progress_chars("=> "));
    bar.set_message(what);
    bar
}

/// A bar over anything that is counted.
pub fn plain_bar(length: u64, what: &'static str) -> ProgressBar {
    let bar = ProgressBar::new(length);
    let style = ProgressStyle::with_template(&format!(
        "{{bar:24}} {{pos}}/{{len}} {what} {{msg}}  {{eta}} left"
    ));
    bar.set_style(style.expect("the template is correct").progress_chars("=> "));
    bar
}
