//! Clicks in bursts: people click one place repeatedly, so bins vary more than Poisson counts.
//!
//! Places are drawn from a scene as usual; then each place is clicked a geometric number of times.
//! With a mean of m clicks per place, the variance of a bin is 2 m - 1 times its mean.

use rand::{Rng, RngExt};

use super::Scene;
use crate::{Grid, Heatmap};

/// Draws lengths of bursts, geometric with this `mean`, that sum to `total`; the last one is cut
/// short for that.
pub(super) fn burst_lengths(total: u32, mean: f64, rng: &mut impl Rng) -> Vec<u32> {
    // Logarithm of the probability that a burst goes on after a click.
    let again = if mean > 1.0 { libm::log(1.0 - 1.0 / mean) } else { f64::NEG_INFINITY };
    let mut lengths = Vec::with_capacity((f64::from(total) / mean.max(1.0)) as usize + 16);
    let mut left = total;
    while left > 0 {
        // In (0, 1], so that the logarithm is finite. For a mean of 1, `again` is minus infinity
        // and the quotient 0.
        let u = 1.0 - rng.random::<f64>();
        let length = (1.0 + (libm::log(u) / again).floor()).min(f64::from(left)) as u32;
        lengths.push(length);
        left -= length;
    }
    if let Some(last) = lengths.len().checked_sub(1) {
        // Put the burst that was cut at a random position, so that it is not always the last one.
        lengths.swap(rng.random_range(0..=last), last);
    }
    lengths
}

/// Draws a place for each burst, from `broken` with probability `severity` and else from `good`,
/// and counts the clicks of the burst there.
///
/// The clicks of a scene are used only as weights of its parts. A place that cannot be found is
/// drawn from the whole banner, so that no click is lost.
pub(super) fn render_bursts(
    good: Scene,
    broken: Option<Scene>,
    severity: f64,
    bursts: &[u32],
    grid: Grid,
    rng: &mut impl Rng,
) -> Heatmap {
    let all = bursts.len() as u32;
    let from_broken = broken
        .as_ref()
        .map_or(0, |_| (0..all).filter(|_| rng.random_bool(severity)).count() as u32);
    let mut bins = Vec::with_capacity(bursts.len());
    for (scene, places) in [(broken, from_broken), (Some(good), all - from_broken)] {
        if let Some(mut scene) = scene {
            deal(&mut scene, places, rng);
            scene.for_each_click(grid, rng, |x, y| {
                bins.push(y as i32 as usize * grid.columns + x as i32 as usize)
            });
        }
    }
    while bins.len() < bursts.len() {
        bins.push(rng.random_range(0..grid.len()));
    }
    let mut counts = vec![0_u32; grid.len()];
    for (bin, length) in bins.into_iter().zip(bursts) {
        counts[bin] += length;
    }
    Heatmap::from_counts(grid, &counts)
}

/// Deals `places` out to the parts of the scene at random, in proportion to their clicks: a
/// multinomial draw, where [`Scene::scale_to`] would give every part its exact share.
fn deal(scene: &mut Scene, places: u32, rng: &mut impl Rng) {
    let parts = scene.clusters.iter_mut().map(|c| &mut c.clicks);
    let mut parts: Vec<&mut u32> =
        parts.chain(scene.uniform.iter_mut().map(|u| &mut u.clicks)).collect();
    let mut sum = 0;
    let upto: Vec<u64> = parts
        .iter_mut()
        .map(|part| {
            sum += u64::from(std::mem::take(*part));
            sum
        })
        .collect();
    if sum > 0 {
        for _ in 0..places {
            let at = rng.random_range(0..sum);
            *parts[upto.partition_point(|&end| end <= at)] += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synth::{Cluster, UniformClicks};
    use crate::{Point, Rect, sample_rng};

    const GRID: Grid = Grid::MEDIUM_RECTANGLE;

    fn even(clicks: u32) -> Scene {
        Scene {
            uniform: vec![UniformClicks { region: Rect::whole(&GRID), clicks }],
            ..Default::default()
        }
    }

    #[test]
    fn bursts_have_their_mean_and_sum_to_the_total() {
        for mean in [1.0, 1.4, 2.5] {
            let lengths = burst_lengths(50_000, mean, &mut sample_rng(1, 0));
            assert_eq!(lengths.iter().sum::<u32>(), 50_000);
            assert!(lengths.iter().all(|&length| length > 0));
            let found = 50_000.0 / lengths.len() as f64;
            // A geometric number has variance mean (mean - 1).
            let sd = (mean * (mean - 1.0) / lengths.len() as f64).sqrt();
            assert!((found - mean).abs() <= 4.5 * sd, "{found} for {mean}");
        }
        assert!(burst_lengths(0, 2.0, &mut sample_rng(1, 0)).is_empty());
    }

    #[test]
    fn the_variance_of_a_bin_is_twice_the_mean_length_less_one() {
        for mean in [1.0, 1.5, 2.5] {
            let mut rng = sample_rng(2, 0);
            let bursts = burst_lengths(60_000, mean, &mut rng);
            let heatmap = render_bursts(even(1), None, 0.0, &bursts, GRID, &mut rng);
            assert_eq!(heatmap.total(), 60_000.0);
            let variance =
                heatmap.values().iter().map(|&v| (f64::from(v) - 20.0).powi(2)).sum::<f64>()
                    / 3_000.0;
            // 3,000 bins: a relative standard deviation of about sqrt(2 / 3,000) = 2.6 %.
            assert!(
                (variance / 20.0 / (2.0 * mean - 1.0) - 1.0).abs() < 0.13,
                "{variance} at mean {mean}"
            );
        }
    }

    #[test]
    fn a_scene_without_place_loses_no_click() {
        let far = Cluster::axis_aligned(Point { x: 900.0, y: 0.0 }, 1.0, 1.0, 7);
        let nowhere = Scene { clusters: vec![far], ..Default::default() };
        for scene in [nowhere, Scene::default()] {
            let heatmap = render_bursts(
                scene.clone(),
                Some(scene),
                0.5,
                &[3, 2, 2],
                GRID,
                &mut sample_rng(3, 0),
            );
            assert_eq!(heatmap.total(), 7.0);
        }
    }

    #[test]
    fn the_broken_scene_takes_its_share() {
        let spot = Cluster::axis_aligned(Point { x: 10.5, y: 10.5 }, 0.0, 0.0, 7);
        let broken = Scene { clusters: vec![spot], ..Default::default() };
        let heatmap =
            render_bursts(even(1), Some(broken), 0.7, &[1; 4_000], GRID, &mut sample_rng(4, 0));
        // Binomial(4,000, 0.7): standard deviation 29; and a click or two of the even ones.
        assert!((f64::from(heatmap.get(10, 10)) - 2_800.0).abs() < 4.5 * 29.0);
    }

    #[test]
    fn places_are_dealt_by_weight() {
        let mut scene = even(3_000);
        scene.clusters.push(Cluster::axis_aligned(Point { x: 9.0, y: 9.0 }, 1.0, 1.0, 1_000));
        deal(&mut scene, 4_000, &mut sample_rng(5, 0));
        assert_eq!(scene.total_clicks(), 4_000);
        assert!((f64::from(scene.clusters[0].clicks) - 1_000.0).abs() < 4.5 * 27.0);
    }
}
