//! Large buffers that are used again.
//!
//! Memory that is fresh from the system costs as much as a product: every page of it is a fault and
//! is cleared first. A step of training asks for the same sizes as the step before, so what is
//! dropped is kept here for the next who asks.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

/// Shorter buffers are left to the allocator, which keeps them itself.
const WORTHWHILE: usize = 16 * 1024;

/// A buffer that nobody has asked for during so many others goes back to the system. A training
/// step of a ResNet-152 asks for about 2,000.
const PATIENCE: u64 = 4_000;

/// Numbers on the CPU, in memory that is used again. It has the length that was asked for and
/// arbitrary contents.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    /// At least as long as the buffer, so that nothing has to be written when it is used again for
    /// something longer.
    vec: Vec<f32>,
    len: usize,
}

#[derive(Debug)]
struct Pool {
    /// With the time at which each was given back.
    free: Vec<(u64, Vec<f32>)>,
    /// Counts the buffers asked for.
    now: u64,
}

static POOL: Mutex<Pool> = Mutex::new(Pool { free: Vec::new(), now: 0 });

impl Pool {
    /// The shortest that is long enough and not much too long.
    fn take(&mut self, len: usize) -> Option<Vec<f32>> {
        self.now += 1;
        let fits = |(_, vec): &&(u64, Vec<f32>)| (len..=len + len / 4).contains(&vec.len());
        let best = self.free.iter().filter(fits).map(|(_, vec)| vec.len()).min()?;
        // The last one given back: the likeliest to be in a cache still.
        let at = self.free.iter().rposition(|(_, vec)| vec.len() == best)?;
        Some(self.free.remove(at).1)
    }

    fn put(&mut self, vec: Vec<f32>) {
        let now = self.now;
        self.free.retain(|(since, _)| now - since <= PATIENCE);
        self.free.push((now, vec));
    }
}

impl Buffer {
    /// So many numbers, whatever they are.
    pub(crate) fn new(len: usize) -> Self {
        let found = (len >= WORTHWHILE)
            .then(|| POOL.lock().unwrap_or_else(PoisonError::into_inner).take(len))
            .flatten();
        Self { vec: found.unwrap_or_else(|| vec![0.0; len]), len }
    }

    /// A copy, made on all threads.
    pub(crate) fn copy_of(values: &[f32]) -> Self {
        const BLOCK: usize = 64 * 1024;
        let mut copy = Self::new(values.len());
        copy.par_chunks_mut(BLOCK)
            .zip(values.par_chunks(BLOCK))
            .for_each(|(copy, from)| copy.copy_from_slice(from));
        copy
    }

    /// So many zeros.
    pub(crate) fn zeros(len: usize) -> Self {
        let mut buffer = Self::new(len);
        buffer.fill(0.0);
        buffer
    }

    /// Another length; what it held is lost.
    pub(crate) fn reset(&mut self, len: usize) {
        if self.vec.len() < len {
            *self = Self::new(len);
        } else {
            self.len = len;
        }
    }

    /// The numbers as a vector that no longer comes back by itself.
    pub(crate) fn into_vec(mut self) -> Vec<f32> {
        let mut vec = std::mem::take(&mut self.vec);
        vec.truncate(self.len);
        vec
    }

    /// Takes a vector of anybody's into care.
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
}
