//! The method of multipliers at low rank (Burer and Monteiro 2003; Hestenes 1969, Powell 1969).
//!
//! It begins with soft springs, with which the embedding finds its global shape in few steps, and
//! stiffens them while the multipliers take over. A factorisation Y Y^T of low rank may stop at a
//! saddle point of the semidefinite programme; then the certificate has a negative eigenvalue, and
//! its eigenvectors become further dimensions.

use faer::{Mat, MatRef};

use super::certificate::{Certificate, Dual};
use super::graph::NeighbourGraph;
use super::lagrangian::Springs;
use super::laplacian::Laplacian;
use super::newton::Minimization;
use super::start::Start;
use crate::Result;

/// The ranks for which there is compiled code.
const RANKS: [usize; 8] = [4, 8, 12, 16, 24, 32, 40, 48];
pub(super) const LARGEST_RANK: usize = 48;
/// Bounds of the first rank where none is asked for. A rank above that of the optimum costs time,
/// but makes the way there short; at a lower rank there are saddle points on the way.
const FEWEST: usize = 12;
const MOST: usize = 32;
/// Stiffness of the first springs: at the tension of an average edge, the edge is 1 / 30 longer
/// than it should be.
const FIRST_STIFFNESS: f64 = 30.0;
const STIFFENING: f64 = 2.0;
const LARGEST_STIFFNESS: f64 = 1e8;
/// First and last stiffness in `flatten`, where multipliers do not help.
const FLAT_STIFFNESS: f64 = 300.0;
const FLAT_ENOUGH: f64 = 30_000.0;
/// Gradient at which a minimisation ends, as a share of the gradient of the variance.
const GRADIENT_TOLERANCE: f64 = 0.03;
/// Short edges are stiffer, in inverse proportion to their length, down to this share of the median
/// edge.
const SHORTEST: f64 = 1e-3;
/// Relative gap at which the dual bound is good enough.
const GAP: f64 = 5e-3;
/// Most products with the Hessian before the multipliers move, whether the minimisation has settled
/// or not.
const STAGE: usize = 2000;
/// The same where the lengths hold and only the dual bound is not good enough, and how often that
/// is tried.
const POLISH: usize = 5_000;
const POLISHES: usize = 3;
/// Largest violation at which a certificate of the multipliers is computed: those of softer springs
/// are often better settled.
const NEARLY: f64 = 0.03;
/// Largest number of rounds of multipliers; distances that contradict each other would take any
/// number.
const ROUNDS: usize = 100;
/// Largest number of times that the rank grows.
const GROWTHS: usize = 4;

/// Where the optimisation ended, in the units of the graph.
#[derive(Debug, Clone)]
pub(super) struct Solution {
    /// Coordinates, [points, rank] row-major, with mean zero by masses.
    pub(super) at: Vec<f64>,
    pub(super) rank: usize,
    pub(super) certificate: Certificate,
    /// The largest and the root mean square relative error of a length.
    pub(super) violation: (f64, f64),
    pub(super) trace: f64,
    pub(super) outer_iterations: usize,
    pub(super) products: usize,
}

/// Settings that stay the same over the iterations.
pub(super) struct Limits {
    pub(super) tolerance: f64,
    pub(super) products: usize,
    pub(super) components: usize,
    pub(super) seed: u64,
}

/// Solves the programme from `rank`, or from a rank that suits the graph.
pub(super) fn solve(
    graph: &NeighbourGraph,
    rank: Option<usize>,
    limits: &Limits,
) -> Result<Solution> {
    let scale = graph.scale();
    let start = Start::new(graph)?;
    let wanted =
        rank.unwrap_or_else(|| (start.dimensions() + 4).clamp(FEWEST, MOST)).max(limits.components);
    let rank = RANKS.into_iter().find(|&rank| rank >= wanted).unwrap_or(LARGEST_RANK);
    let at: Vec<f64> =
        start.coordinates(rank, limits.seed).into_iter().map(|v| v / scale).collect();
    let mut springs = Springs::of_graph(graph);
    let mut state = State { at, rank, budget: limits.products };
    let mut stiffness = FIRST_STIFFNESS;
    let tension = state.set_springs(&mut springs, stiffness);
    // At the optimum the sum of multiplier times squared length is the trace.
    springs.multipliers.fill(tension);
    let mut laplacian = Laplacian::new(graph.masses.len(), &graph.ends);
    let squares = springs.squares.clone();
    let dual = Dual { masses: &graph.masses, squares: &squares };
    let mut best = Certificate { smallest_slack: f64::NEG_INFINITY, bound: f64::INFINITY };
    let (mut outer_iterations, mut growths, mut polishes) = (0, 0, 0);
    loop {
        outer_iterations += 1;
        let cap = if polishes == 0 { STAGE } else { POLISH };
        let settled = state.stage(&mut springs, &mut laplacian, cap);
        let Measured { trace, violation } = state.measure(&springs);
        let (kept, spent) =
            (violation.0 <= limits.tolerance, state.budget == 0 || outer_iterations == ROUNDS);
        let mut own = None;
        if kept || spent || violation.0 <= NEARLY {
            let certificate = dual.certify(&mut laplacian, &springs.multipliers);
            if certificate.bound < best.bound || best.bound.is_infinite() {
                best = certificate;
            }
            own = Some(certificate);
        }
        let optimal = best.bound <= trace * (1.0 + GAP);
        if spent || (kept && (optimal || polishes == POLISHES)) {
            return Ok(Solution {
                at: state.at.iter().map(|v| v * scale).collect(),
                rank: state.rank,
                certificate: Certificate { bound: best.bound * scale * scale, ..best },
                violation,
                trace: trace * scale * scale,
                outer_iterations,
                products: limits.products - state.budget,
            });
        }
        if kept {
            polishes += 1;
            let larger = RANKS.into_iter().find(|&rank| rank > state.rank);
            // Negative eigenvalues mean that the rank is too low only once the minimisation has
            // settled.
            let own =
                own.filter(|own| settled && own.smallest_slack.is_finite() && growths < GROWTHS);
            if let (Some(larger), Some(own)) = (larger, own) {
                growths += 1;
                state.grow(
                    &dual,
                    &mut laplacian,
                    &springs.multipliers,
                    own.smallest_slack + 1.0,
                    larger,
                );
            }
        } else if stiffness < LARGEST_STIFFNESS {
            stiffness *= STIFFENING;
            springs.stiffness.iter_mut().for_each(|own| *own *= STIFFENING);
        }
    }
}

/// Stretches an embedding in its own dimensions, with the same springs but without multipliers,
/// stiffened until they give way little. In fewer dimensions than the optimum needs, not all
/// lengths can hold, and multipliers would grow without end. `points` is [points, dimensions].
pub(super) fn flatten(graph: &NeighbourGraph, points: MatRef<'_, f64>) -> Mat<f64> {
    let (scale, dimensions) = (graph.scale(), points.ncols());
    // Surplus dimensions begin at zero and stay there.
    let rank = RANKS.into_iter().find(|&rank| rank >= dimensions).unwrap_or(LARGEST_RANK);
    let mut at = vec![0.0; points.nrows() * rank];
    for (row, to) in at.chunks_exact_mut(rank).enumerate() {
        (0..dimensions).for_each(|c| to[c] = points[(row, c)] / scale);
    }
    let mut springs = Springs::of_graph(graph);
    let mut laplacian = Laplacian::new(graph.masses.len(), &graph.ends);
    let mut state = State { at, rank, budget: usize::MAX };
    let mut stiffness = FLAT_STIFFNESS;
    state.set_springs(&mut springs, stiffness);
    while stiffness < FLAT_ENOUGH {
        springs.multipliers.fill(0.0);
        state.stage(&mut springs, &mut laplacian, STAGE);
        stiffness *= STIFFENING;
        springs.stiffness.iter_mut().for_each(|own| *own *= STIFFENING);
    }
    Mat::from_fn(points.nrows(), dimensions, |i, c| scale * state.at[i * rank + c])
}

struct Measured {
    trace: f64,
    violation: (f64, f64),
}

/// Coordinates at a rank that may grow, and the products that are left.
struct State {
    at: Vec<f64>,
    rank: usize,
    budget: usize,
}

/// Calls a function that is generic over the rank R with a rank that is known at run time.
macro_rules! at_rank {
    ($rank:expr, $state:ident.$function:ident($($argument:expr),*)) => {
        match $rank {
            4 => $state.$function::<4>($($argument),*),
            8 => $state.$function::<8>($($argument),*),
            12 => $state.$function::<12>($($argument),*),
            16 => $state.$function::<16>($($argument),*),
            24 => $state.$function::<24>($($argument),*),
            32 => $state.$function::<32>($($argument),*),
            40 => $state.$function::<40>($($argument),*),
            48 => $state.$function::<48>($($argument),*),
            other => unreachable!("rank {other} is not in RANKS"),
        }
    };
}

impl State {
    /// Sets the stiffness of the springs, in units of the mean tension, which it returns.
    fn set_springs(&self, springs: &mut Springs, stiffness: f64) -> f64 {
        let tension = self.measure(springs).trace / springs.squares.iter().sum::<f64>();
        for (own, square) in springs.stiffness.iter_mut().zip(&springs.squares) {
            *own = stiffness * tension / square / square.sqrt().clamp(SHORTEST, 1.0);
        }
        tension
    }

    /// Minimises with at most `cap` products and moves the multipliers; returns whether the
    /// gradient became small.
    fn stage(&mut self, springs: &mut Springs, laplacian: &mut Laplacian, cap: usize) -> bool {
        at_rank!(self.rank, self.stage_at(springs, laplacian, cap))
    }

    fn stage_at<const R: usize>(
        &mut self,
        springs: &mut Springs,
        laplacian: &mut Laplacian,
        cap: usize,
    ) -> bool {
        let mut at = self.rows::<R>().to_vec();
        let mean = springs.mean(&at);
        at.iter_mut().for_each(|y| (0..R).for_each(|c| y[c] -= mean[c]));
        let mut tensions = vec![0.0; springs.ends.len()];
        let cap = cap.min(self.budget);
        let mut left = cap;
        pulp::Arch::new().dispatch(Minimization {
            springs,
            laplacian,
            at: &mut at,
            tensions: &mut tensions,
            tolerance: GRADIENT_TOLERANCE,
            budget: &mut left,
        });
        self.budget -= cap - left;
        self.at = at.into_flattened();
        springs.multipliers = tensions;
        left > 0
    }

    fn measure(&self, springs: &Springs) -> Measured {
        at_rank!(self.rank, self.measure_at(springs))
    }

    fn measure_at<const R: usize>(&self, springs: &Springs) -> Measured {
        Measured {
            trace: springs.trace(self.rows::<R>()),
            violation: springs.violation(self.rows::<R>()),
        }
    }

    fn rows<const R: usize>(&self) -> &[[f64; R]] {
        self.at.as_chunks::<R>().0
    }

    /// Raises the rank to `larger`; the new dimensions are directions in which the dual slack is
    /// negative.
    fn grow(
        &mut self,
        dual: &Dual<'_>,
        laplacian: &mut Laplacian,
        multipliers: &[f64],
        lambda: f64,
        larger: usize,
    ) {
        let points = dual.masses.len();
        // Any start will do that is not orthogonal to the directions sought; this one is the same
        // on every machine.
        let start: Vec<[f64; 8]> = (0..points)
            .map(|i| std::array::from_fn(|c| libm::sin(((8 * i + c) as f64 + 0.5) * 12.9898)))
            .collect();
        let directions = dual.escape(laplacian, multipliers, lambda, start);
        // Moves a typical point by a tenth of an edge, if all points take part.
        let size = 0.1 * (points as f64).sqrt();
        let mut at = vec![0.0; points * larger];
        for (point, row) in at.chunks_exact_mut(larger).enumerate() {
            row[..self.rank].copy_from_slice(&self.at[point * self.rank..(point + 1) * self.rank]);
            for (to, direction) in row[self.rank..].iter_mut().zip(directions[point]) {
                *to = size * direction;
            }
        }
        (self.at, self.rank) = (at, larger);
    }
}
