//! One step of Adam over slices, in a single pass over memory.

use rayon::prelude::*;

use super::simd::vectorized;

/// The coefficients of one step of Adam (Kingma and Ba 2015, algorithm 1, in the order of
/// operations of its section 2).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamFactors {
    /// The decay rate of the running mean of the gradient.
    pub beta_1: f64,
    /// The decay rate of the running mean of the squared gradient.
    pub beta_2: f64,
    /// The factor of the mean gradient in the update: the learning rate, including both bias
    /// corrections.
    pub rate: f64,
    /// The number added to the root of the mean square. The root is not bias-corrected, so this
    /// number carries the correction instead.
    pub epsilon: f64,
    /// The factor that is applied to the parameter first: 1, or less with decoupled weight decay.
    pub keep: f64,
}

/// Updates the parameters and both moments by one gradient, on all threads. The old parameters are
/// read from `from` if it is given, which stays unchanged, and from `parameters` otherwise.
pub(crate) fn adam(
    parameters: &mut [f32],
    from: Option<&[f32]>,
    gradient: &[f32],
    (mean, square): (&mut [f32], &mut [f32]),
    factors: AdamFactors,
) {
    /// Values per task: enough to be worth scheduling, few enough to balance the threads.
    const BLOCK: usize = 32 * 1024;
    let AdamFactors { beta_1, beta_2, rate, epsilon, keep } = factors;
    let [beta_1, beta_2, rate, epsilon, keep] =
        [beta_1, beta_2, rate, epsilon, keep].map(|factor| factor as f32);
    let (new_1, new_2) = (1.0 - beta_1, 1.0 - beta_2);
    let blocks = parameters.par_chunks_mut(BLOCK).zip(gradient.par_chunks(BLOCK));
    let blocks = blocks.zip(mean.par_chunks_mut(BLOCK)).zip(square.par_chunks_mut(BLOCK));
    blocks.enumerate().for_each(|(at, (((parameters, gradient), mean), square))| {
        if let Some(from) = from {
            parameters.copy_from_slice(&from[at * BLOCK..at * BLOCK + parameters.len()]);
        }
        vectorized(
            #[inline(always)]
            || {
                for (((parameter, gradient), mean), square) in
                    parameters.iter_mut().zip(gradient).zip(mean).zip(square)
                {
                    *mean = *mean * beta_1 + gradient * new_1;
                    *square = *square * beta_2 + gradient * gradient * new_2;
                    *parameter = *parameter * keep - rate * *mean / (square.sqrt() + epsilon);
                }
            },
        );
    });
}
