use super::*;
use crate::analysis::fixture::{fixture, labels, matrix, renumbered};
use crate::sample_rng;
use rand::RngExt;

fn fit(data: &Mat<f64>, radius: f64, min_samples: usize) -> Dbscan {
    DbscanConfig { radius, min_samples }.fit(data.as_ref()).unwrap()
}

fn line(values: &[f64]) -> Mat<f64> {
    Mat::from_fn(values.len(), 1, |i, _| values[i])
}

#[test]
fn cores_and_noise_are_those_of_scikit_learn() {
    for (at, case) in fixture("dbscan").as_array().unwrap().iter().enumerate() {
        let data = matrix(&case["data"]);
        let ours = fit(
            &data,
            case["radius"].as_f64().unwrap(),
            case["min_samples"].as_u64().unwrap() as usize,
        );
        let theirs = labels(&case["labels"]);
        let cores: Vec<usize> = serde_json::from_value(case["cores"].clone()).unwrap();
        assert_eq!(
            (0..data.nrows()).filter(|&row| ours.cores()[row]).collect::<Vec<_>>(),
            cores,
            "case {at}"
        );
        // Border rows may belong to several clusters; all others are compared.
        let of_cores = |labels: &[Option<usize>]| {
            renumbered(&cores.iter().map(|&row| labels[row]).collect::<Vec<_>>())
        };
        assert_eq!(of_cores(ours.labels()), of_cores(&theirs), "case {at}");
        let noise =
            |labels: &[Option<usize>]| labels.iter().map(Option::is_none).collect::<Vec<_>>();
        assert_eq!(noise(ours.labels()), noise(&theirs), "case {at}");
        assert_eq!(
            renumbered(ours.labels()),
            ours.labels(),
            "case {at} is not numbered by appearance"
        );
        assert_eq!(
            ours.clusters(),
            ours.labels().iter().flatten().max().map_or(0, |most| most + 1)
        );
    }
}

/// By the definition: cores with a path of cores share a cluster, a border row is with its nearest
/// core.
fn naive(data: &Mat<f64>, radius: f64, min_samples: usize) -> Vec<Option<usize>> {
    let samples = data.nrows();
    let distance = |a: usize, b: usize| {
        (0..data.ncols()).map(|j| (data[(a, j)] - data[(b, j)]).powi(2)).sum::<f64>().sqrt()
    };
    let core = |row: usize| {
        (0..samples).filter(|&other| distance(row, other) <= radius).count() >= min_samples
    };
    let cores: Vec<usize> = (0..samples).filter(|&row| core(row)).collect();
    let mut labels: Vec<Option<usize>> = vec![None; samples];
    cores.iter().for_each(|&row| labels[row] = Some(row));
    for _ in 0..samples {
        for &a in &cores {
            for &b in cores.iter().filter(|&&b| distance(a, b) <= radius) {
                labels[a] = labels[a].min(labels[b]);
            }
        }
    }
    for row in (0..samples).filter(|row| !cores.contains(row)) {
        let near = cores.iter().filter(|&&other| distance(row, other) <= radius);
        let nearest = near.min_by(|&&a, &&b| distance(row, a).total_cmp(&distance(row, b)));
        labels[row] = nearest.and_then(|&nearest| labels[nearest]);
    }
    renumbered(&labels)
}

#[test]
fn random_rows_agree_with_the_definition() {
    for seed in 0..30 {
        let mut rng = sample_rng(seed, 0);
        let (samples, features) = (rng.random_range(1..70), rng.random_range(1..4));
        // Half of them on a grid: duplicates and distances of exactly the radius.
        let step = if seed % 2 == 0 { 4.0 } else { 1e9 };
        let data = Mat::from_fn(samples, features, |_, _| {
            (rng.random::<f64>() * 3.0 * step).round() / step
        });
        for (radius, min_samples) in [(0.25, 3), (0.5, 5), (0.1, 1)] {
            assert_eq!(
                fit(&data, radius, min_samples).labels(),
                naive(&data, radius, min_samples),
                "seed {seed}"
            );
        }
    }
}

#[test]
fn a_core_keeps_its_cluster_when_its_border_is_taken() {
    // petal-clustering makes noise of the last three: 1.1 is taken, and three are fewer than
    // min_samples.
    let ours = fit(&line(&[-0.7, -0.4, -0.1, 0.2, 1.1, 2.05, 2.9, 3.0]), 1.0, 4);
    assert_eq!(ours.labels(), [0, 0, 0, 0, 0, 1, 1, 1].map(Some));
    assert_eq!(ours.clusters(), 2);
}

#[test]
fn few_rows_are_noise_and_the_radius_counts() {
    assert_eq!(fit(&line(&[5.0]), 1.0, 2).labels(), [None]);
    assert_eq!(fit(&line(&[5.0]), 1.0, 1).labels(), [Some(0)]);
    assert_eq!(fit(&line(&[5.0; 4]), 1e-3, 4).labels(), [Some(0); 4]);
    assert_eq!(fit(&line(&[0.0, 3.0, 1.0, 2.0]), 1.0, 2).labels(), [Some(0); 4]);
    assert_eq!(fit(&line(&[0.0, 1.001]), 1.0, 2).clusters(), 0);
    assert_eq!(fit(&line(&[-1e300, 1e300, f64::MAX]), 1.0, 2).clusters(), 0);
}

#[test]
fn wrong_input_is_an_error() {
    let data = line(&[1.0, 2.0]);
    for radius in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e200, 1e-200] {
        let error = DbscanConfig { radius, min_samples: 2 }.fit(data.as_ref()).unwrap_err();
        assert!(error.to_string().contains("`radius`"), "{error}");
    }
    assert!(DbscanConfig { radius: 1.0, min_samples: 0 }.fit(data.as_ref()).is_err());
    assert!(DbscanConfig::default().fit(line(&[1.0, f64::NAN]).as_ref()).is_err());
    assert!(DbscanConfig::default().fit(Mat::zeros(0, 1).as_ref()).is_err());
}
