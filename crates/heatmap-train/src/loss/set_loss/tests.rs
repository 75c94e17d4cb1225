//! The set loss against all permutations and naive loops, finite differences, and what must hold by
//! its definition.

use burn::tensor::Device;
use heatmap_core::sample_rng;
use rand::RngExt;

use super::*;

/// Predictions and targets of one batch, images first.
#[derive(Clone)]
struct Batch {
    queries: usize,
    places: usize,
    centres: Vec<[f64; 2]>,
    existence: Vec<f64>,
    targets: Vec<[f64; 2]>,
    mask: Vec<f64>,
}

impl Batch {
    /// Image i has i targets, modulo one more than there may be, anywhere among the places; padding
    /// is (-1, -1).
    fn random(seed: u64, images: usize, queries: usize, places: usize) -> Self {
        let mut rng = sample_rng(seed, 0);
        let centres = (0..images * queries)
            .map(|_| [rng.random_range(0.0..1.0), rng.random_range(0.0..1.0)])
            .collect();
        let existence = (0..images * queries).map(|_| rng.random_range(-3.0..3.0)).collect();
        let (mut targets, mut mask) =
            (vec![[-1.0; 2]; images * places], vec![0.0; images * places]);
        for image in 0..images {
            let first: usize = rng.random_range(0..places);
            for target in 0..image % (queries.min(places) + 1) {
                let place = image * places + (first + target) % places;
                targets[place] = [rng.random_range(0.0..1.0), rng.random_range(0.0..1.0)];
                mask[place] = 1.0;
            }
        }
        Self { queries, places, centres, existence, targets, mask }
    }

    fn images(&self) -> usize {
        self.existence.len() / self.queries
    }

    /// Loss, and its gradients by centres and by logits.
    fn results(&self, loss: &SetLoss, dtype: DType) -> (f64, Vec<f64>, Vec<f64>) {
        let device = Device::flex().autodiff();
        let points = |points: &[[f64; 2]], number: usize| {
            let data = TensorData::new(points.as_flattened().to_vec(), [self.images(), number, 2]);
            Tensor::<3>::from_data(data, (&device, dtype))
        };
        let row = |values: &[f64], number: usize| {
            let data = TensorData::new(values.to_vec(), [self.images(), number]);
            Tensor::<2>::from_data(data, (&device, dtype))
        };
        let centres = points(&self.centres, self.queries).require_grad();
        let existence = row(&self.existence, self.queries).require_grad();
        let (targets, mask) = (points(&self.targets, self.places), row(&self.mask, self.places));
        let value = loss.forward(centres.clone(), existence.clone(), targets, mask);
        let gradients = value.backward();
        let read = |data: TensorData| data.convert::<f64>().try_to_vec::<f64>().expect("f64");
        let by_centres =
            read(centres.grad(&gradients).expect("centres have a gradient").into_data());
        let by_existence =
            read(existence.grad(&gradients).expect("logits have a gradient").into_data());
        (value.into_scalar(), by_centres, by_existence)
    }

    fn value(&self, loss: &SetLoss, dtype: DType) -> f64 {
        self.results(loss, dtype).0
    }
}

fn l1(a: [f64; 2], b: [f64; 2]) -> f64 {
    (a[0] - b[0]).abs() + (a[1] - b[1]).abs()
}

fn probability(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}

/// All ways to give each of some targets a query of its own.
fn all_ways(targets: usize, queries: usize) -> Vec<Vec<usize>> {
    if targets == 0 {
        return vec![Vec::new()];
    }
    let mut ways = Vec::new();
    for way in all_ways(targets - 1, queries) {
        for query in (0..queries).filter(|query| !way.contains(query)) {
            ways.push([way.as_slice(), &[query]].concat());
        }
    }
    ways
}

fn naive(batch: &Batch, config: &SetLossConfig) -> f64 {
    let (mut distance, mut cross_entropy, mut total) = (0.0, 0.0, 0_usize);
    for image in 0..batch.images() {
        let centres = &batch.centres[image * batch.queries..(image + 1) * batch.queries];
        let logits = &batch.existence[image * batch.queries..(image + 1) * batch.queries];
        let places = image * batch.places..(image + 1) * batch.places;
        let targets: Vec<[f64; 2]> =
            places.filter(|&i| batch.mask[i] == 1.0).map(|i| batch.targets[i]).collect();
        let distance_of =
            |way: &[usize]| way.iter().zip(&targets).map(|(&q, &t)| l1(centres[q], t)).sum::<f64>();
        let cost = |way: &[usize]| {
            let certain: f64 = way.iter().map(|&q| probability(logits[q])).sum();
            config.centre_weight * distance_of(way) - config.existence_weight * certain
        };
        let ways = all_ways(targets.len(), batch.queries);
        let best = ways.iter().min_by(|a, b| cost(a).total_cmp(&cost(b))).expect("there is a way");
        distance += distance_of(best);
        total += targets.len();
        for (query, &logit) in logits.iter().enumerate() {
            cross_entropy -= if best.contains(&query) {
                probability(logit).ln()
            } else {
                config.absent_weight * (1.0 - probability(logit)).ln()
            };
        }
    }
    (config.centre_weight * distance + config.existence_weight * cross_entropy)
        / total.max(1) as f64
}

fn configs() -> [SetLossConfig; 2] {
    let other = SetLossConfig::new()
        .with_centre_weight(0.7)
        .with_existence_weight(2.0)
        .with_absent_weight(0.1);
    [SetLossConfig::new(), other]
}

#[test]
fn it_equals_naive_loops_over_all_matchings() {
    let sizes = [(1, 1, 1), (2, 1, 1), (9, 3, 5), (10, 4, 4), (8, 5, 2)];
    for (seed, (images, queries, places)) in sizes.into_iter().enumerate() {
        let batch = Batch::random(seed as u64, images, queries, places);
        for config in configs() {
            let expected = naive(&batch, &config);
            for (dtype, tolerance) in [(DType::F32, 1e-5), (DType::F64, 1e-12)] {
                let loss = batch.value(&config.init(), dtype);
                assert!(
                    (loss - expected).abs() < tolerance * expected.max(1.0),
                    "{loss} is not {expected}"
                );
            }
        }
    }
}

#[test]
fn an_empty_map_asks_for_silence() {
    let batch = Batch::random(20, 1, 4, 3);
    let (loss, by_centres, by_existence) = batch.results(&SetLossConfig::new().init(), DType::F64);
    let expected = batch.existence.iter().map(|logit| (1.0 + logit.exp()).ln()).sum::<f64>();
    assert!((loss - expected).abs() < 1e-12, "{loss} is not {expected}");
    assert_eq!(by_centres, [0.0; 8]);
    assert!(by_existence.iter().all(|&slope| slope > 0.0));
}

#[test]
fn a_full_map_that_is_found_costs_what_doubt_is_left() {
    let mut batch = Batch::random(21, 5, 4, 4);
    // The last image has as many targets as queries, found in another order.
    let image = Batch {
        centres: batch.targets[16..].iter().rev().copied().collect(),
        existence: vec![10.0; 4],
        targets: batch.targets.split_off(16),
        mask: batch.mask.split_off(16),
        ..batch
    };
    assert_eq!(image.mask, [1.0; 4]);
    let loss = image.value(&SetLossConfig::new().init(), DType::F64);
    assert!((loss - (-10.0_f64).exp().ln_1p()).abs() < 1e-12, "{loss}");
}

#[test]
fn order_does_not_matter() {
    let batch = Batch::random(22, 10, 4, 4);
    let loss = SetLossConfig::new().with_absent_weight(0.5).init();
    let expected = batch.value(&loss, DType::F64);
    let mut targets_turned = batch.clone();
    targets_turned.targets.chunks_mut(4).for_each(|image| image.rotate_left(1));
    targets_turned.mask.chunks_mut(4).for_each(|image| image.rotate_left(1));
    let mut queries_turned = batch.clone();
    queries_turned.centres.chunks_mut(4).for_each(|image| image.reverse());
    queries_turned.existence.chunks_mut(4).for_each(|image| image.reverse());
    for turned in [targets_turned, queries_turned] {
        let loss = turned.value(&loss, DType::F64);
        assert!((loss - expected).abs() < 1e-12, "{loss} is not {expected}");
    }
}

#[test]
fn padding_does_not_matter() {
    let batch = Batch::random(23, 6, 3, 4);
    let mut filled = batch.clone();
    for (target, &mask) in filled.targets.iter_mut().zip(&batch.mask) {
        if mask == 0.0 {
            *target = [0.5, 7e3];
        }
    }
    let loss = SetLossConfig::new().init();
    assert_eq!(filled.results(&loss, DType::F32), batch.results(&loss, DType::F32));
}

#[test]
fn gradients_are_those_of_finite_differences() {
    const STEP: f64 = 1e-6;
    let batch = Batch::random(24, 4, 3, 3);
    for config in configs() {
        let loss = config.init();
        let (_, by_centres, by_existence) = batch.results(&loss, DType::F64);
        let slope = |change: &dyn Fn(&mut Batch, f64)| {
            let moved = |by: f64| {
                let mut batch = batch.clone();
                change(&mut batch, by);
                batch.value(&loss, DType::F64)
            };
            (moved(STEP) - moved(-STEP)) / (2.0 * STEP)
        };
        for (i, gradient) in by_centres.into_iter().enumerate() {
            let slope = slope(&|batch: &mut Batch, by: f64| batch.centres[i / 2][i % 2] += by);
            assert!((gradient - slope).abs() < 1e-7, "coordinate {i}: {gradient} is not {slope}");
        }
        for (i, gradient) in by_existence.into_iter().enumerate() {
            let slope = slope(&|batch: &mut Batch, by: f64| batch.existence[i] += by);
            assert!((gradient - slope).abs() < 1e-7, "logit {i}: {gradient} is not {slope}");
        }
    }
}

#[test]
fn only_the_matched_centre_is_pulled() {
    let batch = Batch {
        queries: 3,
        places: 1,
        centres: vec![[0.1, 0.1], [0.6, 0.5], [0.9, 0.9]],
        existence: vec![0.0; 3],
        targets: vec![[0.5, 0.6]],
        mask: vec![1.0],
    };
    let (_, by_centres, by_existence) = batch.results(&SetLossConfig::new().init(), DType::F64);
    assert_eq!(by_centres, [0.0, 0.0, 5.0, -5.0, 0.0, 0.0]);
    let expected = [0.5, -0.5, 0.5];
    assert!(
        by_existence.iter().zip(expected).all(|(got, want)| (got - want).abs() < 1e-12),
        "{by_existence:?}"
    );
}

#[test]
fn a_confident_query_is_matched_before_a_nearer_one() {
    let mut batch = Batch {
        queries: 2,
        places: 1,
        centres: vec![[0.5, 0.5], [0.55, 0.5]],
        existence: vec![-4.0, 4.0],
        targets: vec![[0.5, 0.5]],
        mask: vec![1.0],
    };
    let matched = |batch: &Batch| {
        let (_, _, by_existence) = batch.results(&SetLossConfig::new().init(), DType::F64);
        by_existence.iter().map(|&slope| slope < 0.0).collect::<Vec<bool>>()
    };
    // 5 x 0.05 more distance, 0.96 more probability.
    assert_eq!(matched(&batch), [false, true]);
    batch.existence = vec![0.0, 0.0];
    assert_eq!(matched(&batch), [true, false]);
}

#[test]
fn extreme_logits_stay_finite_and_what_is_no_number_shows() {
    let mut batch = Batch::random(25, 4, 3, 3);
    for (i, logit) in batch.existence.iter_mut().enumerate() {
        *logit = if i % 2 == 0 { 1e4 } else { -1e4 };
    }
    let loss = SetLossConfig::new().init();
    for dtype in [DType::F32, DType::F64] {
        let (value, by_centres, by_existence) = batch.results(&loss, dtype);
        assert!(
            value.is_finite()
                && by_centres.iter().chain(&by_existence).all(|slope| slope.is_finite())
        );
    }
    batch.centres[4] = [f64::NAN; 2];
    assert!(batch.value(&loss, DType::F32).is_nan());
}

#[test]
fn twenty_gradient_steps_lower_it() {
    let mut batch = Batch::random(26, 8, 4, 4);
    let loss = SetLossConfig::new().init();
    let before = batch.value(&loss, DType::F64);
    for _ in 0..20 {
        let (_, by_centres, by_existence) = batch.results(&loss, DType::F64);
        for (centre, slope) in batch.centres.as_flattened_mut().iter_mut().zip(by_centres) {
            *centre -= 0.02 * slope;
        }
        for (logit, slope) in batch.existence.iter_mut().zip(by_existence) {
            *logit -= slope;
        }
    }
    let after = batch.value(&loss, DType::F64);
    assert!(after < 0.8 * before, "{after} after {before}");
}

#[test]
#[should_panic(expected = "has 2 targets for 1 queries")]
fn more_targets_than_queries_are_refused() {
    let device = Device::flex();
    let (centres, targets) =
        (Tensor::<3>::zeros([1, 1, 2], &device), Tensor::<3>::zeros([1, 2, 2], &device));
    let (existence, mask) =
        (Tensor::<2>::zeros([1, 1], &device), Tensor::<2>::ones([1, 2], &device));
    SetLossConfig::new().init().forward(centres, existence, targets, mask);
}

#[test]
#[should_panic(expected = "one existence logit per query")]
fn logits_that_do_not_fit_are_refused() {
    let device = Device::flex();
    let (points, mask) =
        (Tensor::<3>::zeros([2, 3, 2], &device), Tensor::<2>::ones([2, 3], &device));
    SetLossConfig::new().init().forward(
        points.clone(),
        Tensor::<2>::zeros([2, 2], &device),
        points,
        mask,
    );
}

#[test]
#[should_panic(expected = "absent_weight must be")]
fn a_negative_weight_is_refused() {
    SetLossConfig::new().with_absent_weight(-0.1).init();
}
