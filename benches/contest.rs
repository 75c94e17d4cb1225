//! [`Contest`]: what the race can time, works of its table and plain products of matrices.

use std::hint::black_box;
use std::str::FromStr;

use burn::tensor::Device;
use clap::ValueEnum;
use heatmap_models::ops::RightMatrix;

use crate::work::{Place, Work};

/// A work of the table, or a product of matrices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contest {
    /// A step or a pass of a network, or a loss.
    Work(Work),
    /// The product of `[rows, inner]` and `[inner, columns]`.
    Product {
        /// Rows of the left side and of the result.
        rows: usize,
        /// Columns of the left side, rows of the right side.
        inner: usize,
        /// Columns of the right side and of the result.
        columns: usize,
    },
}

/// Who multiplies in a plain product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    /// Our kernels, with the right side packed once, as a network keeps its weights
    Ours,
    /// The `gemm` crate, which packs in every product
    Gemm,
}

/// What is timed.
pub struct Round {
    /// Does it once, and gives a number of its result, such as the loss.
    pub run: Box<dyn FnMut() -> f64>,
    /// What the runs to warm up gave.
    pub warm_up: Vec<f64>,
}

impl FromStr for Contest {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let Some(sizes) = name.strip_prefix("product-") else {
            return Work::from_str(name, false).map(Self::Work).map_err(|_| {
                let all: Vec<String> =
                    Work::value_variants().iter().map(|work| work.name()).collect();
                format!("one of {}, product-ROWSxINNERxCOLUMNS", all.join(", "))
            });
        };
        let sizes: Vec<usize> = sizes
            .split('x')
            .filter_map(|size| size.parse().ok())
            .filter(|size| *size > 0)
            .collect();
        match *sizes {
            [rows, inner, columns] => Ok(Self::Product { rows, inner, columns }),
            _ => Err("three sizes, as in product-1576x768x2304".to_owned()),
        }
    }
}

impl Contest {
    /// What speed is counted in for a round: images, rows of a loss, or products.
    pub fn images(self, batch: Option<usize>) -> usize {
        match self {
            Self::Work(work) => work.images(batch.unwrap_or(work.batch())),
            Self::Product { .. } => self.repeats(),
        }
    }

    /// How often a round does the work. A product is repeated, to about 10 GFLOP: the first one
    /// behind another side's turn waits for memory, and for threads to wake up.
    fn repeats(self) -> usize {
        match self {
            Self::Work(_) => 1,
            Self::Product { rows, inner, columns } => {
                let gflop = 2e-9 * (rows as f64 * inner as f64 * columns as f64);
                ((10.0 / gflop).round() as usize).max(1)
            }
        }
    }

    /// Prepares a round, and runs it twice to warm up.
    ///
    /// # Errors
    /// Returns what does not fit: SimCLR trains on an even number of images, and a product has
    /// neither a batch nor a device, nor, unlike a network, one engine.
    pub fn prepare(
        self,
        engine: Engine,
        batch: Option<usize>,
        place: &Place,
    ) -> Result<Round, String> {
        let (rows, inner, columns) = match self {
            Self::Work(work) => {
                if engine != Engine::Ours {
                    return Err("--engine: networks are multiplied by our kernels".to_owned());
                }
                let batch = batch.unwrap_or(work.batch());
                if work == Work::SimClrTrain64 && !batch.is_multiple_of(2) {
                    return Err(format!(
                        "--batch {batch}: SimCLR trains on pairs, which takes an even number of \
                         images"
                    ));
                }
                let mut prepared = work.prepare(batch, place);
                let warm_up = prepared.warm_up.clone();
                return Ok(Round { run: Box::new(move || prepared.run()), warm_up });
            }
            Self::Product { .. } if batch.is_some() => {
                return Err("--batch: a product has none".to_owned());
            }
            Self::Product { .. } if place.device != Device::flex() => {
                return Err("--device: products are those of the CPU".to_owned());
            }
            Self::Product { rows, inner, columns } => (rows, inner, columns),
        };
        let repeats = self.repeats();
        let left = numbers(rows * inner);
        let right = numbers(inner * columns);
        let mut out = vec![0.0; rows * columns];
        let mut run: Box<dyn FnMut() -> f64> = match engine {
            Engine::Ours => {
                let right = RightMatrix::new(&right, inner, columns);
                Box::new(move || {
                    for _ in 0..repeats {
                        right.multiply(black_box(&left), &mut out);
                        black_box(&out);
                    }
                    out[0].into()
                })
            }
            Engine::Gemm => Box::new(move || {
                for _ in 0..repeats {
                    multiply_with_gemm(black_box(&left), &right, &mut out, (rows, inner, columns));
                    black_box(&out);
                }
                out[0].into()
            }),
        };
        let warm_up = vec![run(), run()];
        Ok(Round { run, warm_up })
    }
}

/// Multiplies row-major matrices on all threads.
#[allow(unsafe_code, reason = "the interface of the gemm crate")]
fn multiply_with_gemm(
    left: &[f32],
    right: &[f32],
    out: &mut [f32],
    (rows, inner, columns): (usize, usize, usize),
) {
    assert_eq!(left.len(), rows * inner);
    assert_eq!(right.len(), inner * columns);
    assert_eq!(out.len(), rows * columns);
    let [inner_stride, stride] = [inner, columns].map(|size| size as isize);
    // SAFETY: the strides are those of row-major matrices, which have as many values as asserted;
    // `out` is borrowed for writing, and nothing else is written.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            inner,
            out.as_mut_ptr(),
            1,
            stride,
            false,
            left.as_ptr(),
            1,
            inner_stride,
            right.as_ptr(),
            1,
            stride,
            0.0_f32,
            1.0_f32,
            false,
            false,
            false,
            gemm::Parallelism::Rayon(0),
        );
    }
}

/// Values of either sign below 1; any will do.
fn numbers(len: usize) -> Vec<f32> {
    (0..len).map(|at| (at * 7919 % 2003) as f32 / 1001.5 - 1.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_both_engines_multiply_alike() {
        assert_eq!("nt-xent".parse(), Ok(Contest::Work(Work::NtXent)));
        assert_eq!("product-3x4x5".parse(), Ok(Contest::Product { rows: 3, inner: 4, columns: 5 }));
        for wrong in ["product-3x4", "product-3x0x5", "product-3x4x5x6", "nt"] {
            assert!(wrong.parse::<Contest>().is_err(), "{wrong}");
        }
        let (left, right) = (numbers(13 * 40), numbers(40 * 70));
        let (mut ours, mut theirs) = (vec![0.0; 13 * 70], vec![0.0; 13 * 70]);
        RightMatrix::new(&right, 40, 70).multiply(&left, &mut ours);
        multiply_with_gemm(&left, &right, &mut theirs, (13, 40, 70));
        assert!(ours.iter().zip(&theirs).all(|(one, other)| (one - other).abs() < 1e-4));
    }
}
