//! The transforms of F(4 x 4, 3 x 3): Lavin and Gray 2016, section 4.3, with the points 0, 1, -1, 2
//! and -2.
//!
//! Each transform multiplies with a small matrix from both sides, for 16 channels at a time.

use std::ops::{Add, Mul, Sub};

/// The number of channels that are transformed together: an AVX-512 register.
pub(super) const LANES: usize = 16;

/// One value for each of 16 channels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Lanes(pub(super) [f32; LANES]);

impl Lanes {
    pub(super) const ZERO: Self = Self([0.0; LANES]);

    /// Reads the first 16 values of a slice.
    #[inline(always)]
    pub(super) fn read(values: &[f32]) -> Self {
        match values.first_chunk() {
            Some(values) => Self(*values),
            None => unreachable!("channels are a multiple of {LANES}"),
        }
    }

    /// Writes the values to the first 16 places of a slice.
    #[inline(always)]
    pub(super) fn write(self, values: &mut [f32]) {
        values[..LANES].copy_from_slice(&self.0);
    }
}

impl Add for Lanes {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        let mut out = self;
        for (out, other) in out.0.iter_mut().zip(other.0) {
            *out += other;
        }
        out
    }
}

impl Sub for Lanes {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        let mut out = self;
        for (out, other) in out.0.iter_mut().zip(other.0) {
            *out -= other;
        }
        out
    }
}

impl Mul<Lanes> for f32 {
    type Output = Lanes;

    #[inline(always)]
    fn mul(self, lanes: Lanes) -> Lanes {
        let mut out = lanes;
        for out in &mut out.0 {
            *out *= self;
        }
        out
    }
}

/// A small matrix, defined by its product with a column. It is a type and not a closure, because
/// only then is the product sure to be inlined, and so compiled for this processor's instructions.
pub(super) trait Matrix<const N: usize, const M: usize> {
    fn times(column: [Lanes; N]) -> [Lanes; M];
}

/// Multiplies a matrix of values from both sides, `m x m^T`. Values are read with `read` and
/// written with `write`, by row and column: passing a matrix of registers as a value would copy it
/// each time.
#[inline(always)]
pub(super) fn both<const N: usize, const M: usize, T: Matrix<N, M>>(
    _: T,
    read: impl Fn(usize, usize) -> Lanes,
    mut write: impl FnMut(usize, usize, Lanes),
) {
    // Loops instead of `from_fn`, because its closures may not be inlined.
    let mut columns = [[Lanes::ZERO; N]; M];
    for column in 0..N {
        let mut one = [Lanes::ZERO; N];
        for (row, one) in one.iter_mut().enumerate() {
            *one = read(row, column);
        }
        for (columns, transformed) in columns.iter_mut().zip(T::times(one)) {
            columns[column] = transformed;
        }
    }
    for (row, columns) in columns.into_iter().enumerate() {
        for (column, lanes) in T::times(columns).into_iter().enumerate() {
            write(row, column, lanes);
        }
    }
}

/// B^T, which transforms a piece of an image.
pub(super) struct Image;

impl Matrix<6, 6> for Image {
    #[inline(always)]
    fn times([d0, d1, d2, d3, d4, d5]: [Lanes; 6]) -> [Lanes; 6] {
        let (even, odd) = (d4 - 4.0 * d2, d3 - 4.0 * d1);
        let (even_2, odd_2) = (d4 - d2, 2.0 * (d3 - d1));
        [
            4.0 * d0 - 5.0 * d2 + d4,
            even + odd,
            even - odd,
            even_2 + odd_2,
            even_2 - odd_2,
            4.0 * d1 - 5.0 * d3 + d5,
        ]
    }
}

/// G, which transforms a kernel.
pub(super) struct Kernel;

impl Matrix<3, 6> for Kernel {
    #[inline(always)]
    fn times([g0, g1, g2]: [Lanes; 3]) -> [Lanes; 6] {
        let (outer, outer_2) = ((-1.0 / 6.0) * (g0 + g2), (1.0 / 24.0) * g0 + (1.0 / 6.0) * g2);
        let (middle, middle_2) = ((1.0 / 6.0) * g1, (1.0 / 12.0) * g1);
        [0.25 * g0, outer - middle, outer + middle, outer_2 + middle_2, outer_2 - middle_2, g2]
    }
}

/// A^T, which transforms products back into a piece of the output.
pub(super) struct Output;

impl Matrix<6, 4> for Output {
    #[inline(always)]
    fn times([m0, m1, m2, m3, m4, m5]: [Lanes; 6]) -> [Lanes; 4] {
        let (sum, difference) = (m1 + m2, m1 - m2);
        let (sum_2, difference_2) = (m3 + m4, m3 - m4);
        [
            m0 + sum + sum_2,
            difference + 2.0 * difference_2,
            sum + 4.0 * sum_2,
            difference + 8.0 * difference_2 + m5,
        ]
    }
}

/// A, which transforms the gradient with respect to a piece of the output.
pub(super) struct OutputGradient;

impl Matrix<4, 6> for OutputGradient {
    #[inline(always)]
    fn times([y0, y1, y2, y3]: [Lanes; 4]) -> [Lanes; 6] {
        let (even, odd) = (y0 + y2, y1 + y3);
        let (even_2, odd_2) = (y0 + 4.0 * y2, 2.0 * y1 + 8.0 * y3);
        [y0, even + odd, even - odd, even_2 + odd_2, even_2 - odd_2, y3]
    }
}

/// G^T, which transforms products back into the gradient with respect to a kernel.
pub(super) struct KernelGradient;

impl Matrix<6, 3> for KernelGradient {
    #[inline(always)]
    fn times([u0, u1, u2, u3, u4, u5]: [Lanes; 6]) -> [Lanes; 3] {
        let (sum, difference) = (u1 + u2, u2 - u1);
        let (sum_2, difference_2) = (u3 + u4, u3 - u4);
        [
            0.25 * u0 - (1.0 / 6.0) * sum + (1.0 / 24.0) * sum_2,
            (1.0 / 6.0) * difference + (1.0 / 12.0) * difference_2,
            (1.0 / 6.0) * (sum_2 - sum) + u5,
        ]
    }
}

#[cfg(test)]
mod tests {
    use std::array::from_fn;

    use super::*;

    fn lanes(value: f32) -> Lanes {
        Lanes([value; LANES])
    }

    /// Small whole numbers.
    fn value(at: usize) -> f32 {
        ((at * 37 + at * at * 5) % 11) as f32 - 5.0
    }

    fn transformed<const N: usize, const M: usize>(
        matrix: impl Matrix<N, M>,
        x: [[f32; N]; N],
    ) -> [[f32; M]; M] {
        let mut out = [[0.0; M]; M];
        both(
            matrix,
            |row, column| lanes(x[row][column]),
            |row, column, lanes| out[row][column] = lanes.0[3],
        );
        out
    }

    /// Multiplying what is transformed, and transforming it back, is correlation with the kernel;
    /// the gradients are those of the same bilinear form.
    #[test]
    fn the_transforms_make_a_correlation() {
        let d: [[f32; 6]; 6] = from_fn(|y| from_fn(|x| value(y * 6 + x)));
        let g: [[f32; 3]; 3] = from_fn(|y| from_fn(|x| value(50 + y * 3 + x)));
        let r: [[f32; 4]; 4] = from_fn(|y| from_fn(|x| value(70 + y * 4 + x)));
        let of_image = transformed(Image, d);
        let times = |b: [[f32; 6]; 6]| -> [[f32; 6]; 6] {
            from_fn(|y| from_fn(|x| of_image[y][x] * b[y][x]))
        };
        let close = |found: f32, expected: f32| {
            assert!((found - expected).abs() < 1e-2, "{found} is not {expected}")
        };
        let found = transformed(Output, times(transformed(Kernel, g)));
        for y in 0..4 {
            for x in 0..4 {
                let term = |k: usize| d[y + k / 3][x + k % 3] * g[k / 3][k % 3];
                close(found[y][x], (0..9).map(term).sum());
            }
        }
        let found = transformed(KernelGradient, times(transformed(OutputGradient, r)));
        for y in 0..3 {
            for x in 0..3 {
                let term = |k: usize| d[y + k / 4][x + k % 4] * r[k / 4][k % 4];
                close(found[y][x], (0..16).map(term).sum());
            }
        }
    }
}
