//! [`network_input`]: the input planes of the network, made of a banner and the references that it
//! is compared with.

use super::BannerMaps;
use super::sort_lanes::{LANES, comparisons, quantile, sort_lanes};

/// Number of input planes of the network. They are, in this order:
///
/// * two maps of the banner ([`BannerMaps`]: fine, then wide),
/// * the median of the references in each map,
/// * the spread of the references in each map,
/// * the difference of banner and median in each map, in units of the spread,
/// * the difference of the shares in the wide map,
/// * three constant planes, in logarithms: the clicks of the banner, the median clicks of the
///   references, and the number of references.
pub const CHANNELS: usize = 12;

/// Largest number of references that a banner is compared with: the most similar ones.
pub const MAX_REFERENCES: usize = 24;

/// Differences are clipped to this many units of the spread.
const MAX_DEPARTURE: f32 = 6.0;
/// Scale of the difference of the shares: where uniform clicks give 1, a spot gives tens.
const SHARES: f32 = 0.1;
/// Added to every spread, because even references that agree exactly leave room for chance.
const SPREAD_FLOOR: f32 = 0.25;
/// Interquartile range of a normal distribution, in standard deviations.
const QUARTILES_APART: f32 = 1.349;

/// A reference: a banner that another one is compared with.
#[derive(Debug, Clone, Copy)]
pub struct NetworkReference<'a> {
    /// Its two maps, as returned by [`BannerMaps::of`].
    pub maps: &'a [f32],
    /// Its number of clicks.
    pub clicks: f64,
}

/// Appends to `planes` the [`CHANNELS`] input planes of a banner, given by its `maps` and `clicks`,
/// compared with `references`. Without a reference, the planes that depend on them are zeros.
///
/// # Shapes
/// - appended: `[CHANNELS, BannerMaps::ROWS, BannerMaps::COLUMNS]`, row by row
///
/// # Panics
/// When maps are not as long as those of [`BannerMaps::of`].
pub fn network_input(
    maps: &[f32],
    clicks: f64,
    references: &[NetworkReference<'_>],
    planes: &mut Vec<f32>,
) {
    const BOTH: usize = 2 * BannerMaps::POINTS;
    assert!(
        maps.len() == BOTH && references.iter().all(|r| r.maps.len() == BOTH),
        "the two maps of each banner"
    );
    let start = planes.len();
    planes.extend_from_slice(maps);
    planes.resize(start + CHANNELS * BannerMaps::POINTS, 0.0);
    let (reference, rest) = planes[start + BOTH..].split_at_mut(3 * BOTH);
    let (excess, level) = rest.split_at_mut(BannerMaps::POINTS);
    if !references.is_empty() {
        let (median, rest) = reference.split_at_mut(BOTH);
        let (spread, departure) = rest.split_at_mut(BOTH);
        middle_and_spread(references, median, spread);
        for at in 0..BOTH {
            let difference = (maps[at] - median[at]) / (spread[at] + SPREAD_FLOOR);
            departure[at] = difference.clamp(-MAX_DEPARTURE, MAX_DEPARTURE);
        }
        let wide = maps.iter().zip(&*median).skip(BannerMaps::POINTS);
        for (excess, (own, median)) in excess.iter_mut().zip(wide) {
            *excess = (SHARES * (own * own - median * median)).clamp(-MAX_DEPARTURE, MAX_DEPARTURE);
        }
    }
    let mut of_reference: Vec<f64> = references.iter().map(|reference| reference.clicks).collect();
    of_reference.sort_by(f64::total_cmp);
    let usual = of_reference.get(of_reference.len() / 2).copied().unwrap_or(0.0);
    let levels =
        [clicks.ln_1p() / 8.0, usual.ln_1p() / 8.0, (references.len() as f64).ln_1p() / 4.0];
    level
        .chunks_exact_mut(BannerMaps::POINTS)
        .zip(levels)
        .for_each(|(plane, level)| plane.fill(level as f32));
}

/// Computes, at every point, the median and the spread: the interquartile range, scaled to be the
/// standard deviation of a normal distribution.
fn middle_and_spread(references: &[NetworkReference<'_>], median: &mut [f32], spread: &mut [f32]) {
    // Dispatched at run time to code compiled for the vector instructions of this processor.
    pulp::Arch::new().dispatch(MiddleAndSpread { references, median, spread });
}

struct MiddleAndSpread<'a> {
    references: &'a [NetworkReference<'a>],
    median: &'a mut [f32],
    spread: &'a mut [f32],
}

impl pulp::NullaryFnOnce for MiddleAndSpread<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { references, median, spread } = self;
        let mut rows = vec![[0.0_f32; LANES]; references.len()];
        let comparisons = comparisons(rows.len());
        for first in (0..median.len()).step_by(LANES) {
            let lanes = LANES.min(median.len() - first);
            for (row, reference) in rows.iter_mut().zip(references) {
                row[..lanes].copy_from_slice(&reference.maps[first..first + lanes]);
            }
            sort_lanes(&mut rows, &comparisons);
            let [low, middle, high] = [0.25, 0.5, 0.75].map(|share| quantile(&rows, share));
            for lane in 0..lanes {
                median[first + lane] = middle[lane];
                spread[first + lane] = (high[lane] - low[lane]) / QUARTILES_APART;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn maps(value: impl Fn(usize) -> f32) -> Vec<f32> {
        (0..2 * BannerMaps::POINTS).map(value).collect()
    }

    #[test]
    fn planes_are_the_banner_the_reference_and_how_they_differ() {
        let own = maps(|at| at as f32 / 100.0);
        let others: Vec<Vec<f32>> = [1.0, 5.0, 2.0].iter().map(|&value| maps(|_| value)).collect();
        let references: Vec<NetworkReference<'_>> = others
            .iter()
            .zip([9.0, 99.0, 999.0])
            .map(|(maps, clicks)| NetworkReference { maps, clicks })
            .collect();
        let mut planes = vec![7.0];
        network_input(&own, 24.0, &references, &mut planes);
        let plane = |at: usize| &planes[1 + at * BannerMaps::POINTS..][..BannerMaps::POINTS];
        assert_eq!(planes.len(), 1 + CHANNELS * BannerMaps::POINTS);
        assert_eq!((plane(0)[3], plane(1)[3]), (0.03, 7.53));
        // Quartiles of 1, 2, 5: 1.5 and 3.5.
        let spread = 2.0 / 1.349;
        assert!(plane(2).iter().chain(plane(3)).all(|value| *value == 2.0));
        assert!(plane(4).iter().chain(plane(5)).all(|value| (value - spread).abs() < 1e-6));
        assert!((plane(6)[3] - (0.03 - 2.0) / (spread + 0.25)).abs() < 1e-6);
        assert_eq!(plane(7)[700], MAX_DEPARTURE.min((14.5 - 2.0) / (spread + 0.25)));
        assert!((plane(8)[2] - 0.1 * (7.52 * 7.52 - 4.0)).abs() < 1e-5);
        let levels = [25.0_f32.ln() / 8.0, 100.0_f32.ln() / 8.0, 4.0_f32.ln() / 4.0];
        for (at, level) in levels.into_iter().enumerate() {
            assert!(plane(9 + at).iter().all(|value| (value - level).abs() < 1e-6));
        }
    }

    #[test]
    fn without_a_reference_its_planes_are_zeros_and_with_one_the_spread_is() {
        let own = maps(|_| 1.0);
        let mut planes = Vec::new();
        network_input(&own, 10.0, &[], &mut planes);
        let points = BannerMaps::POINTS;
        assert!(
            planes[2 * points..9 * points]
                .iter()
                .chain(&planes[10 * points..])
                .all(|value| *value == 0.0)
        );
        let mut planes = Vec::new();
        network_input(
            &own,
            10.0,
            &[NetworkReference { maps: &maps(|_| 0.5), clicks: 9.0 }],
            &mut planes,
        );
        assert!(planes[4 * points..6 * points].iter().all(|value| *value == 0.0));
        assert!(planes[6 * points..8 * points].iter().all(|value| *value == 2.0));
        assert!(planes[8 * points..9 * points].iter().all(|value| *value == 0.1 * 0.75));
    }
}
