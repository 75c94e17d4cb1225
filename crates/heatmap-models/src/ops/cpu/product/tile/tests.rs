use super::*;

/// All kinds of instructions that this processor has.
fn all() -> Vec<Instructions> {
    #[cfg(target_arch = "x86_64")]
    {
        let mut all = vec![Instructions::Portable];
        all.extend(pulp::x86::V3::try_new().map(Instructions::Avx2));
        all.extend(pulp::x86::V4::try_new().map(Instructions::Avx512));
        all
    }
    #[cfg(not(target_arch = "x86_64"))]
    vec![Instructions::Portable]
}

/// Numbers in eighths, of which sums and products are exact.
fn value(at: usize) -> f32 {
    ((at * 37 + at * at * 11) % 17) as f32 / 8.0 - 1.0
}

#[test]
fn every_kind_of_instructions_gives_the_sums_of_a_naive_loop() {
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
                for (instructions, add) in
                    all().into_iter().flat_map(|kind| [(kind, false), (kind, true)])
                {
                    const STRIDE: usize = COLUMNS + 3;
                    let mut found = vec![0.5_f32; (rows - 1) * STRIDE + COLUMNS];
                    let target = Target { values: &mut found, stride: STRIDE, add };
                    tile(instructions, rows, &left, strides, &right[..inner], target);
                    for (at, found) in found.iter().enumerate() {
                        let (row, column) = (at / STRIDE, at % STRIDE);
                        let before = if add || column >= COLUMNS { 0.5 } else { 0.0 };
                        let terms = if column < COLUMNS { 0..inner } else { 0..0 };
                        let expected = before + terms.map(|k| term(row, column, k)).sum::<f32>();
                        assert_eq!(
                            *found, expected,
                            "{instructions:?} {rows} {strides:?} {inner} {add}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
#[should_panic(expected = "a left side that is too short")]
fn a_short_left_side_is_refused() {
    let target = Target { values: &mut [0.0; 64], stride: 32, add: false };
    tile(
        Instructions::best(),
        2,
        &[0.0; 9],
        Strides { row: 5, inner: 1 },
        &[[0.0; COLUMNS]; 5],
        target,
    );
}

#[test]
#[should_panic(expected = "a target that is too short")]
fn a_short_target_is_refused() {
    let target = Target { values: &mut [0.0; 63], stride: 32, add: false };
    tile(
        Instructions::best(),
        2,
        &[0.0; 10],
        Strides { row: 5, inner: 1 },
        &[[0.0; COLUMNS]; 5],
        target,
    );
}
