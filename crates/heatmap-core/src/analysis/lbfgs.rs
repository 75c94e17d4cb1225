//! Limited-memory BFGS for smooth functions of many variables (Nocedal and Wright, Numerical
//! Optimization, algorithms 7.4 and 7.5), with a backtracking line search.

use std::collections::VecDeque;

/// The L-BFGS minimiser with its settings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lbfgs {
    /// Largest number of steps.
    pub max_iterations: usize,
    /// The minimiser stops when no entry of the gradient is larger than this.
    pub gradient_tolerance: f64,
    /// Number of pairs of steps and gradient changes that are remembered.
    pub memory: usize,
}

impl Default for Lbfgs {
    fn default() -> Self {
        Self { max_iterations: 500, gradient_tolerance: 1e-5, memory: 10 }
    }
}

impl Lbfgs {
    /// Minimises `function`, which returns the value at a point and writes its gradient, from
    /// `start` downhill. Returns the last point and its value.
    pub fn minimize(
        &self,
        start: Vec<f64>,
        mut function: impl FnMut(&[f64], &mut [f64]) -> f64,
    ) -> (Vec<f64>, f64) {
        let mut at = start;
        let mut gradient = vec![0.0; at.len()];
        let mut value = function(&at, &mut gradient);
        let mut history: VecDeque<Pair> = VecDeque::with_capacity(self.memory);
        for _ in 0..self.max_iterations {
            if gradient.iter().all(|g| g.abs() <= self.gradient_tolerance) {
                break;
            }
            let mut direction = descent(&gradient, &history);
            let mut slope = dot(&direction, &gradient);
            if slope >= 0.0 {
                // The remembered pairs give a direction that is not downhill; begin again with the
                // gradient.
                history.clear();
                direction = gradient.iter().map(|g| -g).collect();
                slope = -dot(&gradient, &gradient);
            }
            let first = if history.is_empty() {
                1.0 / dot(&gradient, &gradient).sqrt().max(1.0)
            } else {
                1.0
            };
            let Some((next, next_value, next_gradient)) =
                search(&at, value, &direction, slope, first, &mut function)
            else {
                break;
            };
            let pair = Pair::new(&at, &next, &gradient, &next_gradient);
            // Only along positive curvature does the memory describe a minimum.
            if let Some(pair) = pair {
                if history.len() == self.memory {
                    history.pop_front();
                }
                history.push_back(pair);
            }
            (at, value, gradient) = (next, next_value, next_gradient);
        }
        (at, value)
    }
}

/// A step, the change of the gradient over it, and the inverse of their scalar product.
struct Pair {
    step: Vec<f64>,
    change: Vec<f64>,
    rho: f64,
}

impl Pair {
    fn new(from: &[f64], to: &[f64], gradient_from: &[f64], gradient_to: &[f64]) -> Option<Self> {
        let difference =
            |a: &[f64], b: &[f64]| b.iter().zip(a).map(|(b, a)| b - a).collect::<Vec<_>>();
        let (step, change) = (difference(from, to), difference(gradient_from, gradient_to));
        let curvature = dot(&step, &change);
        (curvature > 1e-10 * dot(&change, &change)).then(|| Self {
            rho: 1.0 / curvature,
            step,
            change,
        })
    }
}

/// The two-loop recursion: minus the approximate inverse Hessian times the gradient.
fn descent(gradient: &[f64], history: &VecDeque<Pair>) -> Vec<f64> {
    let mut q = gradient.to_vec();
    let mut alphas = Vec::with_capacity(history.len());
    for pair in history.iter().rev() {
        let alpha = pair.rho * dot(&pair.step, &q);
        add_scaled(&mut q, -alpha, &pair.change);
        alphas.push(alpha);
    }
    if let Some(last) = history.back() {
        let scale = 1.0 / (last.rho * dot(&last.change, &last.change));
        q.iter_mut().for_each(|q| *q *= scale);
    }
    for (pair, alpha) in history.iter().zip(alphas.into_iter().rev()) {
        let beta = pair.rho * dot(&pair.change, &q);
        add_scaled(&mut q, alpha - beta, &pair.step);
    }
    q.iter_mut().for_each(|q| *q = -*q);
    q
}

/// Halves the step until the value falls enough (Armijo); `None` when rounding hides any fall.
fn search(
    at: &[f64],
    value: f64,
    direction: &[f64],
    slope: f64,
    first: f64,
    function: &mut impl FnMut(&[f64], &mut [f64]) -> f64,
) -> Option<(Vec<f64>, f64, Vec<f64>)> {
    let mut gradient = vec![0.0; at.len()];
    let mut length = first;
    for _ in 0..40 {
        let mut next = at.to_vec();
        add_scaled(&mut next, length, direction);
        let next_value = function(&next, &mut gradient);
        // A value of NaN fails this, too.
        if next_value <= value + 1e-4 * length * slope {
            return Some((next, next_value, gradient));
        }
        length *= 0.5;
    }
    None
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn add_scaled(to: &mut [f64], scale: f64, what: &[f64]) {
    to.iter_mut().zip(what).for_each(|(to, what)| *to += scale * what);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_solves_the_rosenbrock_valley() {
        let (at, value) = Lbfgs::default().minimize(vec![-1.2, 1.0], |x, g| {
            g[0] = -400.0 * x[0] * (x[1] - x[0] * x[0]) - 2.0 * (1.0 - x[0]);
            g[1] = 200.0 * (x[1] - x[0] * x[0]);
            100.0 * (x[1] - x[0] * x[0]).powi(2) + (1.0 - x[0]).powi(2)
        });
        assert!((at[0] - 1.0).abs() < 1e-4 && (at[1] - 1.0).abs() < 1e-4 && value < 1e-8, "{at:?}");
    }

    #[test]
    fn it_solves_a_badly_scaled_quadratic_to_the_tolerance() {
        let scale = |i: usize| 10_f64.powi(i as i32 % 5);
        let (at, _) = Lbfgs::default().minimize(vec![0.0; 20], |x, g| {
            (0..20)
                .map(|i| {
                    g[i] = scale(i) * (x[i] - i as f64);
                    0.5 * g[i] * (x[i] - i as f64)
                })
                .sum()
        });
        assert!(at.iter().enumerate().all(|(i, x)| (x - i as f64).abs() < 1e-4), "{at:?}");
    }

    #[test]
    fn a_flat_start_stays() {
        let (at, value) = Lbfgs::default().minimize(vec![3.0], |_, g| {
            g[0] = 0.0;
            7.0
        });
        assert_eq!((at, value), (vec![3.0], 7.0));
    }
}
