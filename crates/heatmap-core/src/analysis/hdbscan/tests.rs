use super::*;
use crate::analysis::fixture::{fixture, labels, matrix, renumbered};
use crate::sample_rng;
use faer::Mat;
use rand::RngExt;

fn fit(data: &Mat<f64>, min_cluster_size: usize, min_samples: usize) -> Hdbscan {
    HdbscanConfig { min_cluster_size, min_samples: Some(min_samples), ..Default::default() }
        .fit(data.as_ref())
        .unwrap()
}

/// Whether a row joins rows of two clusters at the very distance at which it becomes dense enough
/// itself. At this distance the clusters and the row become one at once; scikit-learn, which merges
/// two at a time, gives the row to either of them.
fn joins_two(data: &Mat<f64>, min_samples: usize, labels: &[Option<usize>], row: usize) -> bool {
    let distances = |row: usize| -> Vec<f64> {
        let squared = |other: usize| {
            (0..data.ncols()).map(|j| (data[(row, j)] - data[(other, j)]).powi(2)).sum::<f64>()
        };
        (0..data.nrows()).map(|other| squared(other).sqrt()).collect()
    };
    let core_distance = |row: usize| {
        let mut sorted = distances(row);
        sorted.sort_by(f64::total_cmp);
        sorted[min_samples - 1]
    };
    let own = core_distance(row);
    let near = distances(row)
        .into_iter()
        .enumerate()
        .filter(|&(other, distance)| other != row && distance <= own);
    let mut joined: Vec<usize> = near
        .filter(|&(other, _)| core_distance(other) <= own)
        .filter_map(|(other, _)| labels[other])
        .collect();
    joined.sort_unstable();
    joined.dedup();
    joined.len() > 1
}

#[test]
fn clusters_and_outlier_scores_are_those_of_scikit_learn_and_hdbscan() {
    for (at, case) in fixture("hdbscan").as_array().unwrap().iter().enumerate() {
        let size = |name: &str| case[name].as_u64().unwrap() as usize;
        let data = matrix(&case["data"]);
        let ours = fit(&data, size("min_cluster_size"), size("min_samples"));
        let theirs = renumbered(&labels(&case["labels"]));
        assert_eq!(
            ours.clusters(),
            theirs.iter().flatten().max().map_or(0, |most| most + 1),
            "case {at}"
        );
        let mut skipped = 0;
        for row in 0..data.nrows() {
            if ours.labels()[row] != theirs[row]
                && joins_two(&data, size("min_samples"), &theirs, row)
            {
                assert_eq!(ours.labels()[row], None, "case {at}, row {row}");
                skipped += 1;
                continue;
            }
            assert_eq!(ours.labels()[row], theirs[row], "case {at}, row {row}");
            let (ours, theirs) =
                (ours.outlier_scores()[row], case["outlier_scores"][row].as_f64().unwrap());
            assert!((ours - theirs).abs() < 1e-9, "case {at}, row {row}: {ours} {theirs}");
        }
        assert!(skipped <= 1, "case {at}: {skipped} rows join two clusters");
    }
}

#[test]
fn few_equal_or_single_rows_are_noise() {
    let line = |values: &[f64]| Mat::from_fn(values.len(), 1, |i, _| values[i]);
    for data in [line(&[1.0]), line(&[1.0, 2.0]), line(&[3.0; 40]), line(&[0.0; 5])] {
        let ours = fit(&data, 3, 5);
        assert_eq!(ours.labels(), vec![None; data.nrows()]);
        assert!(ours.outlier_scores().iter().all(|score| (0.0..=1.0).contains(score)));
    }
}

#[test]
fn two_heaps_of_duplicates_are_two_clusters() {
    let data = Mat::from_fn(30, 2, |i, _| if i % 3 == 0 { 5.0 } else { 0.0 });
    let ours = fit(&data, 5, 5);
    assert_eq!(ours.labels(), (0..30).map(|i| Some(usize::from(i % 3 != 0))).collect::<Vec<_>>());
    assert!(ours.outlier_scores().iter().all(|score| (0.0..=1.0).contains(score)));
}

#[test]
fn heaps_of_equal_rows_are_clusters_of_their_own() {
    // Ten heaps on a line with rows between them; those of at least four rows are infinitely dense.
    // petal-clustering has one cluster from 5 to 10; scikit-learn has the heaps apart.
    let values =
        [(1, 2), (2, 3), (3, 6), (5, 6), (6, 4), (7, 1), (8, 5), (9, 3), (10, 1), (12, 1), (13, 3)];
    let rows: Vec<f64> =
        values.iter().flat_map(|&(value, count)| vec![f64::from(value); count]).collect();
    let ours = fit(&Mat::from_fn(rows.len(), 1, |i, _| rows[i]), 4, 1);
    let label = |value: f64| ours.labels()[rows.iter().position(|&row| row == value).unwrap()];
    let heaps = [3.0, 5.0, 6.0, 8.0].map(label);
    assert_eq!(heaps, [0, 1, 2, 3].map(Some));
    // At a distance of 1 all from 5 to 10 become one at once, so these were in no cluster before.
    assert_eq!([7.0, 9.0, 10.0].map(label), [None; 3]);
    assert_eq!([12.0, 13.0].map(label), [Some(4); 2]);
}

#[test]
fn the_order_of_rows_does_not_matter_even_with_ties() {
    for seed in 0..200 {
        let mut rng = sample_rng(seed, 1);
        let (samples, features) = (rng.random_range(1..80), rng.random_range(1..4));
        // Half of them on a grid: duplicates and equal distances.
        let step = if seed % 2 == 0 { 3.0 } else { 1e9 };
        let data = Mat::from_fn(samples, features, |_, _| {
            (rng.random::<f64>() * 3.0 * step).round() / step
        });
        let (size, neighbours) = (rng.random_range(2..9), rng.random_range(1..9));
        let ours = fit(&data, size, neighbours);
        let mut order: Vec<usize> = (0..samples).collect();
        order.sort_by_cached_key(|_| rng.random::<u64>());
        let shuffled =
            fit(&Mat::from_fn(samples, features, |i, j| data[(order[i], j)]), size, neighbours);
        let labels: Vec<Option<usize>> = order.iter().map(|&row| ours.labels()[row]).collect();
        assert_eq!(shuffled.labels(), renumbered(&labels), "seed {seed}");
        for (at, &row) in order.iter().enumerate() {
            assert_eq!(
                shuffled.outlier_scores()[at],
                ours.outlier_scores()[row],
                "seed {seed}, row {row}"
            );
            assert!((0.0..=1.0).contains(&ours.outlier_scores()[row]), "seed {seed}, row {row}");
        }
        assert_eq!(ours.labels(), renumbered(ours.labels()), "seed {seed}");
        for cluster in 0..ours.clusters() {
            let rows = ours.labels().iter().filter(|&&label| label == Some(cluster)).count();
            assert!(rows >= size, "seed {seed}: cluster of {rows} rows, fewer than {size}");
        }
    }
}

#[test]
fn a_hierarchy_made_by_hand() {
    // Two triples with sides of 1, 10 apart, and a row 20 beyond. With min_samples 1 nothing is
    // farther than it is.
    let line = [0.0, 1.0, 2.0, 12.0, 13.0, 14.0, 34.0];
    let ours = fit(&Mat::from_fn(7, 1, |i, _| line[i]), 3, 1);
    let (a, b) = (Some(0), Some(1));
    assert_eq!(ours.labels(), [a, a, a, b, b, b, None]);
    // The last leaves the root, whose densest part lasts to 1, at 20; the triples vanish at once.
    assert_eq!(ours.outlier_scores(), [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0 - 1.0 / 20.0]);
}

#[test]
fn many_rows_take_the_parallel_way() {
    // More than one chunk. Lines of points 1 apart, 5 between the lines; the last two of each are 2
    // away.
    let data = Mat::from_fn(3_000, 1, |i, _| {
        let (line, place) = (i % 3, i / 3);
        (line * 2_000 + place) as f64 + if place >= 998 { 1.0 } else { 0.0 }
    });
    let ours = fit(&data, 100, 2);
    assert_eq!(ours.clusters(), 3);
    assert!((0..3_000).all(|i| ours.labels()[i] == Some(i % 3)));
    // 998 and 999 leave at 2, the densest part lasts to 1.
    assert!((0..3_000).all(|i| ours.outlier_scores()[i] == if i / 3 >= 998 { 0.5 } else { 0.0 }));
}

#[test]
fn wrong_input_is_an_error() {
    let data = Mat::from_fn(9, 1, |i, _| i as f64);
    let message =
        |config: HdbscanConfig, data: &Mat<f64>| config.fit(data.as_ref()).unwrap_err().to_string();
    assert!(
        message(HdbscanConfig { min_cluster_size: 1, ..Default::default() }, &data)
            .contains("min_cluster_size")
    );
    assert!(
        message(
            HdbscanConfig { min_cluster_size: 2, min_samples: Some(0), ..Default::default() },
            &data
        )
        .contains("min_samples")
    );
    let broken = Mat::from_fn(9, 1, |i, _| if i == 3 { f64::INFINITY } else { 0.0 });
    assert!(message(HdbscanConfig::default(), &broken).contains("feature 0 of sample 3"));
    let far = Mat::from_fn(9, 1, |i, _| i as f64 * 1e300);
    assert!(message(HdbscanConfig::default(), &far).contains("too large"));
    assert!(HdbscanConfig::default().fit(Mat::zeros(0, 3).as_ref()).is_err());
}

#[test]
fn leaves_are_the_clusters_that_hold_no_other() {
    // Three heaps on a line, two of them near one another: as a whole these two last longest.
    let mut rng = sample_rng(4, 0);
    let middles = [0.0, 1.0, 40.0];
    let data = Mat::from_fn(90, 1, |i, _| middles[i / 30] + 0.3 * rng.random::<f64>());
    let of = |selection| {
        let config = HdbscanConfig { min_cluster_size: 10, min_samples: Some(5), selection };
        config.fit(data.as_ref()).unwrap()
    };
    let leaves = of(ClusterSelection::Leaf);
    let most = |from: usize| leaves.labels()[from..from + 30].iter().flatten().copied().max();
    assert!(leaves.clusters() >= 3 && most(0) != most(30) && most(30) != most(60));
    assert!(of(ClusterSelection::ExcessOfMass).clusters() <= leaves.clusters());
}
