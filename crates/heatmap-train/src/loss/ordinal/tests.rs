//! CORAL and CORN against coral-pytorch, naive loops, finite differences, and what must hold by
//! theorem.

use burn::tensor::{DType, Device, TensorData};
use heatmap_core::sample_rng;
use rand::RngExt;

use super::*;

type Loss = fn(Tensor<2>, Tensor<1, Int>) -> Tensor<1>;

const CORAL: Loss = |logits, classes| Coral.forward(logits, classes);
const CORN: Loss = |logits, classes| Corn.forward(logits, classes);

fn tensor(values: &[f64], questions: usize, device: &Device, dtype: DType) -> Tensor<2> {
    let data = TensorData::new(values.to_vec(), [values.len() / questions, questions]);
    Tensor::from_data(data, (device, dtype))
}

fn labels(classes: &[usize], device: &Device) -> Tensor<1, Int> {
    let classes: Vec<i64> = classes.iter().map(|&class| class as i64).collect();
    let batch = classes.len();
    Tensor::from_data(TensorData::new(classes, [batch]), device)
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.into_data().convert::<f64>().try_to_vec::<f64>().expect("f64")
}

/// Logits from -3 to 3 and classes that fit.
fn random(seed: u64, batch: usize, questions: usize) -> (Vec<f64>, Vec<usize>) {
    let mut rng = sample_rng(seed, 0);
    let logits = (0..batch * questions).map(|_| rng.random_range(-3.0..3.0)).collect();
    (logits, (0..batch).map(|_| rng.random_range(0..=questions)).collect())
}

fn probability(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}

fn naive_coral(logits: &[f64], classes: &[usize]) -> f64 {
    let questions = logits.len() / classes.len();
    let mut sum = 0.0;
    for (i, &class) in classes.iter().enumerate() {
        for k in 0..questions {
            let more = probability(logits[i * questions + k]);
            sum -= if class > k { more.ln() } else { (1.0 - more).ln() };
        }
    }
    sum / classes.len() as f64
}

fn naive_corn(logits: &[f64], classes: &[usize]) -> f64 {
    let questions = logits.len() / classes.len();
    let (mut sum, mut asked) = (0.0, 0_u32);
    for k in 0..questions {
        for (i, &class) in classes.iter().enumerate() {
            if class >= k {
                let more = probability(logits[i * questions + k]);
                sum -= if class > k { more.ln() } else { (1.0 - more).ln() };
                asked += 1;
            }
        }
    }
    sum / f64::from(asked)
}

#[test]
fn both_give_the_values_of_coral_pytorch() {
    let device = Device::flex();
    // The example in its documentation, which prints 0.6920 for CORAL, and 2 sin(1), 2 sin(2), ...;
    // in float64.
    let example = vec![2.1, 1.8, -2.1, -1.8, 1.9, -1.0, -1.5, -1.3, 1.9, 1.8, 1.7, 1.6];
    let sines: Vec<f64> = (1..=24_u32).map(|i| 2.0 * f64::from(i).sin()).collect();
    let cases = [
        (example, vec![2, 1, 4], 0.6920385280374086, 0.16452402686337858),
        (sines, vec![0, 1, 2, 2, 3, 4], 4.443569462866895, 1.1322868038380156),
    ];
    for (logits, classes, coral, corn) in cases {
        assert!((naive_coral(&logits, &classes) - coral).abs() < 1e-12);
        assert!((naive_corn(&logits, &classes) - corn).abs() < 1e-12);
        for (dtype, tolerance) in [(DType::F32, 1e-5), (DType::F64, 1e-12)] {
            for (loss, golden) in [(CORAL, coral), (CORN, corn)] {
                let loss: f64 = loss(tensor(&logits, 4, &device, dtype), labels(&classes, &device))
                    .into_scalar();
                assert!(
                    (loss - golden).abs() < tolerance * golden.max(1.0),
                    "{dtype:?}: {loss} is not {golden}"
                );
            }
        }
    }
}

#[test]
fn both_equal_naive_loops_on_random_logits() {
    let device = Device::flex();
    for (seed, (batch, questions)) in [(1, 1), (1, 5), (7, 1), (16, 20)].into_iter().enumerate() {
        let (logits, classes) = random(seed as u64, batch, questions);
        for (loss, naive) in
            [(CORAL, naive_coral(&logits, &classes)), (CORN, naive_corn(&logits, &classes))]
        {
            let loss =
                loss(tensor(&logits, questions, &device, DType::F32), labels(&classes, &device));
            let loss: f64 = loss.into_scalar();
            assert!((loss - naive).abs() < 1e-5 * naive.max(1.0), "{loss} is not {naive}");
        }
    }
}

#[test]
fn of_two_classes_both_are_binary_cross_entropy() {
    let device = Device::flex();
    let loss = |loss: Loss| -> f64 {
        loss(tensor(&[0.0, 2.0], 1, &device, DType::F64), labels(&[1, 0], &device)).into_scalar()
    };
    let expected = (2.0_f64.ln() + (1.0 + 2.0_f64.exp()).ln()) / 2.0;
    assert!((loss(CORAL) - expected).abs() < 1e-12 && (loss(CORN) - expected).abs() < 1e-12);
}

#[test]
fn gradients_are_those_of_finite_differences() {
    const STEP: f64 = 1e-5;
    let device = Device::flex().autodiff();
    let (logits, classes) = random(4, 5, 3);
    for loss in [CORAL, CORN] {
        let leaf = tensor(&logits, 3, &device, DType::F64).require_grad();
        let gradients = loss(leaf.clone(), labels(&classes, &device)).backward();
        let gradient = values(leaf.grad(&gradients).expect("a gradient"));
        for (i, gradient) in gradient.into_iter().enumerate() {
            let moved = |by: f64| -> f64 {
                let mut logits = logits.clone();
                logits[i] += by;
                loss(tensor(&logits, 3, &device, DType::F64), labels(&classes, &device))
                    .into_scalar()
            };
            let slope = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
            assert!((gradient - slope).abs() < 1e-8, "logit {i}: {gradient} is not {slope}");
        }
    }
}

#[test]
fn extreme_logits_cost_what_they_must_and_have_gradients() {
    let device = Device::flex().autodiff();
    for dtype in [DType::F32, DType::F64] {
        // Rows of class 0 and of class 2, all "yes" and all "no".
        let logits = tensor(&[1e4, 1e4, -1e4, -1e4], 2, &device, dtype);
        let of = |loss: Loss, classes: [usize; 2]| -> f64 {
            let leaf = logits.clone().detach().require_grad();
            let value = loss(leaf.clone(), labels(&classes, &device));
            let gradient = values(leaf.grad(&value.backward()).expect("a gradient"));
            assert!(gradient.iter().all(|slope| slope.is_finite()), "{gradient:?}");
            value.into_scalar()
        };
        assert_eq!([of(CORAL, [2, 0]), of(CORAL, [0, 2])], [0.0, 2e4]);
        // Of class 0 only the first question is asked: three answers, all wrong.
        assert_eq!(of(CORN, [2, 0]), 0.0);
        assert!((of(CORN, [0, 2]) - 1e4).abs() < 1e-2);
    }
}

#[test]
fn probabilities_of_coral_are_differences_and_never_negative() {
    let device = Device::flex();
    let of = |logits: &[f64]| values(Coral.probabilities(tensor(logits, 2, &device, DType::F64)));
    let ordered = of(&[1.0, -0.5]);
    let expected =
        [1.0 - probability(1.0), probability(1.0) - probability(-0.5), probability(-0.5)];
    assert!(
        ordered.iter().zip(expected).all(|(got, want)| (got - want).abs() < 1e-12),
        "{ordered:?}"
    );
    // Out of order: class 1 has nothing, and the others share what is left.
    let crossed = of(&[-0.5, 1.0]);
    let sum = 1.0 - probability(-0.5) + probability(1.0);
    let expected = [(1.0 - probability(-0.5)) / sum, 0.0, probability(1.0) / sum];
    assert!(
        crossed.iter().zip(expected).all(|(got, want)| (got - want).abs() < 1e-12),
        "{crossed:?}"
    );
    assert_eq!(of(&[1e4, -1e4, -1e4, 1e4]), [0.0, 1.0, 0.0, 0.5, 0.0, 0.5]);
}

#[test]
fn the_loss_of_corn_is_the_likelihood_of_its_probabilities() {
    let device = Device::flex();
    let (logits, classes) = random(5, 9, 4);
    let probabilities = values(Corn.probabilities(tensor(&logits, 4, &device, DType::F64)));
    let rows: Vec<&[f64]> = probabilities.chunks(5).collect();
    assert!(rows.iter().all(|row| (row.iter().sum::<f64>() - 1.0).abs() < 1e-12));
    let likelihood: f64 = rows.iter().zip(&classes).map(|(row, &class)| -row[class].ln()).sum();
    let asked: usize = classes.iter().map(|class| (class + 1).min(4)).sum();
    let loss: f64 = Corn
        .forward(tensor(&logits, 4, &device, DType::F64), labels(&classes, &device))
        .into_scalar();
    assert!(
        (loss * asked as f64 - likelihood).abs() < 1e-10,
        "{loss} over {asked} is not {likelihood}"
    );
    let extreme = tensor(&[1e4, -1e4, -1e4, 1e4, 1e4, 1e4], 2, &device, DType::F32);
    assert_eq!(values(Corn.probabilities(extreme)), [0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
}

#[test]
fn twenty_gradient_steps_lower_both() {
    let device = Device::flex().autodiff();
    let (logits, classes) = random(6, 8, 5);
    for loss in [CORAL, CORN] {
        let mut logits = tensor(&logits, 5, &device, DType::F32);
        let value = |logits: &Tensor<2>| -> f64 {
            loss(logits.clone(), labels(&classes, &device)).into_scalar()
        };
        let before = value(&logits);
        for _ in 0..20 {
            let leaf = logits.detach().require_grad();
            let gradients = loss(leaf.clone(), labels(&classes, &device)).backward();
            logits =
                leaf.clone() - Tensor::from_inner(leaf.grad(&gradients).expect("a gradient")) * 8.0;
        }
        assert!(value(&logits) < 0.5 * before, "{} after {before}", value(&logits));
    }
}

#[test]
#[should_panic(expected = "one class per row of logits")]
fn classes_that_do_not_fit_are_refused() {
    let device = Device::flex();
    Coral.forward(Tensor::zeros([3, 2], &device), labels(&[0, 1], &device));
}

#[test]
#[should_panic(expected = "need two classes")]
fn logits_of_a_single_class_are_refused() {
    let device = Device::flex();
    Corn.forward(Tensor::zeros([2, 0], &device), labels(&[0, 0], &device));
}
