//! [`WeightLayout`]: the naming schemes that libraries use for the tensors in a state dict.

/// The naming scheme of the tensors in a state dict, named after the library that writes it.
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
    /// The names in torchvision, which timm also uses for residual networks.
    Torchvision,
    /// The names in timm.
    Timm,
    /// The names in the files that transformers writes.
    HuggingFace,
    /// The names that `state_dict()` returns in transformers from version 5 on, which differ from
    /// those in its files.
    HuggingFaceMemory,
    /// The names in the files of DINOv2 itself (facebookresearch/dinov2). They are those of timm
    /// but for the register tokens, and the position of the class token is always there.
    Dinov2,
    /// The names of `torch.nn.Sequential(*network.children())`, as which the recipes of lightly
    /// store a torchvision backbone.
    Sequential,
}
