use super::*;
use crate::analysis::fixture::{fixture, matrix, numbers};
use crate::sample_rng;
use rand_distr::{Distribution, StandardNormal};

fn random(samples: usize, features: usize) -> Mat<f64> {
    let mut rng = sample_rng(1, samples as u64);
    Mat::from_fn(samples, features, |_, j| {
        let z: f64 = StandardNormal.sample(&mut rng);
        5.0 + z * (j + 1) as f64
    })
}

#[test]
fn the_whitened_covariance_is_the_identity() {
    // More samples than features, and the other way round.
    for (samples, features) in [(200, 6), (12, 40)] {
        let data = random(samples, features);
        let pca = Pca::fit(data.as_ref(), 5).unwrap();
        let projected = pca.transform(data.as_ref()).unwrap();
        let covariance = projected.transpose() * &projected;
        for i in 0..5 {
            for j in 0..5 {
                let scale = (pca.explained_variance()[i] * pca.explained_variance()[j]).sqrt();
                let white = covariance[(i, j)] / (samples as f64 - 1.0) / scale;
                assert!((white - f64::from(u8::from(i == j))).abs() < 1e-9, "{i}, {j}: {white}");
            }
        }
    }
}

#[test]
fn directions_are_orthonormal_and_all_of_them_explain_everything() {
    let pca = Pca::fit(random(100, 4).as_ref(), 4).unwrap();
    let product = pca.components().transpose() * pca.components();
    for i in 0..4 {
        for j in 0..4 {
            assert!((product[(i, j)] - f64::from(u8::from(i == j))).abs() < 1e-12);
        }
    }
    assert!((pca.explained_variance_ratio().iter().sum::<f64>() - 1.0).abs() < 1e-12);
}

#[test]
fn a_known_line_is_found() {
    // Points on (t, 2t): direction (1, 2) / sqrt(5), variance 5 var(t).
    let data = Mat::from_fn(5, 2, |i, j| i as f64 * (j + 1) as f64);
    let pca = Pca::fit(data.as_ref(), 1).unwrap();
    assert!((pca.components()[(1, 0)] - 2.0 / 5_f64.sqrt()).abs() < 1e-12);
    assert!((pca.explained_variance()[0] - 5.0 * 2.5).abs() < 1e-9);
}

#[test]
fn impossible_requests_are_errors() {
    let flat = Mat::from_fn(5, 2, |i, j| i as f64 * (j + 1) as f64);
    assert!(Pca::fit(flat.as_ref(), 2).unwrap_err().to_string().contains("span 1"));
    assert!(Pca::fit(Mat::zeros(1, 2).as_ref(), 1).is_err());
    let broken = Mat::from_fn(3, 2, |i, j| if (i, j) == (2, 1) { f64::NAN } else { 0.0 });
    assert!(
        Pca::fit(broken.as_ref(), 1).unwrap_err().to_string().contains("feature 1 of sample 2")
    );
    let pca = Pca::fit(random(9, 3).as_ref(), 2).unwrap();
    assert!(pca.transform(random(9, 4).as_ref()).is_err());
}

/// Rows of rank `rank` with singular values that fall like 0.8^j, and noise, around 7.
fn decaying(samples: usize, features: usize, noise: f64) -> Mat<f64> {
    let mut rng = sample_rng(2, (samples * features) as u64);
    let mut normal = |rows, columns| -> Mat<f64> {
        Mat::from_fn(rows, columns, |_, _| StandardNormal.sample(&mut rng))
    };
    let (left, right, noisy) =
        (normal(samples, 40), normal(40, features), normal(samples, features));
    let low_rank = left * Mat::from_fn(40, features, |i, j| right[(i, j)] * 0.8_f64.powi(i as i32));
    Mat::from_fn(samples, features, |i, j| 7.0 + low_rank[(i, j)] + noise * noisy[(i, j)])
}

fn narrow(data: &Mat<f64>) -> Mat<f32> {
    Mat::from_fn(data.nrows(), data.ncols(), |i, j| data[(i, j)] as f32)
}

fn randomized(components: usize) -> PcaConfig {
    PcaConfig { components, solver: PcaSolver::randomized() }
}

/// Largest relative difference of the variances, and how far the directions are from being the
/// same.
fn difference(ours: &Pca, exact: &Pca) -> (f64, f64) {
    let pairs = ours.explained_variance().iter().zip(exact.explained_variance());
    let variances = pairs.map(|(a, b)| (a / b - 1.0).abs()).fold(0.0, f64::max);
    let cosines = (0..ours.components().ncols())
        .map(|at| ours.components().col(at).transpose() * exact.components().col(at))
        .fold(1.0, f64::min);
    (variances, 1.0 - cosines)
}

fn assert_orthonormal(pca: &Pca, tolerance: f64) {
    let product = pca.components().transpose() * pca.components();
    for i in 0..product.nrows() {
        for j in 0..product.ncols() {
            let off = (product[(i, j)] - f64::from(u8::from(i == j))).abs();
            assert!(off < tolerance, "{i}, {j}: {off}");
        }
    }
}

#[test]
fn it_agrees_with_scikit_learn() {
    for case in fixture("pca").as_array().unwrap() {
        let data = matrix(&case["data"]);
        let components = case["components"].as_array().unwrap().len();
        for solver in [PcaSolver::Auto, PcaSolver::Exact, PcaSolver::randomized()] {
            let pca = PcaConfig { components, solver }.fit(data.as_ref()).unwrap();
            let close = |ours: &[f64], theirs: &[f64]| {
                ours.iter().zip(theirs).all(|(a, b)| (a - b).abs() < 1e-9 * b.abs())
            };
            assert!(close(pca.explained_variance(), &numbers(&case["explained_variance"])));
            assert!(close(
                &pca.explained_variance_ratio(),
                &numbers(&case["explained_variance_ratio"])
            ));
            let errors = pca.reconstruction_error(data.as_ref()).unwrap();
            assert!(close(&errors, &numbers(&case["reconstruction_error"])));
            let theirs = matrix(&case["components"]);
            for at in 0..components {
                // Signs are chosen in other ways.
                let sign = (theirs.row(at) * pca.components().col(at)).signum();
                for j in 0..data.ncols() {
                    assert!(
                        (theirs[(at, j)] - sign * pca.components()[(j, at)]).abs() < 1e-9,
                        "{solver:?} {at} {j}"
                    );
                }
                let largest = pca
                    .components()
                    .col(at)
                    .iter()
                    .fold(0.0_f64, |m, v| if v.abs() > m.abs() { *v } else { m });
                assert!(largest > 0.0);
            }
        }
    }
}

#[test]
fn the_randomised_solver_is_near_the_exact_one_in_f64_and_f32() {
    // Samples by features, more of either; the basis is a part of the shorter side.
    for (samples, features) in [(150, 400), (400, 150)] {
        let data = decaying(samples, features, 0.02);
        let exact = Pca::fit(data.as_ref(), 12).unwrap();
        let ours = randomized(12).fit(data.as_ref()).unwrap();
        let (variances, directions) = difference(&ours, &exact);
        assert!(variances < 1e-9 && directions < 1e-9, "{variances} {directions}");
        assert_orthonormal(&ours, 1e-12);
        let ours = randomized(12).fit(narrow(&data).as_ref()).unwrap();
        let (variances, directions) = difference(&ours, &exact);
        assert!(variances < 1e-5 && directions < 1e-9, "{variances} {directions}");
        assert_orthonormal(&ours, 1e-5);
        let total = |pca: &Pca| pca.total_variance;
        assert!((total(&ours) / total(&exact) - 1.0).abs() < 1e-6);
    }
}

#[test]
fn a_flat_spectrum_needs_the_powers() {
    // Noise alone: neighbouring variances differ by a few percent.
    let data = decaying(300, 500, 30.0);
    let exact = Pca::fit(data.as_ref(), 20).unwrap();
    let off = |power_iterations| {
        let solver = PcaSolver::Randomized { oversamples: 10, power_iterations, seed: 0 };
        difference(&PcaConfig { components: 20, solver }.fit(data.as_ref()).unwrap(), &exact).0
    };
    let (one, four, eight) = (off(1), off(4), off(8));
    assert!(one > 0.05 && four < 0.01 && eight < 1e-5, "{one} {four} {eight}");
}

#[test]
fn exact_in_f64_of_data_in_f32() {
    for (samples, features) in [(30, 90), (90, 30)] {
        let data = narrow(&decaying(samples, features, 0.1));
        let wide = Mat::from_fn(samples, features, |i, j| f64::from(data[(i, j)]));
        let config = PcaConfig { components: 10, solver: PcaSolver::Exact };
        let (ours, theirs) =
            (config.fit(data.as_ref()).unwrap(), config.fit(wide.as_ref()).unwrap());
        assert_eq!(difference(&ours, &theirs), (0.0, difference(&theirs, &theirs).1));
        assert_eq!(
            ours.transform(data.as_ref()).unwrap(),
            theirs.transform(wide.as_ref()).unwrap()
        );
    }
}

#[test]
fn layouts_threads_and_blocks_do_not_matter() {
    // More columns than a block has, so that there are several sums.
    let data = narrow(&decaying(20, 70_000, 0.5));
    let by_rows = data.transpose().to_owned();
    for solver in [PcaSolver::Exact, PcaSolver::randomized()] {
        let config = PcaConfig { components: 5, solver };
        let fit = |threads: usize, data: MatRef<'_, f32>| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| config.fit(data)).unwrap()
        };
        let one = fit(1, data.as_ref());
        let three = fit(3, data.as_ref());
        assert_eq!(
            (one.explained_variance(), &one.components),
            (three.explained_variance(), &three.components)
        );
        let (variances, directions) = difference(&fit(2, by_rows.transpose()), &one);
        assert!(variances < 1e-5 && directions < 1e-7, "{solver:?}: {variances} {directions}");
    }
}

#[test]
fn what_rounding_leaves_of_large_means_is_no_direction() {
    // Steps of the last bit that f32 has at 8192, along one direction; no mean is a number of f32.
    let step = |i: usize, j: usize| ((i % 7) as f32 - 3.0) * ((j % 5) as f32 - 1.0) / 1024.0;
    for (samples, features) in [(30, 400), (400, 30)] {
        let data =
            Mat::from_fn(samples, features, |i, j| 8192.0 + 1024.0 * (j % 3) as f32 + step(i, j));
        for solver in [PcaSolver::Exact, PcaSolver::randomized()] {
            let error = PcaConfig { components: 2, solver }.fit(data.as_ref()).unwrap_err();
            assert!(error.to_string().contains("span 1"), "{solver:?}: {error}");
        }
    }
    let constant = Mat::from_fn(7, 4, |_, j| 0.1 * (j + 1) as f64);
    for solver in [PcaSolver::Exact, PcaSolver::randomized()] {
        assert!(
            PcaConfig { components: 1, solver }
                .fit(constant.as_ref())
                .unwrap_err()
                .to_string()
                .contains("span 0")
        );
    }
}

#[test]
fn what_is_left_out_is_the_reconstruction_error() {
    let data = decaying(50, 30, 0.3);
    let pca = Pca::fit(data.as_ref(), 6).unwrap();
    let scores = pca.transform(data.as_ref()).unwrap();
    let back = pca.inverse_transform(scores.as_ref()).unwrap();
    let errors = pca.reconstruction_error(data.as_ref()).unwrap();
    let mut sum = 0.0;
    for i in 0..50 {
        let naive: f64 = (0..30).map(|j| (data[(i, j)] - back[(i, j)]).powi(2)).sum::<f64>().sqrt();
        assert!((errors[i] - naive).abs() < 1e-12, "{i}");
        sum += errors[i] * errors[i];
    }
    // Pythagoras: what the directions do not explain.
    let left = (pca.total_variance - pca.explained_variance().iter().sum::<f64>()) * 49.0;
    assert!((sum / left - 1.0).abs() < 1e-9, "{sum} {left}");
    // A row in the plane has none, one beside it its distance.
    let direction = pca.components().col(0);
    let inside = Mat::from_fn(1, 30, |_, j| pca.mean()[j] + 100.0 * direction[j]);
    assert!(pca.reconstruction_error(inside.as_ref()).unwrap()[0] < 1e-12);
    let all = Pca::fit(data.as_ref(), 30).unwrap();
    assert!(all.reconstruction_error(data.as_ref()).unwrap().iter().all(|&error| error < 1e-12));
}

#[test]
fn data_of_low_rank_are_not_given_more_directions() {
    let mut rng = sample_rng(5, 0);
    let left: Mat<f64> = Mat::from_fn(80, 3, |_, _| StandardNormal.sample(&mut rng));
    let right: Mat<f64> = Mat::from_fn(3, 120, |_, _| StandardNormal.sample(&mut rng));
    let data = left * right;
    for data in [data.as_ref(), data.transpose()] {
        for solver in [PcaSolver::Exact, PcaSolver::randomized()] {
            let fit = |components| PcaConfig { components, solver }.fit(data);
            assert_eq!(fit(3).unwrap().explained_variance().len(), 3);
            assert!(fit(4).unwrap_err().to_string().contains("span 3"), "{solver:?}");
        }
    }
}

#[test]
fn impossible_configurations_are_errors() {
    let data = decaying(20, 10, 0.1);
    let message = |config: PcaConfig| config.fit(data.as_ref()).unwrap_err().to_string();
    assert!(message(randomized(0)).contains("components"));
    assert!(message(randomized(11)).contains("at most 10"));
    let solver = PcaSolver::Randomized { oversamples: 5, power_iterations: 0, seed: 0 };
    assert!(message(PcaConfig { components: 2, solver }).contains("power_iterations"));
    let solver = PcaSolver::Randomized { oversamples: usize::MAX, power_iterations: 1, seed: 0 };
    assert!(message(PcaConfig { components: 2, solver }).contains("oversamples"));
    let broken =
        Mat::from_fn(
            40,
            50,
            |i, j| if (i, j) == (31, 7) { f32::NEG_INFINITY } else { (i * j) as f32 },
        );
    let error = randomized(1).fit(broken.as_ref()).unwrap_err();
    assert!(error.to_string().contains("feature 7 of sample 31 is -inf"), "{error}");
    let huge = Mat::from_fn(4, 3, |_, _| f64::MAX);
    assert!(Pca::fit(huge.as_ref(), 1).unwrap_err().to_string().contains("too large"));
    let pca = Pca::fit(data.as_ref(), 3).unwrap();
    assert!(pca.inverse_transform(Mat::zeros(2, 4).as_ref()).is_err());
    assert!(pca.reconstruction_error(Mat::<f32>::zeros(2, 11).as_ref()).is_err());
    let config: PcaConfig =
        serde_json::from_str(r#"{"components": 7, "solver": "exact"}"#).unwrap();
    assert_eq!(config, PcaConfig { components: 7, solver: PcaSolver::Exact });
}
