//! A pool of large buffers.
//!
//! Fresh memory from the system costs as much as a matrix product, because every page of it faults
//! and is zeroed first. A training step asks for the same sizes as the step before, so dropped
//! buffers are kept in a pool for the next request.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

/// The minimum length in the pool. Shorter buffers are left to the allocator, which caches them
/// itself.
const WORTHWHILE: usize = 16 * 1024;

/// A pooled buffer returns to the system if it is not taken during this many requests. A training
/// step of a ResNet-152 makes about 2,000 requests.
const PATIENCE: u64 = 4_000;

/// A slice of f32 values in pooled memory. A new buffer has the length that was asked for and
/// arbitrary contents.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    /// At least `len` values long: a longer vector is kept at its length, so that reusing it later
    /// needs no initialisation.
    vec: Vec<f32>,
    len: usize,
}

/// The buffers that are free to be reused.
#[derive(Debug)]
struct Pool {
    /// Each vector, with the value of `now` when it was returned.
    free: Vec<(u64, Vec<f32>)>,
    /// The number of requests so far.
    now: u64,
}

static POOL: Mutex<Pool> = Mutex::new(Pool { free: Vec::new(), now: 0 });

impl Pool {
    /// Takes the shortest vector that is long enough and at most a quarter too long.
    fn take(&mut self, len: usize) -> Option<Vec<f32>> {
        self.now += 1;
        let fits = |(_, vec): &&(u64, Vec<f32>)| (len..=len + len / 4).contains(&vec.len());
        let best = self.free.iter().filter(fits).map(|(_, vec)| vec.len()).min()?;
        // Of several, the one returned last is the likeliest to be still in a cache.
        let at = self.free.iter().rposition(|(_, vec)| vec.len() == best)?;
        Some(self.free.remove(at).1)
    }

    /// Returns a vector to the pool, and frees those that have been waiting for too long.
    fn put(&mut self, vec: Vec<f32>) {
        let now = self.now;
        self.free.retain(|(since, _)| now - since <= PATIENCE);
        self.free.push((now, vec));
    }
}

/// Frees all buffers that wait to be reused.
pub(crate) fn release_buffers() {
    // Freed after the lock is given back.
    drop(std::mem::take(&mut POOL.lock().unwrap_or_else(PoisonError::into_inner).free));
}

impl Buffer {
    /// Makes a buffer of `len` values with arbitrary contents.
    pub(crate) fn new(len: usize) -> Self {
        let found = (len >= WORTHWHILE)
            .then(|| POOL.lock().unwrap_or_else(PoisonError::into_inner).take(len))
            .flatten();
        Self { vec: found.unwrap_or_else(|| vec![0.0; len]), len }
    }

    /// Copies a slice, on all threads.
    pub(crate) fn copy_of(values: &[f32]) -> Self {
        const BLOCK: usize = 64 * 1024;
        let mut copy = Self::new(values.len());
        copy.par_chunks_mut(BLOCK)
            .zip(values.par_chunks(BLOCK))
            .for_each(|(copy, from)| copy.copy_from_slice(from));
        copy
    }

    /// Makes a buffer of `len` zeros.
    pub(crate) fn zeros(len: usize) -> Self {
        let mut buffer = Self::new(len);
        buffer.fill(0.0);
        buffer
    }

    /// Changes the length; the contents are arbitrary afterwards.
    pub(crate) fn reset(&mut self, len: usize) {
        if self.vec.len() < len {
            *self = Self::new(len);
        } else {
            self.len = len;
        }
    }

    /// Converts the buffer into a vector, whose memory does not return to the pool when it is
    /// dropped.
    pub(crate) fn into_vec(mut self) -> Vec<f32> {
        let mut vec = std::mem::take(&mut self.vec);
        vec.truncate(self.len);
        vec
    }

    /// Wraps a vector, whose memory goes to the pool when the buffer is dropped.
    pub(crate) fn from_vec(vec: Vec<f32>) -> Self {
        Self { len: vec.len(), vec }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if self.vec.len() >= WORTHWHILE {
            let vec = std::mem::take(&mut self.vec);
            POOL.lock().unwrap_or_else(PoisonError::into_inner).put(vec);
        }
    }
}

impl Clone for Buffer {
    fn clone(&self) -> Self {
        Self::copy_of(self)
    }
}

impl Deref for Buffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.vec[..self.len]
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.vec[..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pool_gives_the_best_fit_and_forgets_what_nobody_wants() {
        let mut pool = Pool { free: Vec::new(), now: 0 };
        pool.put(vec![0.0; 1_300]);
        pool.put(vec![0.0; 1_100]);
        assert_eq!(pool.take(1_050).map(|vec| vec.len()), Some(1_100));
        assert!(pool.take(1_000).is_none(), "one that is 30 % too long stays");
        assert!(pool.take(1_301).is_none());
        for _ in 0..PATIENCE {
            assert!(pool.take(7).is_none());
        }
        pool.put(vec![0.0; 2_000]);
        assert!(pool.take(1_300).is_none(), "it went back to the system");
        assert!(pool.take(2_000).is_some());
    }

    #[test]
    fn a_buffer_has_its_length_and_zeros_are_zeros() {
        const LEN: usize = WORTHWHILE + 17;
        for round in 0..3 {
            let mut buffer = Buffer::new(LEN - round);
            assert_eq!(buffer.len(), LEN - round);
            buffer.fill(3.0);
            drop(buffer);
            assert!(Buffer::zeros(LEN).iter().all(|value| *value == 0.0));
        }
        let mut buffer = Buffer::from_vec(vec![1.0; 8]);
        buffer.reset(3 * LEN);
        assert_eq!(buffer.clone().into_vec().len(), 3 * LEN);
    }

    #[test]
    fn buffers_are_freed_on_request_and_made_anew() {
        let mut buffer = Buffer::zeros(WORTHWHILE);
        buffer[7] = 1.0;
        drop(buffer);
        release_buffers();
        assert_eq!(Buffer::zeros(WORTHWHILE).iter().sum::<f32>(), 0.0);
    }
}
