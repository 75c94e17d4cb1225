//! Newton's method in a trust region for the augmented Lagrangian, with Steihaug's conjugate
//! gradients (Nocedal and Wright, Numerical Optimization, algorithms 4.1 and 7.2).
//!
//! A step must not turn or stretch edges too far, for the constraints are quadratic; moving a whole
//! region is free. So both the trust region and the preconditioner are the Laplacian of the graph,
//! weighted by the springs. On a swiss roll of 1,000 points that takes a sixth of the products that
//! the Hessian's diagonal takes.

use super::lagrangian::Springs;
use super::laplacian::Laplacian;

/// Share of a spring's stiffness that goes into its weight in the Laplacian: stiffness acts along
/// only one of R directions.
const STIFFNESS_SHARE: f64 = 0.3;
/// Newton steps until the Laplacian is weighted and factored again.
const STEPS_PER_FACTOR: usize = 8;
/// Residual at which the conjugate gradients end, as a share of the gradient.
const LINEAR_TOLERANCE: f64 = 0.1;
const LINEAR_STEPS: usize = 500;

/// One minimisation, to be dispatched to the widest vector instructions of the processor. A closure
/// would not do: it is called through a function that stays outside of the dispatch.
pub(super) struct Minimization<'a, const R: usize> {
    pub(super) springs: &'a Springs,
    pub(super) laplacian: &'a mut Laplacian,
    pub(super) at: &'a mut Vec<[f64; R]>,
    pub(super) tensions: &'a mut Vec<f64>,
    pub(super) tolerance: f64,
    pub(super) budget: &'a mut usize,
}

impl<const R: usize> pulp::NullaryFnOnce for Minimization<'_, R> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        minimize(self.springs, self.laplacian, self.at, self.tensions, self.tolerance, self.budget);
    }
}

/// Minimises from `at` until the gradient is below `tolerance` times that of the variance, or the
/// `budget` of products with the Hessian is spent; writes the tensions to `tensions` and takes the
/// products from `budget`.
#[inline(always)]
fn minimize<const R: usize>(
    springs: &Springs,
    laplacian: &mut Laplacian,
    at: &mut Vec<[f64; R]>,
    tensions: &mut Vec<f64>,
    tolerance: f64,
    budget: &mut usize,
) {
    let points = at.len();
    let mut gradient = vec![[0.0; R]; points];
    let mut value = springs.evaluate(at, &mut gradient, tensions);
    let mut search = Search::new(points);
    let (mut next_gradient, mut next_tensions) = (gradient.clone(), tensions.clone());
    let mut radius = f64::INFINITY;
    let mut steps = 0;
    while *budget > 0 && dot(&gradient, &gradient).sqrt() > tolerance * spread(springs, at) {
        if steps % STEPS_PER_FACTOR == 0 {
            let weight = |(tension, (stiffness, square)): (&f64, (&f64, &f64))| {
                tension.abs() + STIFFNESS_SHARE * stiffness * square
            };
            let weights: Vec<f64> = tensions
                .iter()
                .zip(springs.stiffness.iter().zip(&springs.squares))
                .map(weight)
                .collect();
            laplacian.factor(&weights, |node| 0.01 * springs.masses[node]);
        }
        steps += 1;
        let step = search.run(springs, laplacian, at, tensions, &gradient, radius, budget);
        let mut next = at.clone();
        add_scaled(&mut next, 1.0, &search.step);
        let mean = springs.mean(&next);
        next.iter_mut().for_each(|y| (0..R).for_each(|c| y[c] -= mean[c]));
        let next_value = springs.evaluate(&next, &mut next_gradient, &mut next_tensions);
        // The actual decrease as a share of the one that the quadratic model promised.
        let gain = (value - next_value) / step.promise;
        // Where only rounding is left nothing is promised, and the gain may be NaN.
        if gain.is_nan() || gain < 0.25 {
            radius = 0.25 * step.length;
        } else if gain > 0.75 && step.at_border {
            radius *= 2.5;
        }
        if gain > 1e-4 {
            *at = next;
            value = next_value;
            std::mem::swap(&mut gradient, &mut next_gradient);
            std::mem::swap(tensions, &mut next_tensions);
        } else if step.promise.is_nan() || step.promise <= 1e-14 * value.abs() {
            // Rounding hides any further fall.
            return;
        }
    }
}

/// What a search in the quadratic model found.
struct Step {
    /// Decrease of the quadratic model.
    promise: f64,
    /// Length in the norm of the Laplacian.
    length: f64,
    at_border: bool,
}

/// Buffers of the conjugate gradients; `step` is the step that was found.
struct Search<const R: usize> {
    step: Vec<[f64; R]>,
    residual: Vec<[f64; R]>,
    preconditioned: Vec<[f64; R]>,
    direction: Vec<[f64; R]>,
    product: Vec<[f64; R]>,
    scratch: Vec<[f64; R]>,
}

impl<const R: usize> Search<R> {
    fn new(points: usize) -> Self {
        let zeros = || vec![[0.0; R]; points];
        Self {
            step: zeros(),
            residual: zeros(),
            preconditioned: zeros(),
            direction: zeros(),
            product: zeros(),
            scratch: zeros(),
        }
    }

    #[inline(always)]
    #[allow(clippy::too_many_arguments, reason = "the state of the walk, which the caller owns")]
    fn run(
        &mut self,
        springs: &Springs,
        laplacian: &Laplacian,
        at: &[[f64; R]],
        tensions: &[f64],
        gradient: &[[f64; R]],
        radius: f64,
        budget: &mut usize,
    ) -> Step {
        self.step.fill([0.0; R]);
        self.residual.copy_from_slice(gradient);
        laplacian.solve(&self.residual, &mut self.preconditioned, &mut self.scratch);
        for (d, z) in self.direction.iter_mut().zip(&self.preconditioned) {
            *d = z.map(|z| -z);
        }
        let mut energy = dot(&self.residual, &self.preconditioned);
        let enough = LINEAR_TOLERANCE * LINEAR_TOLERANCE * energy;
        // Squares of the step and the direction and their product, in the norm of the Laplacian.
        let (mut step_square, mut step_direction, mut direction_square) = (0.0_f64, 0.0, energy);
        let mut promise = 0.0;
        for _ in 0..LINEAR_STEPS {
            *budget = budget.saturating_sub(1);
            springs.curvature(at, tensions, &self.direction, &mut self.product);
            let bend = dot(&self.direction, &self.product);
            let length = energy / bend;
            let next_square =
                step_square + length * (2.0 * step_direction + length * direction_square);
            if bend <= 0.0 || next_square >= radius * radius {
                // Go to the border of the trust region; as long as its radius is infinite, the
                // lengths of the step so far and of the direction stand for it.
                let radius = if radius.is_finite() {
                    radius
                } else {
                    (step_square + direction_square).sqrt()
                };
                let room = (radius * radius - step_square).max(0.0);
                let to_border =
                    (step_direction.powi(2) + direction_square * room).sqrt() - step_direction;
                let length = to_border / direction_square;
                promise += length * (energy - 0.5 * length * bend);
                add_scaled(&mut self.step, length, &self.direction);
                return Step { promise, length: radius, at_border: true };
            }
            promise += 0.5 * length * energy;
            add_scaled(&mut self.step, length, &self.direction);
            add_scaled(&mut self.residual, length, &self.product);
            step_square = next_square;
            laplacian.solve(&self.residual, &mut self.preconditioned, &mut self.scratch);
            let next_energy = dot(&self.residual, &self.preconditioned);
            if next_energy <= enough || *budget == 0 {
                break;
            }
            let keep = next_energy / energy;
            for (d, z) in self.direction.iter_mut().zip(&self.preconditioned) {
                for c in 0..R {
                    d[c] = keep * d[c] - z[c];
                }
            }
            step_direction = keep * (step_direction + length * direction_square);
            direction_square = next_energy + keep * keep * direction_square;
            energy = next_energy;
        }
        Step { promise, length: step_square.sqrt(), at_border: false }
    }
}

/// Norm of the gradient of the variance alone.
#[inline(always)]
fn spread<const R: usize>(springs: &Springs, at: &[[f64; R]]) -> f64 {
    let square = |(y, mass): (&[f64; R], &f64)| mass * mass * y.iter().map(|y| y * y).sum::<f64>();
    at.iter().zip(&springs.masses).map(square).sum::<f64>().sqrt()
}

#[inline(always)]
fn dot<const R: usize>(a: &[[f64; R]], b: &[[f64; R]]) -> f64 {
    let mut lanes = [0.0; R];
    for (a, b) in a.iter().zip(b) {
        for c in 0..R {
            lanes[c] += a[c] * b[c];
        }
    }
    lanes.iter().sum()
}

#[inline(always)]
fn add_scaled<const R: usize>(to: &mut [[f64; R]], scale: f64, what: &[[f64; R]]) {
    for (to, what) in to.iter_mut().zip(what) {
        for c in 0..R {
            to[c] += scale * what[c];
        }
    }
}
