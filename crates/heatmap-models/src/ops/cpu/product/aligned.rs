//! [`Aligned`]: a buffer that begins with a line of the cache, because a vector that lies in two
//! lines takes two reads.

use std::ops::{Deref, DerefMut};

use super::super::buffer::Buffer;

/// Values in a line of the cache.
pub(super) const LINE: usize = 16;

/// A slice of f32 values that begins with a line of the cache. New ones are empty.
#[derive(Debug, Default)]
pub(super) struct Aligned {
    values: Buffer,
    start: usize,
    len: usize,
}

impl Aligned {
    /// Changes the length; the contents are arbitrary afterwards.
    pub(super) fn reset(&mut self, len: usize) {
        self.values.reset(len + LINE);
        self.start = self.values.as_ptr().align_offset(LINE * size_of::<f32>()).min(LINE);
        self.len = len;
    }
}

impl Deref for Aligned {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        // An empty buffer has no line that it could begin with.
        if self.len == 0 { &[] } else { &self.values[self.start..self.start + self.len] }
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [f32] {
        if self.len == 0 { &mut [] } else { &mut self.values[self.start..self.start + self.len] }
    }
}
