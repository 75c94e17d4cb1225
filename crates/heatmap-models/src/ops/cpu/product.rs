//! Matrix products in f32: one checked door to the `gemm` crate.

use gemm::Parallelism;

/// A matrix in a slice: element (i, j) is at `i * row_stride + j * column_stride`.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// A matrix that is stored row by row.
    pub(crate) fn new(values: &'a [f32], rows: usize, columns: usize) -> Self {
        assert_eq!(values.len(), rows * columns, "values of a {rows} x {columns} matrix");
        Self { values, rows, columns, row_stride: columns, column_stride: 1 }
    }

    /// The same values, rows for columns.
    pub(crate) fn transposed(self) -> Self {
        let Self { values, rows, columns, row_stride, column_stride } = self;
        Self { values, rows: columns, columns: rows, row_stride: column_stride, column_stride: row_stride }
    }
}

/// `out = left * right`, or `out += left * right`; `out` is stored row by row. On all threads of the current pool, or on
/// this one.
pub(crate) fn product(left: Matrix<'_>, right: Matrix<'_>, out: &mut [f32], add: bool, parallel: bool) {
    assert_eq!(left.columns, right.rows, "a product of {} columns with {} rows", left.columns, right.rows);
    assert_eq!(out.len(), left.rows * right.columns, "room for {} x {}", left.rows, right.columns);
    if out.is_empty() {
        return;
    }
    let parallelism = if parallel { Parallelism::Rayon(0) } else { Parallelism::None };
    // SAFETY: `Matrix` can only be made over a slice that holds all of its elements, and transposing keeps them; `out` has
    // exactly `left.rows * right.columns` elements, which row by row are all within the slice. The three slices cannot
    // overlap because one is borrowed mutably.
    #[allow(unsafe_code)]
    unsafe {
        gemm::gemm(
            left.rows,
            right.columns,
            left.columns,
            out.as_mut_ptr(),
            1,
            right.columns as isize,
            add,
            left.values.as_ptr(),
            left.column_stride as isize,
            left.row_stride as isize,
            right.values.as_ptr(),
            right.column_stride as isize,
            right.row_stride as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            parallelism,
        );
    }
}
