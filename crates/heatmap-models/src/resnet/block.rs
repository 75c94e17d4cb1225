//! [`Block`]: a residual branch and its shortcut.
//!
//! He et al. 2015, figures 2 and 5. The shortcut is the identity, or a 1x1 convolution with
//! normalisation where stride or channels change (option B).

use burn::module::Module;
use burn::tensor::Device;

use super::config::BlockKind;
use crate::layers::ConvNorm;
use crate::ops::{Activations, Epilogue};

/// A residual block: the convolutions of the branch in order, and the shortcut unless it is the
/// identity.
#[derive(Module, Debug)]
pub(super) struct Block {
    pub(super) branch: Vec<ConvNorm>,
    pub(super) shortcut: Option<ConvNorm>,
}

impl Block {
    /// Makes a block from `in_channels` channels to `width * kind.expansion()`.
    pub(super) fn init(
        kind: BlockKind,
        in_channels: usize,
        width: usize,
        stride: usize,
        zero_init_residual: bool,
        device: &Device,
    ) -> Self {
        let out_channels = width * kind.expansion();
        let conv =
            |from, to, kernel_size, stride| ConvNorm::init([from, to], kernel_size, stride, device);
        let mut branch = match kind {
            BlockKind::Basic => {
                vec![conv(in_channels, width, 3, stride), conv(width, out_channels, 3, 1)]
            }
            BlockKind::Bottleneck => {
                vec![
                    conv(in_channels, width, 1, 1),
                    conv(width, width, 3, stride),
                    conv(width, out_channels, 1, 1),
                ]
            }
        };
        if zero_init_residual {
            branch =
                branch
                    .into_iter()
                    .enumerate()
                    .map(|(at, layer)| {
                        if at + 1 == kind.layers() { layer.with_zero_scale(device) } else { layer }
                    })
                    .collect();
        }
        let changes = stride != 1 || in_channels != out_channels;
        Self { branch, shortcut: changes.then(|| conv(in_channels, out_channels, 1, stride)) }
    }

    pub(super) fn forward(&self, x: Activations) -> Activations {
        let shortcut = match &self.shortcut {
            Some(layer) => layer.forward(x.clone(), Epilogue::Nothing),
            None => x.clone(),
        };
        let (last, inner) = self.branch.split_last().expect("a branch has layers");
        let x = inner.iter().fold(x, |x, layer| layer.forward(x, Epilogue::Relu));
        last.forward(x, Epilogue::SumRelu(shortcut))
    }
}

impl BlockKind {
    /// Returns the number of convolutions in a branch.
    fn layers(self) -> usize {
        match self {
            Self::Basic => 2,
            Self::Bottleneck => 3,
        }
    }
}
