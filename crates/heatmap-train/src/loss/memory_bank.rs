//! [`MemoryBank`]: a queue of the most recent projections of earlier batches, which a contrastive
//! loss uses as additional rows.
//!
//! Wu et al. 2018 kept one row per sample; the first-in, first-out queue is that of MoCo (He et al.
//! 2020, section 3.1). There is no momentum encoder here: the rows are the network's own outputs of
//! earlier steps.
//!
//! The contents are stored in parameters that no optimiser updates, so that they are part of the
//! record and a run resumed from a checkpoint computes exactly what an uninterrupted run would. The
//! newest row comes first and a push shifts the others back. A ring buffer would need its write
//! position on the host, which would mean waiting for the device at every step.

use burn::module::{Module, Param, ParamId};
use burn::tensor::kind::{Autodiff, Basic};
use burn::tensor::{Device, Int, Tensor, TensorData};

use super::similarity::normalized;

/// A first-in, first-out queue of unit vectors with their class labels.
#[derive(Module, Debug)]
pub struct MemoryBank {
    /// `[capacity, dim]`, newest first; the unfilled rows at the end are zeros.
    rows: Param<Tensor<2>>,
    /// `[capacity]`; -1 for the unfilled rows at the end.
    labels: Param<Tensor<1, Int>>,
    /// Number of filled rows, `[1]`.
    filled: Param<Tensor<1, Int>>,
}

/// The filled rows of a memory bank, as a loss takes them.
#[derive(Debug, Clone)]
pub struct BankRows {
    /// Unit vectors, `[n, dim]`, without gradient.
    pub rows: Tensor<2>,
    /// Class labels of the rows, `[n]`.
    pub labels: Tensor<1, Int>,
}

impl MemoryBank {
    /// Creates an empty bank.
    ///
    /// # Panics
    /// Panics when the capacity or the dimension is 0.
    pub fn new(capacity: usize, dim: usize, device: &Device) -> Self {
        assert!(capacity > 0 && dim > 0, "a memory bank needs rows, got {capacity} x {dim}");
        // `Param::from_tensor` would mark the tensors as trainable.
        Self {
            rows: Param::initialized(ParamId::new(), Tensor::zeros([capacity, dim], device)),
            labels: Param::initialized(ParamId::new(), Tensor::full([capacity], -1, device)),
            filled: Param::initialized(ParamId::new(), Tensor::zeros([1], device)),
        }
    }

    /// Returns the maximum number of rows.
    pub fn capacity(&self) -> usize {
        self.rows.dims()[0]
    }

    /// Returns the dimension of the rows.
    pub fn dim(&self) -> usize {
        self.rows.dims()[1]
    }

    /// Returns the number of filled rows. It waits for the device to read that one number.
    pub fn len(&self) -> usize {
        self.filled.val().without_autodiff().into_scalar::<i64>().try_into().unwrap_or_default()
    }

    /// Returns whether the bank holds no rows. It waits for the device to read one number.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds rows to the bank and drops the oldest rows beyond its capacity; of more new rows than
    /// fit, the last ones are kept. It does not wait for the device.
    ///
    /// # Shapes
    /// - `rows`: `[n, dim]`, of any length and with or without an autodiff graph: they are
    ///   normalised and detached
    /// - `labels`: the class labels of the rows, `[n]`
    ///
    /// # Panics
    /// Panics when the shapes do not fit.
    pub fn pushed(self, rows: Tensor<2>, labels: &[usize]) -> Self {
        let (capacity, dim) = (self.capacity(), self.dim());
        let [count, width] = rows.dims();
        assert_eq!(width, dim, "rows of a memory bank have its dimension");
        assert_eq!(labels.len(), count, "one label per row");
        let new = count.min(capacity);
        if new == 0 {
            return self;
        }
        let rows = normalized(rows.without_autodiff()).narrow(0, count - new, new).flip([0]);
        let labels: Vec<i64> =
            labels[count - new..].iter().rev().map(|&label| label as i64).collect();
        Self {
            rows: update(self.rows, |old| {
                let rows = rows.to_device(&old.device()).cast(old.dtype());
                queued(rows, old)
            }),
            labels: update(self.labels, |old| {
                let labels =
                    Tensor::from_data(TensorData::new(labels, [new]), (&old.device(), old.dtype()));
                queued(labels, old)
            }),
            filled: update(self.filled, |old| (old + new as i64).clamp_max(capacity as i64)),
        }
    }

    /// Returns the filled rows, newest first, without gradient; `None` when the bank is empty. It
    /// waits for the device to read one number.
    pub fn rows(&self) -> Option<BankRows> {
        let filled = self.len();
        (filled > 0).then(|| BankRows {
            rows: self.rows.val().without_autodiff().narrow(0, 0, filled),
            labels: self.labels.val().without_autodiff().narrow(0, 0, filled),
        })
    }
}

/// Returns the new rows, followed by as many of the old rows as still fit.
fn queued<const D: usize, K: Basic>(new: Tensor<D, K>, old: Tensor<D, K>) -> Tensor<D, K> {
    let (count, capacity) = (new.dims()[0], old.dims()[0]);
    // Burn does not allow empty slices.
    if count == capacity {
        new
    } else {
        Tensor::cat(vec![new, old.narrow(0, 0, capacity - count)], 0)
    }
}

/// Replaces the value of a parameter by a function of it, computed without autodiff.
///
/// No gradient is needed, and tensors with different gradient-checkpointing strategies cannot be
/// combined. The result is then moved back to the autodiff device and strategy of the parameter,
/// because the optimiser and the record expect it there.
fn update<const D: usize, K: Autodiff>(
    parameter: Param<Tensor<D, K>>,
    function: impl FnOnce(Tensor<D, K>) -> Tensor<D, K>,
) -> Param<Tensor<D, K>>
where
    Tensor<D, K>: burn::module::ParameterValue,
{
    parameter.map(|old| {
        let device = old.device();
        let new = function(old.without_autodiff());
        match device.gradient_checkpointing_strategy() {
            Some(strategy) => new.autodiff().with_gradient_checkpointing_strategy(strategy),
            None => new,
        }
    })
}

#[cfg(test)]
mod tests;
