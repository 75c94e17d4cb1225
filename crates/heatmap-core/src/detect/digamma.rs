//! The digamma function, which `libm` lacks.

/// The derivative of ln Gamma at `x` > 0: by recurrence up to 6, then by the asymptotic series
/// (Bernardo 1976, algorithm AS 103).
pub(super) fn digamma(mut x: f64) -> f64 {
    let mut below = 0.0;
    while x < 6.0 {
        below -= 1.0 / x;
        x += 1.0;
    }
    let square = 1.0 / (x * x);
    let series = [
        1.0 / 12.0,
        -1.0 / 120.0,
        1.0 / 252.0,
        -1.0 / 240.0,
        1.0 / 132.0,
        -691.0 / 32_760.0,
        1.0 / 12.0,
    ];
    let tail = series.iter().rev().fold(0.0, |sum, term| (sum + term) * square);
    below + x.ln() - 0.5 / x - tail
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_the_values_of_tables() {
        // Abramowitz and Stegun 1964, section 6.3: minus Euler's constant; that and 2 ln 2; at 10;
        // close to a pole -1 / x.
        let euler = 0.577_215_664_901_532_9;
        for (x, expected) in [
            (1.0, -euler),
            (0.5, -euler - 2.0 * 2.0_f64.ln()),
            (10.0, 2.251_752_589_066_721),
            (1e-6, -1e6 - euler + 1.644_934e-6),
            (1e9, 1e9_f64.ln() - 5e-10),
        ] {
            assert!(
                (digamma(x) - expected).abs() < 1e-11 * f64::max(1.0, expected.abs()),
                "{x}: {}",
                digamma(x)
            );
        }
    }
}
