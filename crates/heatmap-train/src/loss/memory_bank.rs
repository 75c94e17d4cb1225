//! A memory bank: the newest projections of earlier batches, as further rows for a contrastive
//! loss.
//!
//! Wu et al. 2018 kept one row per sample; the queue, first in, first out, is that of MoCo (He et
//! al. 2020, section 3.1). There is no momentum encoder here: the rows are what the network itself
//! gave some steps ago.
//!
//! The content lives in parameters that no optimiser touches, so that it is part of the record, and
//! a run that goes on from a checkpoint computes what it would have without the break. The newest
//! row comes first, and a push moves the others on: a ring would have to know on the host where it
//! stands, which is to wait for the device at every step.

use burn::module::{Module, Param, ParamId};
use burn::tensor::kind::{Autodiff, Basic};
use burn::tensor::{Device, Int, Tensor, TensorData};

use super::similarity::normalized;

/// A queue of unit rows and their labels.
#[derive(Module, Debug)]
pub struct MemoryBank {
    /// `[capacity, dim]`, the newest first; behind the filled ones zeros.
    rows: Param<Tensor<2>>,
    /// `[capacity]`; behind the filled ones -1.
    labels: Param<Tensor<1, Int>>,
    /// How many rows are filled, `[1]`.
    filled: Param<Tensor<1, Int>>,
}

/// Rows of a memory bank, as a loss takes them.
#[derive(Debug, Clone)]
pub struct BankRows {
    /// Rows of length 1, `[n, dim]`; constants for the gradient.
    pub rows: Tensor<2>,
    /// Their labels, `[n]`.
    pub labels: Tensor<1, Int>,
}

impl MemoryBank {
    /// An empty bank.
    ///
    /// # Panics
    /// When the capacity or the dimension is 0.
    pub fn new(capacity: usize, dim: usize, device: &Device) -> Self {
        assert!(capacity > 0 && dim > 0, "a memory bank needs rows, got {capacity} x {dim}");
        // Not `Param::from_tensor`, which asks for gradients.
        Self {
            rows: Param::initialized(ParamId::new(), Tensor::zeros([capacity, dim], device)),
            labels: Param::initialized(ParamId::new(), Tensor::full([capacity], -1, device)),
            filled: Param::initialized(ParamId::new(), Tensor::zeros([1], device)),
        }
    }

    /// How many rows there is room for.
    pub fn capacity(&self) -> usize {
        self.rows.dims()[0]
    }

    /// Length of a row.
    pub fn dim(&self) -> usize {
        self.rows.dims()[1]
    }

    /// How many rows are filled. Waits for the device, for one number.
    pub fn len(&self) -> usize {
        self.filled.val().without_autodiff().into_scalar::<i64>().try_into().unwrap_or_default()
    }

    /// Whether nothing was pushed yet. Waits for the device, for one number.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bank with these rows, and without the oldest that they push out; of more rows than there
    /// is room for the last ones stay. Does not wait for the device.
    ///
    /// # Shapes
    /// - `rows`: `[n, dim]`, of any length and with or without a graph: they are normalised and
    ///   detached
    /// - `labels`: `n` classes
    ///
    /// # Panics
    /// When the shapes do not fit.
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

    /// The filled rows, the newest first, as constants; `None` when there are none. Waits for the
    /// device, for one number.
    pub fn rows(&self) -> Option<BankRows> {
        let filled = self.len();
        (filled > 0).then(|| BankRows {
            rows: self.rows.val().without_autodiff().narrow(0, 0, filled),
            labels: self.labels.val().without_autodiff().narrow(0, 0, filled),
        })
    }
}

/// The new ones, and of the old ones as many as there is room for behind them.
fn queued<const D: usize, K: Basic>(new: Tensor<D, K>, old: Tensor<D, K>) -> Tensor<D, K> {
    let (count, capacity) = (new.dims()[0], old.dims()[0]);
    // Burn has no empty slices.
    if count == capacity {
        new
    } else {
        Tensor::cat(vec![new, old.narrow(0, 0, capacity - count)], 0)
    }
}

/// The parameter after a function of its value without autodiff.
///
/// Computed without it, as no gradient is wanted and strategies of checkpointing do not mix, the
/// result is then put back where the parameter was, as the optimiser and the record expect.
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
