//! Chamfer against naive loops, finite differences, and what must hold by its definition.

use burn::tensor::{DType, Device, TensorData};
use heatmap_core::sample_rng;
use rand::RngExt;

use super::*;

/// Sets of points of one batch, with padding.
#[derive(Clone)]
struct Sets {
    places: usize,
    points: Vec<[f64; 2]>,
    mask: Vec<f64>,
}

impl Sets {
    /// Points in the unit square, of which some are padding.
    fn random(seed: u64, batch: usize, places: usize) -> Self {
        let mut rng = sample_rng(seed, 0);
        let points = (0..batch * places)
            .map(|_| [rng.random_range(0.0..1.0), rng.random_range(0.0..1.0)])
            .collect();
        // A share of points that differs from set to set, so that some sets are empty and some are
        // full.
        let mut mask = Vec::new();
        for _ in 0..batch {
            let share: f64 = rng.random_range(-0.5..1.5);
            mask.extend(
                (0..places).map(|_| if rng.random_range(0.0..1.0) < share { 1.0 } else { 0.0 }),
            );
        }
        Self { places, points, mask }
    }

    /// One set.
    fn one(points: &[[f64; 2]], mask: &[f64]) -> Self {
        Self { places: points.len(), points: points.to_vec(), mask: mask.to_vec() }
    }

    fn batch(&self) -> usize {
        self.mask.len() / self.places
    }

    fn of(&self, index: usize) -> Vec<[f64; 2]> {
        let places = index * self.places..(index + 1) * self.places;
        places.filter(|&i| self.mask[i] == 1.0).map(|i| self.points[i]).collect()
    }

    fn tensors(&self, device: &Device, dtype: DType) -> (Tensor<3>, Tensor<2>) {
        let shape = [self.batch(), self.places];
        let points = TensorData::new(self.points.as_flattened().to_vec(), [shape[0], shape[1], 2]);
        let mask = TensorData::new(self.mask.clone(), shape);
        (Tensor::from_data(points, (device, dtype)), Tensor::from_data(mask, (device, dtype)))
    }
}

fn value(loss: &Chamfer, predicted: &Sets, target: &Sets, dtype: DType) -> f64 {
    let device = Device::flex();
    let (predicted, predicted_mask) = predicted.tensors(&device, dtype);
    let (target, target_mask) = target.tensors(&device, dtype);
    loss.forward(predicted, Some(predicted_mask), target, target_mask).into_scalar()
}

/// Loss and gradient of the predictions.
fn gradient(loss: &Chamfer, predicted: &Sets, target: &Sets, dtype: DType) -> (f64, Vec<f64>) {
    let device = Device::flex().autodiff();
    let (points, predicted_mask) = predicted.tensors(&device, dtype);
    let (target, target_mask) = target.tensors(&device, dtype);
    let leaf = points.require_grad();
    let value = loss.forward(leaf.clone(), Some(predicted_mask), target, target_mask);
    let gradient = leaf.grad(&value.backward()).expect("a gradient").into_data().convert::<f64>();
    (value.into_scalar(), gradient.try_to_vec::<f64>().expect("f64"))
}

fn naive(predicted: &Sets, target: &Sets, squared: bool, mean: bool, empty_penalty: f64) -> f64 {
    let one_way = |from: &[[f64; 2]], to: &[[f64; 2]]| {
        let mut sum = 0.0;
        for a in from {
            let mut nearest = f64::INFINITY;
            for b in to {
                let length = (a[0] - b[0]).hypot(a[1] - b[1]);
                nearest = nearest.min(if squared { length * length } else { length });
            }
            sum += if to.is_empty() { empty_penalty } else { nearest };
        }
        if mean && !from.is_empty() { sum / from.len() as f64 } else { sum }
    };
    let of_set = |i: usize| {
        let (a, b) = (predicted.of(i), target.of(i));
        one_way(&a, &b) + one_way(&b, &a)
    };
    (0..predicted.batch()).map(of_set).sum::<f64>() / predicted.batch() as f64
}

#[test]
fn it_equals_naive_loops_whatever_is_empty() {
    for (seed, (batch, predictions, targets)) in
        [(1, 1, 1), (1, 6, 6), (40, 2, 1), (40, 6, 4)].into_iter().enumerate()
    {
        let predicted = Sets::random(seed as u64, batch, predictions);
        let target = Sets::random(100 + seed as u64, batch, targets);
        for (squared, mean) in [(false, false), (false, true), (true, false), (true, true)] {
            let config = ChamferConfig::new().with_squared(squared).with_mean(mean);
            let diagonal = if squared { 2.0 } else { 2.0_f64.sqrt() };
            for (config, penalty) in
                [(config.clone(), diagonal), (config.with_empty_penalty(Some(0.3)), 0.3)]
            {
                let expected = naive(&predicted, &target, squared, mean, penalty);
                for (dtype, tolerance) in [(DType::F32, 1e-5), (DType::F64, 1e-12)] {
                    let loss = value(&config.init(), &predicted, &target, dtype);
                    assert!(
                        (loss - expected).abs() < tolerance * expected.max(1.0),
                        "{config:?}: {loss}, {expected}"
                    );
                }
            }
        }
    }
}

#[test]
fn the_rule_for_empty_sets() {
    let two = Sets::one(&[[0.1, 0.2], [0.9, 0.4]], &[1.0, 1.0]);
    let none = Sets::one(&[[-1.0, -1.0], [-1.0, -1.0], [-1.0, -1.0]], &[0.0; 3]);
    let config = ChamferConfig::new();
    let costs = |config: &ChamferConfig| {
        let loss = config.init();
        [(&none, &none), (&two, &none), (&none, &two)].map(|(a, b)| value(&loss, a, b, DType::F64))
    };
    let root = 2.0_f64.sqrt();
    for (config, expected) in [
        (config.clone(), [0.0, 2.0 * root, 2.0 * root]),
        (config.clone().with_mean(true), [0.0, root, root]),
        (config.clone().with_squared(true), [0.0, 4.0, 4.0]),
        (config.with_empty_penalty(Some(0.25)), [0.0, 0.5, 0.5]),
    ] {
        let costs = costs(&config);
        assert!(
            costs.iter().zip(expected).all(|(cost, want)| (cost - want).abs() < 1e-12),
            "{config:?}: {costs:?}"
        );
    }
    // Nothing pulls at predictions without targets, and nothing is undefined.
    assert_eq!(gradient(&ChamferConfig::new().init(), &two, &none, DType::F32).1, [0.0; 4]);
}

#[test]
fn both_sets_play_the_same_part() {
    let (a, b) = (Sets::random(7, 20, 5), Sets::random(8, 20, 3));
    for config in [ChamferConfig::new(), ChamferConfig::new().with_squared(true).with_mean(true)] {
        let loss = config.init();
        let (there, back) = (value(&loss, &a, &b, DType::F64), value(&loss, &b, &a, DType::F64));
        assert!((there - back).abs() < 1e-12, "{there} is not {back}");
    }
}

#[test]
fn padding_does_not_matter_whatever_it_holds() {
    let loss = ChamferConfig::new().init();
    let (predicted, target) = (Sets::random(9, 12, 4), Sets::random(10, 12, 5));
    let expected = gradient(&loss, &predicted, &target, DType::F32);
    for padding in [-1.0, 0.5, 1e20, f64::NAN] {
        let fill = |sets: &Sets| {
            let mut sets = sets.clone();
            for (point, &mask) in sets.points.iter_mut().zip(&sets.mask) {
                if mask == 0.0 {
                    *point = [padding; 2];
                }
            }
            sets
        };
        assert_eq!(
            gradient(&loss, &fill(&predicted), &fill(&target), DType::F32),
            expected,
            "with {padding}"
        );
    }
}

#[test]
fn without_a_mask_every_prediction_counts() {
    let device = Device::flex();
    let loss = ChamferConfig::new().init();
    let (mut predicted, target) = (Sets::random(11, 6, 3), Sets::random(12, 6, 4));
    predicted.mask.fill(1.0);
    let ((points, _), (target_points, target_mask)) =
        (predicted.tensors(&device, DType::F64), target.tensors(&device, DType::F64));
    let unmasked: f64 = loss.forward(points, None, target_points, target_mask).into_scalar();
    assert_eq!(unmasked, value(&loss, &predicted, &target, DType::F64));
}

#[test]
fn gradients_are_those_of_finite_differences() {
    const STEP: f64 = 1e-6;
    let (predicted, target) = (Sets::random(13, 8, 4), Sets::random(14, 8, 4));
    for config in [
        ChamferConfig::new(),
        ChamferConfig::new().with_mean(true),
        ChamferConfig::new().with_squared(true),
    ] {
        let loss = config.init();
        let (_, gradient) = gradient(&loss, &predicted, &target, DType::F64);
        for (i, gradient) in gradient.into_iter().enumerate() {
            let moved = |by: f64| {
                let mut predicted = predicted.clone();
                predicted.points[i / 2][i % 2] += by;
                value(&loss, &predicted, &target, DType::F64)
            };
            let slope = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
            assert!((gradient - slope).abs() < 1e-7, "coordinate {i}: {gradient} is not {slope}");
        }
    }
}

#[test]
fn equal_sets_cost_nothing_and_pull_at_nothing() {
    let points = [[0.2, 0.7], [0.4, 0.4], [0.9, 0.1]];
    let set = Sets::one(&points, &[1.0; 3]);
    for config in [ChamferConfig::new(), ChamferConfig::new().with_squared(true)] {
        assert_eq!(gradient(&config.init(), &set, &set, DType::F32), (0.0, vec![0.0; 6]));
    }
}

#[test]
fn twenty_gradient_steps_lower_it() {
    let (mut predicted, mut target) = (Sets::random(15, 4, 3), Sets::random(16, 4, 3));
    predicted.mask.fill(1.0);
    target.mask.fill(1.0);
    let loss = ChamferConfig::new().init();
    let before = value(&loss, &predicted, &target, DType::F64);
    for _ in 0..20 {
        let (_, gradient) = gradient(&loss, &predicted, &target, DType::F64);
        for (i, gradient) in gradient.into_iter().enumerate() {
            predicted.points[i / 2][i % 2] -= 0.04 * gradient;
        }
    }
    let after = value(&loss, &predicted, &target, DType::F64);
    assert!(after < before - 0.1, "{after} after {before}");
}

#[test]
#[should_panic(expected = "one value a point")]
fn a_mask_that_does_not_fit_is_refused() {
    let device = Device::flex();
    let (points, mask) =
        (Tensor::<3>::zeros([2, 3, 2], &device), Tensor::<2>::zeros([2, 2], &device));
    ChamferConfig::new().init().forward(points.clone(), None, points, mask);
}

#[test]
#[should_panic(expected = "as many sets of targets")]
fn another_number_of_sets_is_refused() {
    let device = Device::flex();
    let points = |batch: usize| Tensor::<3>::zeros([batch, 3, 2], &device);
    ChamferConfig::new().init().forward(points(2), None, points(1), Tensor::ones([1, 3], &device));
}

#[test]
#[should_panic(expected = "empty_penalty must be")]
fn a_negative_penalty_is_refused() {
    ChamferConfig::new().with_empty_penalty(Some(-1.0)).init();
}
