//! [`WeightLayout`]: the naming schemes that programs use for the tensors in a state dict.

/// The naming scheme of a state dict, called after the program that writes it.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    strum::Display,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[strum(serialize_all = "kebab-case")]
#[non_exhaustive]
pub enum WeightLayout {
    /// torchvision's names; timm uses the same ones for residual networks.
    Torchvision,
    /// timm's names.
    Timm,
    /// The names in the files that transformers writes.
    HuggingFace,
    /// The names that `state_dict()` returns in transformers from version 5 on, which differ from
    /// those in its files.
    HuggingFaceMemory,
    /// The names of `torch.nn.Sequential(*network.children())`, which is how lightly's recipes
    /// store a torchvision backbone.
    Sequential,
}
