//! What must not matter to the unfolding, and input that is too little, equal or contradictory.

use super::*;

#[test]
fn position_rotation_and_unit_do_not_matter() {
    let (_, data) = fixture();
    let config = MvuConfig { tolerance: 1e-5, ..MvuConfig::default() };
    let plain = config.fit(data.as_ref()).unwrap();
    let (sin, cos) = 0.7_f64.sin_cos();
    let moved = Mat::from_fn(40, 6, |i, c| {
        let turned = match c {
            0 => cos * data[(i, 0)] - sin * data[(i, 3)],
            3 => sin * data[(i, 0)] + cos * data[(i, 3)],
            _ => data[(i, c)],
        };
        1000.0 * turned + 5e4
    });
    let moved = config.fit(moved.as_ref()).unwrap();
    assert_eq!(moved.report().edges, plain.report().edges);
    let ratio = moved.report().objective / plain.report().objective / 1e6;
    assert!((ratio - 1.0).abs() < 1e-3, "{ratio}");
    for (a, b) in [(0, 1), (5, 30), (12, 39)] {
        let far = squared_distance(plain.embedding(), a, b);
        let moved = squared_distance(moved.embedding(), a, b) / 1e6;
        assert!((moved - far).abs() < 0.02 * far.max(1.0), "{a}, {b}: {moved} {far}");
    }
}

#[test]
fn wide_data_give_the_same_as_narrow_data() {
    let (_, narrow) = fixture();
    // Each feature becomes 1,000 copies of a thousandth of its square; the other columns are
    // constant.
    let wide = Mat::from_fn(40, 7000, |i, c| {
        if c < 6000 { narrow[(i, c / 1000)] / 1000.0_f64.sqrt() } else { 3.0 }
    });
    let config = MvuConfig { tolerance: 1e-5, ..MvuConfig::default() };
    let (narrow, wide) = (config.fit(narrow.as_ref()).unwrap(), config.fit(wide.as_ref()).unwrap());
    assert_eq!(narrow.report().edges, wide.report().edges);
    assert!((narrow.report().objective / wide.report().objective - 1.0).abs() < 1e-3);
}

#[test]
fn threads_and_time_do_not_matter() {
    let (roll, _) = swiss_roll(120);
    let fit = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| MvuConfig { seed: 4, ..MvuConfig::default() }.fit(roll.as_ref()).unwrap())
    };
    let (one, three) = (fit(1), fit(3));
    assert_eq!(one.embedding(), three.embedding());
    assert_eq!(one.report(), three.report());
}

#[test]
fn equal_samples_share_a_place_and_weigh_as_many() {
    // Three samples in one place and two in another, 5 apart.
    let data = Mat::from_fn(5, 2, |i, c| if i % 2 == 0 { 0.0 } else { [3.0, 4.0][c] });
    let mvu = MvuConfig { components: 1, tolerance: 1e-6, ..MvuConfig::default() }
        .fit(data.as_ref())
        .unwrap();
    assert!((mvu.report().objective - 25.0 * 3.0 * 2.0 / 5.0).abs() < 1e-3, "{:?}", mvu.report());
    assert_eq!((mvu.report().points, mvu.report().edges), (2, 1));
    let at = mvu.embedding();
    assert!(at[(0, 0)] == at[(2, 0)] && at[(1, 0)] == at[(3, 0)]);
    assert!(
        (at[(0, 0)] * 3.0 + at[(1, 0)] * 2.0).abs() < 1e-6
            && (at[(0, 0)] - at[(1, 0)]).abs() - 5.0 < 1e-4
    );
    // The same by distances, with an edge of length 0.
    let edges = [(0, 2, 0.0), (2, 4, 0.0), (1, 3, 0.0), (0, 1, 5.0), (4, 3, 5.0)];
    let by_graph = MvuConfig { components: 1, tolerance: 1e-6, ..MvuConfig::default() }
        .fit_graph(5, &edges)
        .unwrap();
    assert!((by_graph.report().objective - 30.0).abs() < 1e-3);
}

#[test]
fn parts_of_a_graph_are_bridged_by_the_shortest_pair() {
    // Three clusters on a line, far from each other; their nearest points are known.
    let random = uniform(8, 90);
    let data = Mat::from_fn(45, 2, |i, c| {
        let centre = if c == 0 { (i / 15) as f64 * 100.0 } else { 0.0 };
        centre + 4.0 * random[2 * i + c]
    });
    let mvu = MvuConfig::default().fit(data.as_ref()).unwrap();
    assert_eq!(mvu.report().bridges, 2);
    assert!(mvu.report().converged && mvu.report().objective.is_finite());
    let between = |first: usize| {
        let pairs =
            (0..15).flat_map(|a| (0..15).map(move |b| (first * 15 + a, first * 15 + 15 + b)));
        pairs.min_by(|x, y| {
            squared_distance(data.as_ref(), x.0, x.1).total_cmp(&squared_distance(
                data.as_ref(),
                y.0,
                y.1,
            ))
        })
    };
    for first in 0..2 {
        let (a, b) = between(first).unwrap();
        // The bridges carry all tension, so they lie in the embedding.
        let ratio = squared_distance(mvu.embedding(), a, b) / squared_distance(data.as_ref(), a, b);
        assert!((ratio.sqrt() - 1.0).abs() < 0.02, "{ratio}");
    }
}

#[test]
fn the_bound_holds_and_the_report_is_honest_when_the_work_is_cut_short() {
    let (fixture, data) = fixture();
    for max_iterations in [1, 20, 100] {
        let config = MvuConfig {
            neighbors: fixture.neighbors,
            tolerance: 1e-6,
            max_iterations,
            ..MvuConfig::default()
        };
        let report = config.fit(data.as_ref()).unwrap().report().clone();
        assert!(!report.converged && report.largest_relative_violation > 1e-6, "{report:?}");
        assert!(report.iterations <= max_iterations && report.relative_gap > 1e-4, "{report:?}");
        assert!(report.dual_bound > fixture.clarabel.objective * (1.0 - 1e-6), "{report:?}");
    }
}

#[test]
fn the_report_can_be_written() {
    let (_, data) = fixture();
    let report =
        serde_json::to_value(MvuConfig::default().fit(data.as_ref()).unwrap().report()).unwrap();
    assert!(report["dual_bound"].as_f64().unwrap() > 0.0 && report["bridges"] == 0);
    let config: MvuConfig = serde_json::from_str(r#"{"neighbors": 7}"#).unwrap();
    assert_eq!(config, MvuConfig { neighbors: 7, ..MvuConfig::default() });
    assert!(serde_json::from_str::<MvuConfig>(r#"{"neighbours": 7}"#).is_err());
}

#[test]
fn bad_input_is_an_error() {
    let config = MvuConfig::default();
    let said = |result: Result<Mvu>| result.unwrap_err().to_string();
    let data = Mat::from_fn(6, 2, |i, c| (i * i + c) as f64);
    for (wrong, field) in [
        (MvuConfig { neighbors: 0, ..config.clone() }, "neighbors"),
        (MvuConfig { components: 0, ..config.clone() }, "components"),
        (MvuConfig { components: 49, ..config.clone() }, "components"),
        (MvuConfig { rank: Some(1), ..config.clone() }, "rank"),
        (MvuConfig { rank: Some(49), ..config.clone() }, "rank"),
        (MvuConfig { tolerance: f64::NAN, ..config.clone() }, "tolerance"),
        (MvuConfig { tolerance: 0.0, ..config.clone() }, "tolerance"),
        (MvuConfig { max_iterations: 0, ..config.clone() }, "max_iterations"),
    ] {
        assert!(said(wrong.fit(data.as_ref())).contains(field));
    }
    let broken = Mat::from_fn(6, 2, |i, c| if (i, c) == (4, 1) { f64::NAN } else { i as f64 });
    assert!(said(config.fit(broken.as_ref())).contains("feature 1 of sample 4"));
    assert!(said(config.fit(Mat::<f64>::zeros(0, 3).as_ref())).contains("0 x 3"));
    assert!(said(config.fit(Mat::<f64>::zeros(4, 3).as_ref())).contains("two different samples"));
    let huge = Mat::from_fn(4, 1, |i, _| i as f64 * 1e200);
    assert!(said(config.fit(huge.as_ref())).contains("overflow"));
    assert!(said(config.fit_graph(3, &[(0, 3, 1.0)])).contains("(0, 3)"));
    assert!(said(config.fit_graph(2, &[(0, 1, -1.0)])).contains("-1"));
    assert!(said(config.fit_graph(2, &[(0, 1, f64::INFINITY)])).contains("inf"));
    assert!(said(config.fit_graph(2, &[(1, 1, 2.0), (0, 1, 1.0)])).contains("itself"));
    assert!(said(config.fit_graph(4, &[(0, 1, 1.0), (2, 3, 1.0)])).contains("2 parts"));
    assert!(said(config.fit_graph(2, &[(0, 1, 1.0), (1, 0, 2.0)])).contains("two distances"));
    assert!(said(config.fit_graph(2, &[])).contains("2 parts"));
    assert!(said(config.fit_graph(0, &[])).contains("two different samples"));
}

#[test]
fn distances_that_contradict_each_other_end_and_show() {
    // No triangle has sides 1, 1 and 5.
    let edges = [(0, 1, 1.0), (1, 2, 1.0), (0, 2, 5.0)];
    let mvu =
        MvuConfig { max_iterations: 2000, ..MvuConfig::default() }.fit_graph(3, &edges).unwrap();
    assert!(
        !mvu.report().converged && mvu.report().largest_relative_violation > 0.1,
        "{:?}",
        mvu.report()
    );
}

#[test]
fn few_samples_work() {
    let data = Mat::from_fn(2, 3, |i, c| (i * (c + 1)) as f64);
    let mvu = MvuConfig::default().fit(data.as_ref()).unwrap();
    assert!((mvu.report().objective - 7.0).abs() < 0.1, "{:?}", mvu.report());
    assert_eq!((mvu.embedding().nrows(), mvu.embedding().ncols()), (2, 2));
    // More neighbours than there are samples means all of them: nothing can move.
    let data = Mat::from_fn(5, 2, |i, c| uniform(2, 10)[2 * i + c]);
    let mvu = MvuConfig { neighbors: 50, tolerance: 1e-4, ..MvuConfig::default() }
        .fit(data.as_ref())
        .unwrap();
    for (a, b) in [(0, 1), (2, 4), (1, 3)] {
        let ratio = squared_distance(mvu.embedding(), a, b) / squared_distance(data.as_ref(), a, b);
        assert!((ratio - 1.0).abs() < 0.02, "{ratio} {:?}", mvu.report());
    }
}
