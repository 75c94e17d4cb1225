use super::*;
use crate::analysis::fixture::{fixture, labels, matrix, renumbered};

fn table(values: &[f64]) -> Mat<f64> {
    Mat::from_fn(values.len(), 1, |i, _| values[i])
}

fn config(clusters: usize) -> KMeansConfig {
    KMeansConfig { clusters, ..KMeansConfig::default() }
}

#[test]
fn inertia_is_that_of_scikit_learn_or_less() {
    for case in fixture("kmeans").as_array().unwrap() {
        let data = matrix(&case["data"]);
        let clusters = case["clusters"].as_u64().unwrap() as usize;
        let kmeans = config(clusters).fit(data.as_ref()).unwrap();
        let theirs = case["inertia"].as_f64().unwrap();
        // The best of ten restarts on both sides, which stop within the tolerance of an optimum.
        assert!(
            kmeans.inertia() <= theirs * (1.0 + 1e-3),
            "{} clusters: {} {theirs}",
            clusters,
            kmeans.inertia()
        );
        if clusters == 4 {
            // Well separated: there is one optimum.
            assert!(
                (kmeans.inertia() / theirs - 1.0).abs() < 1e-12,
                "{} {theirs}",
                kmeans.inertia()
            );
            let ours: Vec<Option<usize>> = kmeans.labels().iter().copied().map(Some).collect();
            assert_eq!(ours, renumbered(&labels(&case["labels"])));
        }
    }
}

#[test]
fn the_result_is_consistent_with_naive_loops() {
    let data = matrix(&fixture("kmeans")[1]["data"]);
    let kmeans = KMeansConfig { tolerance: 0.0, ..config(6) }.fit(data.as_ref()).unwrap();
    let squared = |row: usize, cluster: usize| -> f64 {
        (0..2).map(|j| (data[(row, j)] - kmeans.centroids()[(cluster, j)]).powi(2)).sum()
    };
    let mut inertia = 0.0;
    for row in 0..data.nrows() {
        let own = squared(row, kmeans.labels()[row]);
        assert!(
            (0..6).all(|cluster| own <= squared(row, cluster)),
            "row {row} has a nearer centroid"
        );
        inertia += own;
    }
    assert!((kmeans.inertia() - inertia).abs() < 1e-9);
    for cluster in 0..6 {
        let own: Vec<usize> =
            (0..data.nrows()).filter(|&row| kmeans.labels()[row] == cluster).collect();
        for j in 0..2 {
            let mean = own.iter().map(|&row| data[(row, j)]).sum::<f64>() / own.len() as f64;
            assert!(
                (kmeans.centroids()[(cluster, j)] - mean).abs() < 1e-12,
                "cluster {cluster} is off its mean"
            );
        }
    }
    assert_eq!(kmeans.predict(data.as_ref()).unwrap(), kmeans.labels());
}

#[test]
fn the_best_partition_of_a_line_is_found() {
    // By hand: {0, 1}, {10, 11, 12}, {50}: 0.5 + 2 + 0.
    let kmeans = config(3).fit(table(&[10.0, 0.0, 11.0, 50.0, 1.0, 12.0]).as_ref()).unwrap();
    assert_eq!(kmeans.labels(), [0, 1, 0, 2, 1, 0]);
    assert!((kmeans.inertia() - 2.5).abs() < 1e-12);
    assert_eq!(kmeans.predict(table(&[7.0, -100.0, 1e9]).as_ref()).unwrap(), [0, 1, 2]);
    // As many clusters as rows, and one for all: variance times the number of rows.
    assert_eq!(config(2).fit(table(&[1.0, 2.0]).as_ref()).unwrap().inertia(), 0.0);
    assert!(
        (config(1).fit(table(&[1.0, 2.0, 6.0]).as_ref()).unwrap().inertia() - 14.0).abs() < 1e-12
    );
}

#[test]
fn a_cluster_without_rows_takes_the_farthest_that_is_not_alone() {
    let (mut labels, mut distances) = (vec![0, 0, 1, 0], vec![1.0, 3.0, 9.0, 2.0]);
    fill_empty_clusters(&mut labels, &mut distances, 4);
    assert_eq!((labels, distances), (vec![0, 2, 1, 3], vec![1.0, 0.0, 9.0, 0.0]));
}

#[test]
fn a_large_offset_costs_nothing() {
    let data = matrix(&fixture("kmeans")[0]["data"]);
    let far = Mat::from_fn(data.nrows(), 3, |i, j| data[(i, j)] + 1e7);
    let (near, far) = (config(4).fit(data.as_ref()).unwrap(), config(4).fit(far.as_ref()).unwrap());
    assert_eq!(near.labels(), far.labels());
    assert!((near.inertia() / far.inertia() - 1.0).abs() < 1e-6);
}

#[test]
fn threads_do_not_matter_and_seeds_do() {
    let data = matrix(&fixture("kmeans")[1]["data"]);
    let fit = |threads: usize, seed: u64| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let one = KMeansConfig { restarts: 2, seed, ..config(12) };
        pool.install(|| one.fit(data.as_ref())).unwrap().inertia()
    };
    assert_eq!(fit(1, 3), fit(3, 3));
    assert_ne!(fit(1, 3), fit(1, 4));
}

#[test]
fn wrong_input_is_an_error() {
    let data = table(&[1.0, 1.0, 2.0, 2.0]);
    let message =
        |config: KMeansConfig, data: &Mat<f64>| config.fit(data.as_ref()).unwrap_err().to_string();
    assert!(message(config(3), &data).contains("3 clusters of 2 distinct samples"));
    assert!(message(config(5), &data).contains("of 4 samples"));
    assert!(message(config(0), &data).contains("clusters"));
    assert!(message(KMeansConfig { restarts: 0, ..config(2) }, &data).contains("restarts"));
    assert!(
        message(KMeansConfig { max_iterations: 0, ..config(2) }, &data).contains("max_iterations")
    );
    assert!(
        message(KMeansConfig { tolerance: f64::NAN, ..config(2) }, &data).contains("tolerance")
    );
    assert!(message(config(2), &table(&[1.0, f64::NAN])).contains("feature 0 of sample 1"));
    assert!(message(config(2), &table(&[1e300, -1e300])).contains("too large"));
    assert!(config(2).fit(Mat::zeros(0, 2).as_ref()).is_err());
    assert!(config(2).fit(data.as_ref()).unwrap().predict(Mat::zeros(1, 2).as_ref()).is_err());
}
