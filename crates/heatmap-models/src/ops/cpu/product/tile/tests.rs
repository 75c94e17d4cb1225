use super::*;

/// Numbers in eighths, of which sums and products are exact.
fn value(at: usize) -> f32 {
    ((at * 37 + at * at * 11) % 17) as f32 / 8.0 - 1.0
}

#[test]
fn every_kernel_gives_the_sums_of_a_naive_loop() {
    let right: Vec<[f32; COLUMNS]> =
        (0..29).map(|k| std::array::from_fn(|column| value(k * 71 + column * 5))).collect();
    for rows in 1..=ROWS {
        for strides in [
            Strides { row: 29, inner: 1 },
            Strides { row: 1, inner: ROWS },
            Strides { row: 1, inner: 40 },
        ] {
            for inner in [0_usize, 1, 2, 29] {
                // Exactly as long as it must be, so that a read behind it is a read behind the
                // allocation.
                let last = inner.saturating_sub(1);
                let left: Vec<f32> =
                    (0..=(rows - 1) * strides.row + last * strides.inner).map(value).collect();
                let term = |row: usize, column: usize, k: usize| {
                    left[row * strides.row + k * strides.inner] * right[k][column]
                };
                for (kernel, add) in
                    Kernel::all().into_iter().flat_map(|kernel| [(kernel, false), (kernel, true)])
                {
                    for columns in [16, 32, 48, 64] {
                        const STRIDE: usize = COLUMNS + 3;
                        let mut found = vec![0.5_f32; (rows - 1) * STRIDE + columns];
                        let target = Target { values: &mut found, stride: STRIDE, add };
                        // Any number of columns is rounded up.
                        let asked = columns - rows % 16;
                        let panel = Panel { rows: &right[..inner], columns: asked };
                        tile(kernel, rows, &left, strides, panel, target);
                        for (at, found) in found.iter().enumerate() {
                            let (row, column) = (at / STRIDE, at % STRIDE);
                            let before = if add || column >= columns { 0.5 } else { 0.0 };
                            let terms = if column < columns { 0..inner } else { 0..0 };
                            let expected =
                                before + terms.map(|k| term(row, column, k)).sum::<f32>();
                            assert_eq!(
                                *found, expected,
                                "{kernel:?} {rows} x {columns} {strides:?} {inner} {add}"
                            );
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn kernels_give_the_same_bits() {
    // A processor rounds each product with its sum, or, in portable Rust, both.
    let all: Vec<Kernel> = Kernel::all()
        .into_iter()
        .filter(|kernel| !matches!(kernel.instructions, Instructions::Portable))
        .collect();
    let number = |at: usize| (at as f32 * 0.7123).sin();
    let right: Vec<[f32; COLUMNS]> =
        (0..256).map(|k| std::array::from_fn(|column| number(k * 71 + column))).collect();
    for rows in 1..=ROWS {
        let left: Vec<f32> = (0..rows * 256).map(|at| number(at + 9)).collect();
        let strides = Strides { row: 256, inner: 1 };
        for columns in [16, 32, 48, 64] {
            let results: Vec<Vec<u32>> = all
                .iter()
                .map(|kernel| {
                    let mut out: Vec<f32> = (0..rows * COLUMNS).map(number).collect();
                    let target = Target { values: &mut out, stride: COLUMNS, add: true };
                    let panel = Panel { rows: &right, columns };
                    tile(*kernel, rows, &left, strides, panel, target);
                    out.into_iter().map(f32::to_bits).collect()
                })
                .collect();
            assert!(results.windows(2).all(|pair| pair[0] == pair[1]), "{rows} x {columns}");
        }
    }
}

#[test]
#[should_panic(expected = "a left side that is too short")]
fn a_short_left_side_is_refused() {
    let target = Target { values: &mut [0.0; 128], stride: 64, add: false };
    tile(
        Kernel::best(),
        2,
        &[0.0; 9],
        Strides { row: 5, inner: 1 },
        Panel { rows: &[[0.0; COLUMNS]; 5], columns: 64 },
        target,
    );
}

#[test]
#[should_panic(expected = "a target that is too short")]
fn a_short_target_is_refused() {
    let target = Target { values: &mut [0.0; 127], stride: 64, add: false };
    tile(
        Kernel::best(),
        2,
        &[0.0; 10],
        Strides { row: 5, inner: 1 },
        Panel { rows: &[[0.0; COLUMNS]; 5], columns: 64 },
        target,
    );
}
