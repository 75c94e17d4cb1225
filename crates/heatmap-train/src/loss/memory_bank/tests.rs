//! The bank against a queue of the standard library, through records, optimisers and both kinds of
//! device.

use std::collections::VecDeque;

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::optim::{AdamWConfig, GradientsParams};
use burn::store::ModuleRecord;
use burn::tensor::{Device, Distribution, Tensor};

use super::*;

fn content(bank: &MemoryBank) -> Option<(Vec<f32>, Vec<i64>)> {
    bank.rows().map(|BankRows { rows, labels }| {
        let labels = labels.into_data().convert::<i64>().try_to_vec::<i64>().expect("i64");
        (rows.into_data().try_to_vec::<f32>().expect("f32"), labels)
    })
}

fn random(rows: usize, device: &Device) -> Tensor<2> {
    Tensor::random([rows, 3], Distribution::Normal(0.0, 2.0), device)
}

#[test]
fn it_is_a_queue_of_unit_rows() {
    for device in [
        Device::flex(),
        Device::flex().autodiff(),
        Device::flex().autodiff().gradient_checkpointing(),
    ] {
        let mut bank = MemoryBank::new(7, 3, &device);
        assert!(bank.rows().is_none() && bank.is_empty());
        let mut queue: VecDeque<(Vec<f32>, i64)> = VecDeque::new();
        // Fills it in parts, overflows it, and pushes as much as it holds, more, nothing and one
        // row.
        for (step, count) in [2, 3, 4, 7, 11, 0, 1].into_iter().enumerate() {
            let rows =
                if count == 0 { Tensor::zeros([0, 3], &device) } else { random(count, &device) };
            let labels: Vec<usize> = (0..count).map(|at| 100 * step + at).collect();
            let values = rows.to_data().try_to_vec::<f32>().expect("f32");
            for (row, &label) in values.chunks_exact(3).zip(&labels) {
                let length = row.iter().map(|value| value * value).sum::<f32>().sqrt();
                queue.push_front((row.iter().map(|value| value / length).collect(), label as i64));
            }
            queue.truncate(7);
            bank = bank.pushed(rows, &labels);
            let (rows, labels) = content(&bank).expect("rows");
            assert_eq!(labels, queue.iter().map(|(_, label)| *label).collect::<Vec<_>>());
            assert_eq!(bank.len(), queue.len());
            for (ours, theirs) in rows.iter().zip(queue.iter().flat_map(|(row, _)| row)) {
                assert!((ours - theirs).abs() < 1e-6);
            }
        }
    }
}

#[test]
fn its_record_holds_it_bit_by_bit() {
    let device = Device::flex().autodiff();
    let rows = |at: u64| {
        device.seed(at);
        random(3, &device)
    };
    let bank =
        MemoryBank::new(8, 3, &device).pushed(rows(1), &[1, 2, 3]).pushed(rows(2), &[4, 5, 6]);
    let record = bank.clone().into_record().into_bytes().expect("a record");
    // Into a bank with other rows, more of them.
    let other = MemoryBank::new(8, 3, &device).pushed(random(8, &device), &[9; 8]);
    let loaded = other.load_record(ModuleRecord::from_bytes(record).expect("a record"));
    assert_eq!(content(&loaded), content(&bank));
    assert_eq!(loaded.len(), 6);
    let next = |bank: MemoryBank| content(&bank.pushed(rows(3), &[7, 8, 9]));
    assert_eq!(next(loaded), next(bank));
    let fresh = MemoryBank::new(8, 3, &device).into_record();
    assert!(
        MemoryBank::new(8, 3, &device).pushed(rows(1), &[1, 2, 3]).load_record(fresh).is_empty()
    );
}

#[derive(Module, Debug)]
struct Network {
    linear: Linear,
    bank: MemoryBank,
}

#[test]
fn no_optimiser_touches_it_and_validation_sees_it() {
    let device = Device::flex().autodiff();
    let bank = MemoryBank::new(5, 3, &device).pushed(random(4, &device), &[0, 1, 2, 3]);
    let before = content(&bank);
    let mut network = Network { linear: LinearConfig::new(3, 3).init(&device).materialize(), bank };
    let weight = network.linear.weight.val().into_data();
    let mut optimizer = AdamWConfig::new().with_weight_decay(0.5).init();
    for _ in 0..2 {
        let rows = network.bank.rows().expect("rows").rows;
        // Constants mix with tensors that have a gradient, and have none.
        let loss =
            network.linear.forward(random(2, &device)).matmul(rows.transpose()).square().mean();
        let gradients = GradientsParams::from_grads(loss.backward(), &network);
        assert_eq!(gradients.len(), 2, "weight and bias");
        network = optimizer.step(0.1, network, gradients);
    }
    assert_ne!(network.linear.weight.val().into_data(), weight);
    assert_eq!(content(&network.bank), before);
    let valid = network.valid();
    assert!(!valid.bank.rows.val().is_autodiff());
    assert_eq!(content(&valid.bank), before);
    let again = valid.train();
    assert!(!again.bank.rows.val().is_require_grad());
    assert_eq!(content(&again.bank), before);
}

#[test]
fn what_is_pushed_keeps_no_graph() {
    let device = Device::flex().autodiff();
    let rows = random(2, &device).require_grad();
    let bank = MemoryBank::new(5, 3, &device).pushed(rows.clone() * 2.0, &[0, 1]);
    let leaf = random(2, &device).require_grad();
    let loss = leaf.clone().matmul(bank.rows().expect("rows").rows.transpose()).sum();
    let gradients = loss.backward();
    assert!(rows.grad(&gradients).is_none() && leaf.grad(&gradients).is_some());
}

#[test]
#[should_panic(expected = "one label per row")]
fn labels_that_do_not_fit_are_refused() {
    let device = Device::flex();
    MemoryBank::new(5, 3, &device).pushed(random(2, &device), &[0]);
}
