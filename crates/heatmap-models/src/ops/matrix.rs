//! Products of matrices on the CPU, outside of networks: [`RightMatrix`].

use super::cpu;

/// The right side of products on the CPU, in the order in which the kernels read it.
///
/// These are the kernels that networks spend their time in on a CPU, here for slices: to measure
/// them, or to use them without Burn.
///
/// ```
/// use heatmap_models::ops::RightMatrix;
///
/// let right = RightMatrix::new(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 2, 3);
/// let mut out = [0.0; 3];
/// right.multiply(&[10.0, 1.0], &mut out);
/// assert_eq!(out, [14.0, 25.0, 36.0]);
/// ```
#[derive(Debug)]
pub struct RightMatrix(cpu::Packed);

impl RightMatrix {
    /// Packs a row-major matrix `[rows, columns]`, for products in the precision that
    /// [`set_matmul_precision`](super::set_matmul_precision) has chosen.
    ///
    /// # Panics
    /// When there are not `rows * columns` values, or no columns.
    pub fn new(values: &[f32], rows: usize, columns: usize) -> Self {
        assert!(columns > 0, "a matrix without columns");
        assert_eq!(values.len(), rows * columns, "the values of {rows} x {columns}");
        let source = cpu::Source::Rows(values, columns);
        Self(cpu::Packed::new(source, rows, columns, cpu::multiplier_of_networks()))
    }

    /// Computes `left * self` into `out`, on all threads of rayon's pool. `left` is row-major
    /// `[n, rows]`, `out` is row-major `[n, columns]`.
    ///
    /// # Panics
    /// When `left` and `out` do not have the same number of whole rows.
    pub fn multiply(&self, left: &[f32], out: &mut [f32]) {
        let (inner, columns) = (self.0.rows(), self.0.columns());
        assert!(out.len().is_multiple_of(columns), "whole rows of {columns} values");
        assert_eq!(left.len(), out.len() / columns * inner, "rows of {inner} values");
        cpu::on_the_pool(|| cpu::parallel_product_into(left, &self.0, out, |_, _| ()));
    }
}

/// Returns the name of the kernel that products on the CPU are computed with in this process: the
/// instructions, and the rows and columns that it sums at a time, or the products of bf16 that make
/// one. The environment variable `HEATMAP_CPU` (`avx512`, which is without a matrix unit, `avx2`,
/// `portable`) limits the instructions.
pub fn matrix_kernel() -> String {
    cpu::multiplier_of_networks().name()
}
