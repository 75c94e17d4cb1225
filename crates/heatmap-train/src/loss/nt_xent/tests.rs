//! NT-Xent against golden values, naive loops, and what must hold by theorem.

use burn::tensor::{DType, Device, Distribution, Tensor, TensorData};

use super::*;

fn naive(z0: &[Vec<f64>], z1: &[Vec<f64>], temperature: f64) -> f64 {
    let rows: Vec<&Vec<f64>> = z0.iter().chain(z1).collect();
    let n = z0.len();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let cosine = |a: &[f64], b: &[f64]| dot(a, b) / (dot(a, a) * dot(b, b)).sqrt();
    let mut sum = 0.0;
    for i in 0..2 * n {
        let positive = (i + n) % (2 * n);
        let others = (0..2 * n).filter(|&k| k != i);
        let denominator: f64 = others.map(|k| (cosine(rows[i], rows[k]) / temperature).exp()).sum();
        sum -= cosine(rows[i], rows[positive]) / temperature - denominator.ln();
    }
    sum / (2 * n) as f64
}

fn golden_views() -> [Vec<Vec<f64>>; 2] {
    let rows = |f: fn(f64) -> f64| {
        (0..4).map(|i| (0..3).map(|j| f((3 * i + j + 1) as f64)).collect()).collect()
    };
    [rows(f64::sin), rows(f64::cos)]
}

fn tensor(rows: &[Vec<f64>], device: &Device, dtype: DType) -> Tensor<2> {
    let data = TensorData::new(rows.concat(), [rows.len(), rows[0].len()]).convert_dtype(dtype);
    Tensor::from_data(data, (device, dtype))
}

/// Temperature, loss; reference in float64 by the formula of the paper.
const GOLDEN: [(f64, f64); 3] =
    [(0.07, 14.033745029042509), (0.1, 9.825555830191218), (0.5, 2.4868733836076036)];

#[test]
fn the_formula_gives_the_golden_values() {
    let [z0, z1] = golden_views();
    for (temperature, golden) in GOLDEN {
        assert!((naive(&z0, &z1, temperature) - golden).abs() < 1e-12);
    }
}

#[test]
fn the_loss_gives_the_golden_values_in_both_precisions() {
    let [z0, z1] = golden_views();
    let device = Device::flex();
    for (temperature, golden) in GOLDEN {
        for (dtype, tolerance) in [(DType::F32, 1e-5), (DType::F64, 1e-12)] {
            let loss = NtXentConfig::new().with_temperature(temperature).init();
            let loss: f64 = loss
                .forward(tensor(&z0, &device, dtype), tensor(&z1, &device, dtype))
                .into_scalar();
            assert!(
                (loss - golden).abs() < tolerance * golden,
                "{dtype:?} at {temperature}: {loss} is not {golden}"
            );
        }
    }
}

#[test]
fn the_gradient_gives_the_golden_values() {
    const GOLDEN_GRADIENT: [f64; 12] = [
        -0.20205562854912648,
        0.13327451050090022,
        0.34607267922329443,
        0.24907242222515824,
        -0.09430369094050739,
        -0.3509774255592233,
        -0.22907467888028654,
        0.039097556981471826,
        0.271323679262087,
        0.2826716040423125,
        -0.001332684393454353,
        -0.2841117089438683,
    ];
    let [z0, z1] = golden_views();
    let device = Device::flex().autodiff();
    let z0 = tensor(&z0, &device, DType::F32).require_grad();
    let z1 = tensor(&z1, &device, DType::F32);
    let gradients = NtXentConfig::new().init().forward(z0.clone(), z1).backward();
    let gradient = z0.grad(&gradients).expect("z0 has a gradient").into_data().convert::<f64>();
    for (got, want) in gradient.try_to_vec::<f64>().expect("f64").iter().zip(GOLDEN_GRADIENT) {
        assert!((got - want).abs() < 2e-6, "{got} is not {want}");
    }
}

#[test]
fn it_equals_naive_loops_on_random_views() {
    let device = Device::flex();
    for (pairs, dim, temperature) in [(1, 4, 0.5), (2, 3, 0.1), (7, 16, 0.2), (33, 8, 1.0)] {
        let z = [0, 1]
            .map(|_| Tensor::<2>::random([pairs, dim], Distribution::Normal(0.0, 2.0), &device));
        let rows = |z: &Tensor<2>| -> Vec<Vec<f64>> {
            let values = z.to_data().convert::<f64>().try_to_vec::<f64>().expect("f64");
            values.chunks(dim).map(<[f64]>::to_vec).collect()
        };
        let expected = naive(&rows(&z[0]), &rows(&z[1]), temperature);
        let [z0, z1] = z;
        let loss: f64 =
            NtXentConfig::new().with_temperature(temperature).init().forward(z0, z1).into_scalar();
        assert!((loss - expected).abs() < 1e-5 * expected.max(1.0), "{loss} is not {expected}");
    }
}

#[test]
fn views_are_interchangeable_and_lengths_do_not_matter() {
    let device = Device::flex();
    let [z0, z1] = golden_views().map(|rows| tensor(&rows, &device, DType::F32));
    let loss = NtXentConfig::new().init();
    let value = |z0: &Tensor<2>, z1: &Tensor<2>| -> f32 {
        loss.forward(z0.clone(), z1.clone()).into_scalar()
    };
    let plain = value(&z0, &z1);
    assert!((plain - value(&z1, &z0)).abs() < 1e-6);
    assert!((plain - value(&(z0.clone() * 1000.0), &(z1.clone() * 1e-3))).abs() < 1e-5);
}

#[test]
fn a_single_pair_costs_nothing_for_there_is_nothing_else_to_pick() {
    let device = Device::flex();
    let z = Tensor::<2>::from_floats([[1.0, 2.0]], &device);
    let output = NtXentConfig::new().init().forward_with_top1(z.clone(), z * -3.0);
    assert_eq!((output.loss.into_scalar::<f32>(), output.top1.into_scalar::<f32>()), (0.0, 1.0));
}

#[test]
fn it_is_finite_at_a_low_temperature_and_for_hostile_rows() {
    let device = Device::flex().autodiff();
    let same = Tensor::<2>::ones([4, 8], &device);
    let zeros = Tensor::<2>::zeros([4, 8], &device);
    let opposed = same.clone() * -1.0;
    let huge = same.clone() * 1e15;
    for temperature in [0.01, 0.5] {
        let loss = NtXentConfig::new().with_temperature(temperature).init();
        for (z0, z1) in [
            (&same, &same),
            (&same, &opposed),
            (&zeros, &same),
            (&zeros, &zeros),
            (&huge, &opposed),
        ] {
            let z0 = z0.clone().require_grad();
            let value = loss.forward(z0.clone(), z1.clone());
            let gradient = z0.grad(&value.backward()).expect("z0 has a gradient");
            let value: f32 = value.into_scalar();
            assert!(value.is_finite(), "loss at {temperature}");
            let largest: f32 = gradient.abs().max().into_scalar();
            assert!(largest.is_finite(), "gradient at {temperature}");
        }
    }
}

#[test]
fn random_rows_cost_the_logarithm_of_the_choices() {
    let device = Device::flex();
    device.seed(3);
    let z = || Tensor::<2>::random([8, 20_000], Distribution::Normal(0.0, 1.0), &device);
    let loss: f64 = NtXentConfig::new().init().forward(z(), z()).into_scalar();
    assert!((loss - 15_f64.ln()).abs() < 0.05, "{loss}");
}

#[test]
fn top1_counts_rows_whose_pair_is_nearest() {
    let device = Device::flex();
    // Pair 0 is together; the second view of pair 1 lies nearer to pair 0 than to its own first
    // view.
    let z0 = Tensor::<2>::from_floats([[1.0, 0.0], [0.0, 1.0]], &device);
    let z1 = Tensor::<2>::from_floats([[1.0, 0.01], [1.0, 0.3]], &device);
    let top1: f32 = NtXentConfig::new().init().forward_with_top1(z0, z1).top1.into_scalar();
    // Right: both rows of pair 0, and the first view of pair 1; wrong: its second view.
    assert_eq!(top1, 0.75);
}

#[test]
fn twenty_gradient_steps_lower_it() {
    let device = Device::flex().autodiff();
    device.seed(5);
    let loss = NtXentConfig::new().init();
    let mut z0: Tensor<2> = Tensor::random([6, 8], Distribution::Normal(0.0, 1.0), &device);
    let z1: Tensor<2> = Tensor::random([6, 8], Distribution::Normal(0.0, 1.0), &device);
    let value = |z0: &Tensor<2>| -> f32 { loss.forward(z0.clone(), z1.clone()).into_scalar() };
    let before = value(&z0);
    for _ in 0..20 {
        let leaf = z0.clone().detach().require_grad();
        let gradients = loss.forward(leaf.clone(), z1.clone()).backward();
        z0 = leaf.clone() - Tensor::from_inner(leaf.grad(&gradients).expect("a gradient")) * 2.0;
    }
    assert!(value(&z0) < before - 0.5, "{} after {before}", value(&z0));
}

#[test]
#[should_panic(expected = "both views need the same shape")]
fn views_of_different_shapes_are_refused() {
    let device = Device::flex();
    NtXentConfig::new()
        .init()
        .forward(Tensor::zeros([2, 3], &device), Tensor::zeros([3, 3], &device));
}

#[test]
#[should_panic(expected = "temperature must be positive")]
fn a_temperature_of_zero_is_refused() {
    NtXentConfig::new().with_temperature(0.0).init();
}

#[test]
fn the_fused_loss_is_that_of_burns_operations() {
    let device = Device::flex().autodiff();
    device.seed(4);
    for (pairs, dim, temperature) in [(1, 3, 0.5), (5, 7, 0.1), (101, 128, 0.5), (64, 33, 0.05)] {
        let rows = Tensor::<2>::random([2 * pairs, dim], Distribution::Normal(0.1, 2.0), &device)
            .require_grad();
        let fused = ops::nt_xent(&rows, temperature).expect("on Flex");
        let fused = NtXentOutput { loss: fused.0, top1: fused.1 };
        let results = |output: NtXentOutput| {
            let gradients = (output.loss.clone() * 3.0).backward();
            let gradient = rows
                .grad(&gradients)
                .expect("a gradient")
                .into_data()
                .try_to_vec::<f32>()
                .expect("f32");
            (output.loss.into_scalar::<f32>(), output.top1.into_scalar::<f32>(), gradient)
        };
        let (ours, theirs) =
            (results(fused), results(composed(Projections::of_views(rows.clone()), temperature)));
        assert!(
            (ours.0 - theirs.0).abs() < 1e-5 * theirs.0.max(1.0),
            "{} is not {}",
            ours.0,
            theirs.0
        );
        assert_eq!(ours.1, theirs.1);
        let largest = theirs.2.iter().fold(1e-6_f32, |largest, value| largest.max(value.abs()));
        for (ours, theirs) in ours.2.iter().zip(&theirs.2) {
            assert!((ours - theirs).abs() < 2e-5 * largest, "{ours} is not {theirs}");
        }
    }
}
