//! All losses against loops in float64: values and gradients, with labels, with a bank, with a
//! learnt temperature.

mod edges;

use burn::optim::{GradientsParams, SgdConfig};
use burn::tensor::{DType, Device, Distribution, Int, Tensor, TensorData};

use super::reference::Batch;
use super::*;
use crate::loss::{BankRows, Negatives};
use crate::loss::{NtXentConfig, SupConConfig};

fn loss(name: ContrastiveLossName) -> ContrastiveLoss {
    ContrastiveLossConfig { name, ..ContrastiveLossConfig::default() }.init()
}

fn tensor(rows: &[Vec<f64>], device: &Device, dtype: DType) -> Tensor<2> {
    let data = TensorData::new(rows.concat(), [rows.len(), rows[0].len()]).convert_dtype(dtype);
    Tensor::from_data(data, (device, dtype))
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.into_data().convert::<f64>().try_to_vec::<f64>().expect("f64")
}

impl Batch {
    /// Random rows; labels of three classes, so that some pairs share one.
    fn random(pairs: usize, dim: usize, bank: usize, labelled: bool) -> Self {
        let device = Device::flex();
        let rows = |rows: usize| -> Vec<Vec<f64>> {
            let random =
                Tensor::<2>::random([rows.max(1), dim], Distribution::Normal(0.1, 1.5), &device);
            values(random).chunks_exact(dim).take(rows).map(<[f64]>::to_vec).collect()
        };
        let bank = rows(bank).into_iter().enumerate().map(|(at, row)| {
            let length = row.iter().map(|value| value * value).sum::<f64>().sqrt();
            (row.iter().map(|value| value / length).collect(), (at * 7 % 5) as i64)
        });
        let labels = labelled.then(|| (0..pairs).map(|pair| pair * pair % 3).collect());
        let (z0, z1, bank) = (rows(pairs), rows(pairs), bank.collect());
        Self { z0, z1, labels, bank, negatives: Vec::new(), negative_weight: 1.0 }
    }

    /// With so many negatives, of the classes of the pairs in turn.
    fn with_negatives(mut self, number: usize, negative_weight: f64) -> Self {
        let dim = self.z0[0].len();
        let random =
            Tensor::<2>::random([number, dim], Distribution::Normal(0.1, 1.5), &Device::flex());
        let labels = self.labels.as_ref().expect("labels");
        let of = |(at, row): (usize, &[f64])| (row.to_vec(), labels[at % labels.len()]);
        self.negatives = values(random).chunks_exact(dim).enumerate().map(of).collect();
        Self { negative_weight, ..self }
    }

    /// Leaves, those of negatives last if there are any, and the projections made of them. The bank
    /// lies on the inner device.
    fn projections(&self, device: &Device, dtype: DType) -> (Vec<Tensor<2>>, Projections) {
        let (rows, labels): (Vec<Vec<f64>>, Vec<usize>) = self.negatives.iter().cloned().unzip();
        let all = [&self.z0, &self.z1, &rows].into_iter().filter(|rows| !rows.is_empty());
        let leaves: Vec<Tensor<2>> = all.map(|z| tensor(z, device, dtype).require_grad()).collect();
        let negatives = leaves.get(2).map(|rows| Negatives { rows: rows.clone(), labels });
        let bank = (!self.bank.is_empty()).then(|| {
            let (rows, labels): (Vec<Vec<f64>>, Vec<i64>) = self.bank.iter().cloned().unzip();
            let device = device.clone().without_autodiff();
            let labels = Tensor::<1, Int>::from_data(
                TensorData::new(labels.clone(), [labels.len()]),
                &device,
            );
            BankRows { rows: tensor(&rows, &device, dtype), labels }
        });
        let projections = Projections::new(leaves[0].clone(), leaves[1].clone()).with_bank(bank);
        let projections =
            Projections { labels: self.labels.clone(), ..projections.with_negatives(negatives) };
        (leaves, projections)
    }
}

/// Everything that the loss gives, against the reference.
fn compare(
    name: ContrastiveLossName,
    batch: &Batch,
    temperature: f64,
    dtype: DType,
    tolerance: f64,
) {
    let device = Device::flex().autodiff();
    let (bank, negatives) = (batch.bank.len(), batch.negatives.len());
    let what = format!(
        "{name}, {dtype:?} at {temperature}, {bank} of bank, {negatives} negatives, {:?}",
        batch.labels
    );
    let loss = ContrastiveLossConfig {
        name,
        negative_weight: batch.negative_weight,
        ..Default::default()
    }
    .init();
    let (expected, top1) = batch.loss(name, temperature, &batch.weights());
    let gradient = batch.gradient(name, temperature);
    let largest = gradient.iter().fold(1e-3_f64, |largest, value| largest.max(value.abs()));
    for learnt in [false, true] {
        let parameter =
            Tensor::<1>::from_data(TensorData::new(vec![temperature], [1]), (&device, dtype));
        let parameter = parameter.require_grad();
        let given = if learnt {
            Temperature::Learned(parameter.clone())
        } else {
            Temperature::Fixed(temperature)
        };
        let (leaves, projections) = batch.projections(&device, dtype);
        let output = loss.forward(projections, given);
        // As GradCache does it: leaves in, their gradients out.
        let gradients = output.loss.backward();
        let value: f64 = output.loss.into_scalar();
        assert!(
            (value - expected).abs() < tolerance * expected.abs().max(1.0),
            "{what}: {value} is not {expected}"
        );
        assert!((output.top1.into_scalar::<f64>() - top1).abs() < 1e-6, "{what}");
        let got: Vec<f64> = leaves
            .iter()
            .flat_map(|leaf| values(leaf.grad(&gradients).expect("a gradient")))
            .collect();
        assert_eq!(got.len(), gradient.len());
        for (got, want) in got.iter().zip(&gradient) {
            assert!(
                (got - want).abs() < tolerance.max(1e-7) * largest,
                "{what}: {got} is not {want}"
            );
        }
        let got = parameter.grad(&gradients).map(|gradient| gradient.into_scalar::<f64>());
        assert_eq!(got.is_some(), learnt);
        let want = batch.gradient_of_temperature(name, temperature);
        let wrong = got.map_or(0.0, |got| (got - want).abs());
        assert!(wrong < tolerance.max(1e-7) * want.abs().max(1.0), "{what}: {got:?} is not {want}");
    }
}

#[test]
fn values_and_gradients_are_those_of_loops_in_float64() {
    Device::flex().seed(11);
    for &name in ContrastiveLossName::ALL {
        for (pairs, dim, bank, labelled) in
            [(2, 3, 0, true), (6, 4, 0, true), (6, 4, 9, true), (5, 3, 1, true), (4, 5, 8, false)]
        {
            if name == ContrastiveLossName::SupCon && !labelled {
                continue;
            }
            let batch = Batch::random(pairs, dim, bank, labelled);
            for temperature in [0.1, 0.5] {
                compare(name, &batch, temperature, DType::F64, 1e-10);
                compare(name, &batch, temperature, DType::F32, 3e-5);
            }
        }
    }
}

#[test]
fn negatives_are_seen_by_all_rows_and_count_several_times_for_their_class() {
    Device::flex().seed(14);
    for &name in ContrastiveLossName::ALL {
        for (bank, number, weight) in [(0, 6, 1.0), (0, 12, 4.0), (5, 7, 4.0), (0, 3, 0.25)] {
            let batch = Batch::random(6, 4, bank, true).with_negatives(number, weight);
            compare(name, &batch, 0.1, DType::F64, 1e-10);
            compare(name, &batch, 0.5, DType::F32, 3e-5);
        }
    }
}

#[test]
#[should_panic(expected = "need the classes of the pairs")]
fn negatives_without_labels_are_refused() {
    let z = Tensor::<2>::ones([2, 3], &Device::flex());
    let negatives = Some(Negatives { rows: z.clone(), labels: vec![0, 1] });
    let projections = Projections::new(z.clone(), z).with_negatives(negatives);
    loss(ContrastiveLossName::NtXent).forward(projections, Temperature::Fixed(0.5));
}

#[test]
fn golden_values_of_nt_xent_and_sup_con() {
    const GOLDEN: [(f64, f64, f64); 3] = [
        (0.07, 14.033745029042509, 18.429601902476747),
        (0.1, 9.825555830191218, 12.902655641595187),
        (0.5, 2.4868733836076036, 3.102293345888397),
    ];
    let rows = |f: fn(f64) -> f64| {
        (0..4).map(|i| (0..3).map(|j| f((3 * i + j + 1) as f64)).collect()).collect()
    };
    let batch = Batch {
        z0: rows(f64::sin),
        z1: rows(f64::cos),
        labels: Some(vec![0, 0, 1, 1]),
        bank: Vec::new(),
        negatives: Vec::new(),
        negative_weight: 1.0,
    };
    let device = Device::flex();
    for (temperature, nt_xent, sup_con) in GOLDEN {
        for (name, golden) in
            [(ContrastiveLossName::NtXent, nt_xent), (ContrastiveLossName::SupCon, sup_con)]
        {
            assert!((batch.loss(name, temperature, &[]).0 - golden).abs() < 1e-12);
            for (dtype, tolerance) in [(DType::F32, 1e-5), (DType::F64, 1e-12)] {
                let learnt =
                    Tensor::from_data(TensorData::new(vec![temperature], [1]), (&device, dtype));
                for given in [Temperature::Fixed(temperature), Temperature::Learned(learnt)] {
                    let projections = Projections::new(
                        tensor(&batch.z0, &device, dtype),
                        tensor(&batch.z1, &device, dtype),
                    );
                    let output =
                        loss(name).forward(projections.with_labels(vec![0, 0, 1, 1]), given);
                    let value: f64 = output.loss.into_scalar();
                    assert!(
                        (value - golden).abs() < tolerance * golden,
                        "{name} {dtype:?} at {temperature}: {value}"
                    );
                }
            }
        }
    }
}

#[test]
fn the_fast_path_composed_operations_and_the_older_losses_agree() {
    let device = Device::flex().autodiff();
    device.seed(12);
    let batch = Batch::random(40, 16, 0, true);
    for temperature in [0.07, 0.5] {
        let results = |name, composed: bool| {
            let (leaves, projections) = batch.projections(&device, DType::F32);
            let given = Temperature::Fixed(temperature);
            let output = if composed {
                loss(name).composed(projections, given)
            } else {
                loss(name).forward(projections, given)
            };
            let gradients = output.loss.backward();
            let of = |leaf: &Tensor<2>| values(leaf.grad(&gradients).expect("a gradient"));
            let gradient: Vec<f64> = leaves.iter().flat_map(of).collect();
            (output.loss.into_scalar::<f64>(), output.top1.into_scalar::<f64>(), gradient)
        };
        let (fast, composed) = (
            results(ContrastiveLossName::NtXent, false),
            results(ContrastiveLossName::NtXent, true),
        );
        assert!((fast.0 - composed.0).abs() < 1e-5 * fast.0);
        assert_eq!(fast.1, composed.1);
        let largest = fast.2.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
        for (fast, composed) in fast.2.iter().zip(&composed.2) {
            assert!((fast - composed).abs() < 2e-5 * largest, "{fast} is not {composed}");
        }
        let (z0, z1) =
            (tensor(&batch.z0, &device, DType::F32), tensor(&batch.z1, &device, DType::F32));
        let older = NtXentConfig::new().with_temperature(temperature).init();
        assert_eq!(older.forward(z0.clone(), z1.clone()).into_scalar::<f64>(), fast.0);
        let older = SupConConfig::new().with_temperature(temperature).init();
        let older: f64 =
            older.forward(z0, z1, batch.labels.as_deref().expect("labels")).into_scalar();
        assert!((older - results(ContrastiveLossName::SupCon, false).0).abs() < 1e-5 * older);
    }
}

#[test]
fn false_negatives_of_the_bank_are_left_out_and_positives_of_sup_con() {
    let device = Device::flex();
    let z = |rows: [[f32; 2]; 2]| Tensor::<2>::from_floats(rows, &device);
    let views = || Projections::new(z([[1.0, 0.1], [0.0, 1.0]]), z([[1.0, 0.0], [0.1, 1.0]]));
    // Right beside pair 0, and twice opposite of everything.
    let rows = Tensor::<2>::from_floats([[1.0, 0.0], [-1.0, 0.0], [0.0, -1.0]], &device);
    let bank = |labels: [i64; 3]| {
        Some(BankRows { rows: rows.clone(), labels: Tensor::from_ints(labels, &device) })
    };
    let value = |name, labels: [usize; 2], bank| -> f64 {
        let projections = views().with_labels(labels.to_vec()).with_bank(bank);
        loss(name).forward(projections, Temperature::Fixed(0.1)).loss.into_scalar()
    };
    for name in [ContrastiveLossName::NtXent, ContrastiveLossName::Dcl, ContrastiveLossName::Dclw] {
        let none = value(name, [4, 4], None);
        let (own, foreign) =
            (value(name, [4, 4], bank([4, 4, 4])), value(name, [4, 4], bank([9, 4, 4])));
        assert!(
            (own - none).abs() < 1e-5,
            "{name}: a bank of nothing but false negatives, {own}, is none, {none}"
        );
        assert!(foreign > none + 0.3, "{name}: {none} {foreign}");
        // Of pair 0 alone the near row is a false negative.
        assert!(
            value(name, [4, 5], bank([4, 9, 9])) + 0.3 < value(name, [4, 5], bank([9, 9, 9])),
            "{name}"
        );
    }
    let sup_con = |labels| value(ContrastiveLossName::SupCon, [4, 5], bank(labels));
    assert!(sup_con([4, 9, 9]) < sup_con([9, 9, 9]));
    assert!(sup_con([9, 4, 9]) > sup_con([9, 9, 9]));
}

#[test]
fn a_memory_bank_and_a_learnt_temperature_train_together() {
    for device in [Device::flex().autodiff(), Device::flex().autodiff().gradient_checkpointing()] {
        device.seed(13);
        ContrastiveLossName::ALL.iter().for_each(|&name| train_together(name, &device));
    }
}

fn train_together(name: ContrastiveLossName, device: &Device) {
    let config = ContrastiveLossConfig {
        name,
        learnable_temperature: true,
        memory_bank: 12,
        ..Default::default()
    };
    let (loss, mut bank) = (config.init(), config.init_bank(6, device).expect("a bank"));
    let mut temperature = config.init_temperature(device).expect("a temperature");
    let mut optimizer = SgdConfig::new().init();
    let random = || Tensor::<2>::random([5, 6], Distribution::Normal(0.0, 1.0), device);
    for step in 0..4 {
        let (z0, z1) = (random().require_grad(), random());
        let labels = vec![0, 1, 2, 3, step];
        let projections =
            Projections::new(z0.clone(), z1).with_labels(labels.clone()).with_bank(bank.rows());
        let output = loss.forward(projections, temperature.temperature());
        let mut gradients = output.loss.backward();
        assert!(
            values(z0.grad(&gradients).expect("a gradient")).iter().all(|value| value.is_finite())
        );
        let own = GradientsParams::from_module(&mut gradients, &temperature);
        assert_eq!(own.len(), 1);
        temperature = optimizer.step(0.1, temperature, own).clamped();
        bank = bank.pushed(z0, &labels);
    }
    let temperature: f64 = temperature.value().into_scalar();
    // Random pairs: a higher temperature costs less.
    assert!(temperature > 0.5, "{name}: {temperature}");
    assert_eq!(bank.len(), 12);
}
