//! Scaled dot-product attention (Vaswani et al. 2017, section 3.2.1), one head of one image at a
//! time.
//!
//! Query, key and value are read from the output of their fused projection without a copy,
//! `[batch, tokens, 3, heads, head_dim]`. The attention map of a head fits into a core's L2 cache;
//! it is not saved, and the backward pass computes it again.

use rayon::prelude::*;

use super::buffer::Buffer;
use super::math::{softmax, sum_pairs};
use super::product::{Left, Packed, Source, add_columns_product, product};
use super::simd::vectorized;

/// The sizes of an attention operation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AttentionShape {
    pub(crate) batch: usize,
    pub(crate) tokens: usize,
    pub(crate) heads: usize,
    pub(crate) head_dim: usize,
}

impl AttentionShape {
    /// The width of a token, over all heads.
    fn width(&self) -> usize {
        self.heads * self.head_dim
    }

    /// The index of the first token's query (`which` 0), key (1) or value (2). `head` counts over
    /// the heads of all images.
    fn start(&self, head: usize, which: usize) -> usize {
        let (image, head) = (head / self.heads, head % self.heads);
        (image * self.tokens * 3 + which) * self.width() + head * self.head_dim
    }

    /// The factor of the scores, one over the root of `head_dim`.
    fn scale(&self) -> f32 {
        1.0 / (self.head_dim as f32).sqrt()
    }

    /// Merges per-head results into one tensor: each of `parts`, one for each head of each image,
    /// is `[which, tokens, head_dim]`, and the output is `[batch, tokens, which, heads, head_dim]`.
    fn merge(&self, parts: &[Buffer], which: usize) -> Buffer {
        let row = which * self.width();
        let mut out = Buffer::new(self.batch * self.tokens * row);
        out.par_chunks_exact_mut(row).enumerate().for_each(|(at, out)| {
            let (image, token) = (at / self.tokens, at % self.tokens);
            for (place, out) in out.chunks_exact_mut(self.head_dim).enumerate() {
                let (which, head) = (place / self.heads, place % self.heads);
                let from = (which * self.tokens + token) * self.head_dim;
                out.copy_from_slice(&parts[image * self.heads + head][from..from + self.head_dim]);
            }
        });
        out
    }
}

/// Buffers that a thread reuses from head to head.
#[derive(Default)]
struct Scratch {
    map: Buffer,
    other: Buffer,
    copy: Buffer,
    right: Option<Packed>,
}

/// Computes the attention map of a head, `[tokens, tokens]`, into `room.map`.
fn map_of(qkv: &[f32], shape: &AttentionShape, head: usize, room: &mut Scratch) {
    let AttentionShape { tokens, head_dim, .. } = *shape;
    let stride = 3 * shape.width();
    let key = room.right.get_or_insert_with(Packed::empty_of_network);
    key.fill(Source::Columns(&qkv[shape.start(head, 1)..], stride), head_dim, tokens);
    room.map.reset(tokens * tokens);
    product(Left::rows(&qkv[shape.start(head, 0)..], tokens, stride), key, &mut room.map);
    let scale = shape.scale();
    vectorized(
        #[inline(always)]
        || {
            for row in room.map.chunks_exact_mut(tokens) {
                softmax(row, scale);
            }
        },
    );
}

/// Computes attention from `qkv`, `[batch, tokens, 3, heads, head_dim]`; the output is
/// `[batch, tokens, heads, head_dim]`.
pub(crate) fn attention(qkv: &[f32], shape: &AttentionShape) -> Buffer {
    let AttentionShape { batch, tokens, heads, head_dim } = *shape;
    let parts: Vec<Buffer> = (0..batch * heads)
        .into_par_iter()
        .map_init(Scratch::default, |room, head| {
            map_of(qkv, shape, head, room);
            let value = room.right.get_or_insert_with(Packed::empty_of_network);
            value.fill(
                Source::Rows(&qkv[shape.start(head, 2)..], 3 * shape.width()),
                tokens,
                head_dim,
            );
            let mut out = Buffer::new(tokens * head_dim);
            product(Left::rows(&room.map, tokens, tokens), value, &mut out);
            out
        })
        .collect();
    shape.merge(&parts, 1)
}

/// Computes the gradient with respect to `qkv` from that with respect to the output.
pub(crate) fn attention_backward(qkv: &[f32], gradient: &[f32], shape: &AttentionShape) -> Buffer {
    let AttentionShape { batch, tokens, heads, head_dim } = *shape;
    let stride = 3 * shape.width();
    let parts: Vec<Buffer> = (0..batch * heads)
        .into_par_iter()
        .map_init(Scratch::default, |room, head| {
            map_of(qkv, shape, head, room);
            let Scratch { map, other, copy, right } = room;
            let right = right.get_or_insert_with(Packed::empty_of_network);
            let mut out = Buffer::new(3 * tokens * head_dim);
            let (of_query, rest) = out.split_at_mut(tokens * head_dim);
            let (of_key, of_value) = rest.split_at_mut(tokens * head_dim);
            // Gradient with respect to the value: map^T times the output's gradient.
            let gradient = &gradient[(head / heads * tokens * heads + head % heads) * head_dim..];
            right.fill(Source::Rows(gradient, shape.width()), tokens, head_dim);
            add_columns_product((map, tokens), 0..tokens, right, of_value, false, copy);
            // Gradient with respect to the scores: the output's gradient times value^T, then
            // through the softmax and the scale.
            right.fill(Source::Columns(&qkv[shape.start(head, 2)..], stride), head_dim, tokens);
            other.reset(tokens * tokens);
            product(Left::rows(gradient, tokens, shape.width()), right, other);
            let scale = shape.scale();
            vectorized(
                #[inline(always)]
                || {
                    for (other, map) in other.chunks_exact_mut(tokens).zip(map.chunks_exact(tokens))
                    {
                        let along = sum_pairs(other, map, |gradient, share| gradient * share);
                        other.iter_mut().zip(map).for_each(|(gradient, share)| {
                            *gradient = share * (*gradient - along) * scale
                        });
                    }
                },
            );
            right.fill(Source::Rows(&qkv[shape.start(head, 1)..], stride), tokens, head_dim);
            product(Left::rows(other, tokens, tokens), right, of_query);
            right.fill(Source::Rows(&qkv[shape.start(head, 0)..], stride), tokens, head_dim);
            add_columns_product((other, tokens), 0..tokens, right, of_key, false, copy);
            out
        })
        .collect();
    shape.merge(&parts, 3)
}
