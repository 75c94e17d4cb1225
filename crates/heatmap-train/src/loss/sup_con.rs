//! SupCon: the supervised contrastive loss.
//!
//! Khosla et al. 2020, equation 2 (L_out): every other row of the same class is a positive, and the
//! logarithm is inside the mean over the positives. The SupContrast repository multiplies the loss
//! by temperature / 0.07; the paper and this implementation do not. If every class occurs as
//! exactly one pair, the loss equals NT-Xent.

use burn::config::Config;
use burn::tensor::Tensor;

use super::objective::ContrastiveObjective;
use super::projections::Projections;
use super::scores::{Positives, Scores};
use super::similarity::check_temperature;
use super::temperature::Temperature;

/// Configuration of [`SupCon`].
#[derive(Config, Debug)]
pub struct SupConConfig {
    /// Temperature that divides the cosine similarities; 0.1 in the paper.
    #[config(default = 0.1)]
    pub temperature: f64,
}

/// The SupCon loss, made by [`SupConConfig::init`].
#[derive(Debug, Clone)]
pub struct SupCon {
    temperature: f64,
}

impl SupConConfig {
    /// Creates the loss.
    ///
    /// # Panics
    /// Panics when the temperature is not positive.
    pub fn init(&self) -> SupCon {
        check_temperature(self.temperature);
        SupCon { temperature: self.temperature }
    }
}

impl SupCon {
    /// Computes the loss of two views of labelled samples.
    ///
    /// # Shapes
    /// - `z0`, `z1`: `[pairs, dim]`, not normalised; row i of both belongs to the same sample
    /// - `labels`: the class labels of the pairs, `[pairs]`
    /// - output: `[1]`, the mean over the 2 x `pairs` rows
    ///
    /// # Panics
    /// Panics when the shapes differ.
    pub fn forward(&self, z0: Tensor<2>, z1: Tensor<2>, labels: &[usize]) -> Tensor<1> {
        let projections = Projections::new(z0, z1).with_labels(labels.to_vec());
        Scores::new(projections, Temperature::Fixed(self.temperature), Positives::SameLabel)
            .cross_entropy()
    }
}

/// SupCon among the losses that are chosen by name.
#[derive(Debug, Clone, Copy)]
pub struct SupConObjective;

impl ContrastiveObjective for SupConObjective {
    fn positives(&self) -> Positives {
        Positives::SameLabel
    }

    fn loss(&self, scores: &Scores) -> Tensor<1> {
        scores.cross_entropy()
    }
}

#[cfg(test)]
mod tests {
    use super::super::NtXentConfig;
    use super::*;
    use burn::tensor::{DType, Device, Distribution, TensorData};

    fn naive(z: &[Vec<f64>], labels: &[usize], temperature: f64) -> f64 {
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let s = |i: usize, k: usize| {
            dot(&z[i], &z[k]) / (dot(&z[i], &z[i]) * dot(&z[k], &z[k])).sqrt() / temperature
        };
        let rows = z.len();
        let of_row = |i: usize| {
            let others = || (0..rows).filter(move |&k| k != i);
            let denominator = others().map(|k| s(i, k).exp()).sum::<f64>().ln();
            let positives: Vec<usize> = others().filter(|&k| labels[k] == labels[i]).collect();
            -positives.iter().map(|&p| s(i, p) - denominator).sum::<f64>() / positives.len() as f64
        };
        (0..rows).map(of_row).sum::<f64>() / rows as f64
    }

    fn golden_views() -> [Vec<Vec<f64>>; 2] {
        let rows = |f: fn(f64) -> f64| {
            (0..4).map(|i| (0..3).map(|j| f((3 * i + j + 1) as f64)).collect()).collect()
        };
        [rows(f64::sin), rows(f64::cos)]
    }

    #[test]
    fn formula_and_loss_give_the_golden_values() {
        let device = Device::flex();
        let [z0, z1] = golden_views();
        let labels = [0, 0, 1, 1];
        for (temperature, golden) in
            [(0.07, 18.429601902476747), (0.1, 12.902655641595187), (0.5, 3.102293345888397)]
        {
            let all: Vec<Vec<f64>> = z0.iter().chain(&z1).cloned().collect();
            assert!((naive(&all, &[labels, labels].concat(), temperature) - golden).abs() < 1e-12);
            for (dtype, tolerance) in [(DType::F32, 1e-5), (DType::F64, 1e-12)] {
                let tensor = |rows: &Vec<Vec<f64>>| {
                    let data = TensorData::new(rows.concat(), [4, 3]).convert_dtype(dtype);
                    Tensor::<2>::from_data(data, (&device, dtype))
                };
                let loss = SupConConfig::new().with_temperature(temperature).init();
                let loss: f64 = loss.forward(tensor(&z0), tensor(&z1), &labels).into_scalar();
                assert!(
                    (loss - golden).abs() < tolerance * golden,
                    "{dtype:?} at {temperature}: {loss}"
                );
            }
        }
    }

    #[test]
    fn with_distinct_labels_it_is_nt_xent() {
        let device = Device::flex();
        let z = || Tensor::<2>::random([5, 7], Distribution::Normal(0.0, 1.0), &device);
        let (z0, z1) = (z(), z());
        let sup_con: f32 = SupConConfig::new()
            .init()
            .forward(z0.clone(), z1.clone(), &[4, 1, 3, 0, 2])
            .into_scalar();
        let nt_xent: f32 =
            NtXentConfig::new().with_temperature(0.1).init().forward(z0, z1).into_scalar();
        assert!((sup_con - nt_xent).abs() < 1e-4 * nt_xent, "{sup_con} is not {nt_xent}");
    }

    #[test]
    fn names_of_classes_do_not_matter_and_one_pair_costs_nothing() {
        let device = Device::flex();
        let z = || Tensor::<2>::random([4, 7], Distribution::Normal(0.0, 1.0), &device);
        let (z0, z1) = (z(), z());
        let value = |labels| -> f32 {
            SupConConfig::new().init().forward(z0.clone(), z1.clone(), labels).into_scalar()
        };
        assert!((value(&[0, 0, 1, 2]) - value(&[9, 9, 3, 7])).abs() < 1e-6);
        let one = Tensor::<2>::from_floats([[1.0, 2.0]], &device);
        assert_eq!(
            SupConConfig::new().init().forward(one.clone(), one, &[0]).into_scalar::<f32>(),
            0.0
        );
    }

    #[test]
    fn it_is_finite_at_a_low_temperature() {
        let device = Device::flex().autodiff();
        let z0 = Tensor::<2>::ones([4, 8], &device).require_grad();
        let z1 = Tensor::<2>::ones([4, 8], &device) * -1.0;
        let loss = SupConConfig::new().with_temperature(0.01).init().forward(
            z0.clone(),
            z1,
            &[0, 0, 1, 1],
        );
        let gradient: f32 =
            z0.grad(&loss.backward()).expect("a gradient").abs().max().into_scalar();
        assert!(loss.into_scalar::<f32>().is_finite() && gradient.is_finite());
    }

    #[test]
    #[should_panic(expected = "one label per pair")]
    fn labels_that_do_not_fit_are_refused() {
        let z = Tensor::<2>::zeros([2, 3], &Device::flex());
        SupConConfig::new().init().forward(z.clone(), z, &[0]);
    }
}
