//! One step of Adam over slices, in one pass.

use rayon::prelude::*;

use super::simd::vectorized;

/// The numbers of one step of Adam (Kingma and Ba 2015, algorithm 1, in the order of operations of
/// its section 2).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamFactors {
    /// Decay of the mean of the gradient.
    pub beta_1: f64,
    /// Decay of the mean of its square.
    pub beta_2: f64,
    /// What the mean of the gradient is multiplied by: the learning rate with both corrections for
    /// the start at zero.
    pub rate: f64,
    /// What is added to the root of the mean square, with the correction that the root lacks.
    pub epsilon: f64,
    /// What the parameter is multiplied by first: 1, or less with decoupled weight decay.
    pub keep: f64,
}

/// Moves the parameters and both means by one gradient, on all threads. The parameters are those of
/// `from`, if they have to stay there, or else what `parameters` holds.
pub(crate) fn adam(
    parameters: &mut [f32],
    from: Option<&[f32]>,
    gradient: &[f32],
    (mean, square): (&mut [f32], &mut [f32]),
    factors: AdamFactors,
) {
    /// Long enough to be worth a task, short enough to share out.
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
        vectorized(|| {
            for (((parameter, gradient), mean), square) in
                parameters.iter_mut().zip(gradient).zip(mean).zip(square)
            {
                *mean = *mean * beta_1 + gradient * new_1;
                *square = *square * beta_2 + gradient * gradient * new_2;
                *parameter = *parameter * keep - rate * *mean / (square.sqrt() + epsilon);
            }
        });
    });
}
