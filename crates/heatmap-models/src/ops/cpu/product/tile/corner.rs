//! [`Corner`]: where a piece of a tile begins, in pointers.

use super::{COLUMNS, Strides, Target};

/// What a piece of a tile is computed from, and where it goes: its corners of both sides and of the
/// target.
#[derive(Clone, Copy)]
pub(super) struct Corner {
    pub(super) left: *const f32,
    pub(super) strides: Strides,
    pub(super) right: *const f32,
    /// The length of the inner dimension: rows of the right side, [`COLUMNS`] values apart.
    pub(super) inner: usize,
    pub(super) out: *mut f32,
    pub(super) stride: usize,
    pub(super) add: bool,
}

impl Corner {
    /// Takes the corner of a whole tile.
    pub(super) fn new(
        left: &[f32],
        strides: Strides,
        right: &[[f32; COLUMNS]],
        target: Target<'_>,
    ) -> Self {
        let Target { values, stride, add } = target;
        let (left, inner, right) = (left.as_ptr(), right.len(), right.as_flattened().as_ptr());
        Self { left, strides, right, inner, out: values.as_mut_ptr(), stride, add }
    }

    /// Moves to the piece that begins at a row and a column of this one. Only for reading and
    /// writing what the caller of a kernel guarantees.
    pub(super) fn at(self, row: usize, column: usize) -> Self {
        Self {
            left: self.left.wrapping_add(row * self.strides.row),
            right: self.right.wrapping_add(column),
            out: self.out.wrapping_add(row * self.stride + column),
            ..self
        }
    }
}
