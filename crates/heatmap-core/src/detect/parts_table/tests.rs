use super::*;
use crate::sample_rng;
use rand_distr::{Distribution, StandardNormal};

#[test]
fn large_groups_have_a_null_of_their_own_and_small_ones_share() {
    let mut table = PartsTable::new(vec!["a".into(), "never".into()]);
    let mut rng = sample_rng(1, 0);
    let mut normal = || -> f64 { StandardNormal.sample(&mut rng) };
    // Two large groups around 0 and 100; ten small ones around 7.
    for banner in 0..500 {
        table.push(
            &[Some(normal() + if banner % 2 == 0 { 0.0 } else { 100.0 }), None],
            50.0,
            banner % 2,
        );
    }
    for banner in 0..100 {
        table.push(&[Some(normal() + 7.0), None], 50.0, 2 + banner % 10);
    }
    let z = table.standardized(&[false; 600]).unwrap();
    let of = |from: usize, to: usize| {
        let values: Vec<f64> = (from..to).filter_map(|banner| z.get(banner, 0)).collect();
        (values.iter().sum::<f64>() / values.len() as f64, values.len())
    };
    assert!(of(0, 500).0.abs() < 0.2 && of(0, 500).1 == 500);
    assert!(of(500, 600).0.abs() < 0.3 && of(500, 600).1 == 100);
    assert_eq!(z.row(0)[1], None);
    // In the same group, the order is kept.
    assert_eq!(table.get(0, 0) < table.get(2, 0), z.get(0, 0) < z.get(2, 0));
}

#[test]
fn too_few_banners_have_no_z() {
    let mut table = PartsTable::new(vec!["a".into()]);
    (0..10).for_each(|banner| table.push(&[Some(f64::from(banner))], 5.0, 0));
    assert!(
        (0..10).all(|banner| table.standardized(&[false; 10]).unwrap().get(banner, 0).is_none())
    );
    assert!(PartsTable::default().standardized(&[]).unwrap().is_empty());
}

#[test]
fn a_few_banners_beside_many_are_held_against_the_many() {
    let mut table = PartsTable::new(vec!["a".into()]);
    let mut rng = sample_rng(2, 0);
    (0..300).for_each(|_| table.push(&[Some(StandardNormal.sample(&mut rng))], 50.0, 0));
    (0..5).for_each(|at| table.push(&[Some(f64::from(at))], 50.0, 1));
    let z = table.standardized(&[false; 305]).unwrap();
    assert!((z.get(304, 0).unwrap() - 4.0).abs() < 1.0);
}

#[test]
fn known_good_banners_say_how_good_ones_spread_when_many_are_broken() {
    let mut table = PartsTable::new(vec!["a".into()]);
    let mut rng = sample_rng(3, 0);
    let broken: Vec<bool> = (0..600).map(|banner| banner % 5 < 2).collect();
    for &broken in &broken {
        let noise: f64 = StandardNormal.sample(&mut rng);
        table.push(&[Some(noise + if broken { 6.0 } else { 0.0 })], 50.0, 0);
    }
    let good: Vec<bool> = (0..600).map(|banner| !broken[banner] && banner % 2 == 0).collect();
    let caught = |good: &[bool]| {
        let z = table.standardized(good).unwrap();
        (0..600).filter(|&banner| broken[banner] && z.get(banner, 0).unwrap() > 2.33).count()
    };
    assert!(
        caught(&good) > 230 && caught(&[false; 600]) < 100,
        "{} {}",
        caught(&good),
        caught(&[false; 600])
    );
}

#[test]
fn z_of_good_banners_are_standard_normal_and_holes_stay() {
    let mut table = PartsTable::new(vec!["a".into(), "b".into()]);
    let mut rng = sample_rng(8, 0);
    let mut normal = || -> f64 { StandardNormal.sample(&mut rng) };
    let broken: Vec<bool> = (0..3_000).map(|banner| banner % 10 == 0).collect();
    for (banner, &broken) in broken.iter().enumerate() {
        let apart = if broken { 6.0 } else { 0.0 };
        table.push(&[Some(apart + normal()), (banner % 3 > 0).then(&mut normal)], 100.0, 0);
    }
    let z = table.standardized(&[false; 3_000]).unwrap();
    let of = |wanted: bool| -> Vec<f64> {
        (0..3_000)
            .filter(|&banner| broken[banner] == wanted)
            .filter_map(|banner| z.get(banner, 0))
            .collect()
    };
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    assert!(mean(&of(false)).abs() < 0.15 && mean(&of(true)) > 4.0);
    assert!((0..3_000).all(|banner| z.get(banner, 1).is_some() == table.get(banner, 1).is_some()));
}
