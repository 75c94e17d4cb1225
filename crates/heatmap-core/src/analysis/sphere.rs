//! Features on the unit sphere: alignment and uniformity (Wang and Isola, ICML 2020, equations 2
//! and 4 with alpha = 2 and t = 2).

use faer::{Mat, MatRef};

/// Returns the rows scaled to length 1; a row of zeros stays.
pub fn normalized_rows(features: MatRef<'_, f64>) -> Mat<f64> {
    let lengths: Vec<f64> = (0..features.nrows()).map(|i| features.row(i).norm_l2()).collect();
    Mat::from_fn(features.nrows(), features.ncols(), |i, j| {
        if lengths[i] > 0.0 { features[(i, j)] / lengths[i] } else { 0.0 }
    })
}

/// Returns the alignment, the mean squared distance of two rows of the same class on the unit
/// sphere, over all such pairs: 0 is best. `None` without such a pair.
///
/// # Panics
/// Panics when there is not one label per row.
pub fn alignment(features: MatRef<'_, f64>, labels: &[usize]) -> Option<f64> {
    assert_eq!(features.nrows(), labels.len(), "one label per row");
    mean_over_pairs(features, |i, j, squared| (labels[i] == labels[j]).then_some(squared))
}

/// Returns the uniformity, the logarithm of the mean of exp(-2 squared distance) over all pairs of
/// rows on the unit sphere: lower is more evenly spread. `None` for less than two rows.
pub fn uniformity(features: MatRef<'_, f64>) -> Option<f64> {
    mean_over_pairs(features, |_, _, squared| Some((-2.0 * squared).exp())).map(f64::ln)
}

fn mean_over_pairs(
    features: MatRef<'_, f64>,
    of: impl Fn(usize, usize, f64) -> Option<f64>,
) -> Option<f64> {
    let rows = normalized_rows(features);
    let cosine = &rows * rows.transpose();
    let (mut sum, mut pairs) = (0.0, 0_u64);
    for j in 0..rows.nrows() {
        for i in 0..j {
            let squared = (cosine[(i, i)] + cosine[(j, j)] - 2.0 * cosine[(i, j)]).max(0.0);
            if let Some(value) = of(i, j, squared) {
                sum += value;
                pairs += 1;
            }
        }
    }
    (pairs > 0).then(|| sum / pairs as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closed_forms_on_the_circle() {
        // Right angles: squared distances 2 between neighbours, 4 across.
        let square =
            Mat::from_fn(4, 2, |i, j| [[3.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -2.0]][i][j]);
        let near =
            |a: Option<f64>, b: f64| assert!((a.unwrap() - b).abs() < 1e-12, "{a:?} is not {b}");
        near(alignment(square.as_ref(), &[0, 0, 1, 1]), 2.0);
        near(alignment(square.as_ref(), &[0, 1, 0, 1]), 4.0);
        near(
            uniformity(square.as_ref()),
            ((4.0 * (-4.0_f64).exp() + 2.0 * (-8.0_f64).exp()) / 6.0).ln(),
        );
    }

    #[test]
    fn the_same_row_twice_is_aligned_and_not_uniform() {
        let same = Mat::from_fn(3, 4, |_, j| (j + 1) as f64);
        assert!(alignment(same.as_ref(), &[0, 0, 0]).unwrap().abs() < 1e-12);
        assert!(uniformity(same.as_ref()).unwrap().abs() < 1e-12);
    }

    #[test]
    fn without_pairs_there_is_no_value() {
        assert_eq!(alignment(Mat::zeros(2, 2).as_ref(), &[0, 1]), None);
        assert_eq!(uniformity(Mat::zeros(1, 2).as_ref()), None);
        assert_eq!(normalized_rows(Mat::zeros(1, 2).as_ref()), Mat::<f64>::zeros(1, 2));
    }
}
