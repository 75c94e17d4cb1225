//! [`RollingScore`]: the likelihood ratio over the most recent clicks of a banner, updated click by
//! click.
//!
//! A banner that breaks at noon already has many good clicks. The mean over a window of the last W
//! clicks forgets these. An alarm is raised when the mean rises above a threshold, and again only
//! after it has been below.

use super::LikelihoodRatio;
use crate::{Error, Point, Result};

/// The state of a banner after a click.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum AlarmState {
    /// There were fewer clicks than the window holds.
    Filling,
    /// The score is not above the threshold.
    Quiet,
    /// This click raised the score above the threshold.
    Alarm,
    /// The score is still above the threshold.
    Broken,
}

/// A rolling score: the mean log-likelihood ratio of the last clicks of one banner.
#[derive(Debug, Clone)]
pub struct RollingScore<'a> {
    ratio: &'a LikelihoodRatio,
    /// Log-likelihood ratios of the last clicks, as a ring buffer.
    window: Vec<f64>,
    /// Index in `window` of the next click.
    next: usize,
    clicks: u64,
    sum: f64,
    threshold: f64,
    above: bool,
}

impl<'a> RollingScore<'a> {
    /// Makes a score of the last `window` clicks that raises an alarm above `threshold`, in nats
    /// per click as the score of `ratio`.
    ///
    /// # Errors
    /// When the window is empty or the threshold is not finite.
    pub fn new(ratio: &'a LikelihoodRatio, window: usize, threshold: f64) -> Result<Self> {
        if window == 0 {
            return Err(Error::config("window", window, "must hold a click"));
        }
        if !threshold.is_finite() {
            return Err(Error::config("threshold", threshold, "must be finite"));
        }
        Ok(Self {
            ratio,
            window: vec![0.0; window],
            next: 0,
            clicks: 0,
            sum: 0.0,
            threshold,
            above: false,
        })
    }

    /// Takes one click at a place in bins, in constant time, and returns the new state. A click
    /// outside the banner is ignored.
    pub fn push(&mut self, at: Point) -> AlarmState {
        let grid = self.ratio.good().grid();
        if crate::Rect::whole(&grid).contains(at) {
            self.push_bin(at.y as usize * grid.columns + at.x as usize);
        }
        self.state()
    }

    fn push_bin(&mut self, bin: usize) {
        let weight = self.ratio.weight(bin);
        self.sum += weight - std::mem::replace(&mut self.window[self.next], weight);
        self.next += 1;
        self.clicks += 1;
        if self.next == self.window.len() {
            self.next = 0;
            // Summed anew once a round, so that rounding errors do not add up over millions of
            // clicks.
            self.sum = self.window.iter().sum();
        }
    }

    /// Compares the score with the threshold, and remembers the result for the next click.
    fn state(&mut self) -> AlarmState {
        let Some(score) = self.score() else { return AlarmState::Filling };
        let before = std::mem::replace(&mut self.above, score > self.threshold);
        match (before, self.above) {
            (_, false) => AlarmState::Quiet,
            (false, true) => AlarmState::Alarm,
            (true, true) => AlarmState::Broken,
        }
    }

    /// Returns the score of the clicks in the window; `None` before it is full.
    pub fn score(&self) -> Option<f64> {
        let full = self.clicks >= self.window.len() as u64;
        full.then(|| self.sum / self.window.len() as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::{ClickMap, Score, Smoothing};
    use crate::synth::{Broken, BrokenKind, Layout, Population, Span};
    use crate::{Click, Grid, Heatmap, sample_rng};

    const GRID: Grid = Grid::MEDIUM_RECTANGLE;

    fn ratio() -> LikelihoodRatio {
        let population = Population { prevalence: 0.0, ..Default::default() };
        let anchor = population.banner(&Layout::draw(3, 0), 1, 0, 5_000).heatmap;
        LikelihoodRatio::one_shot(ClickMap::of([&anchor], &Smoothing::default()).unwrap()).unwrap()
    }

    #[test]
    fn the_window_has_the_score_of_its_clicks() {
        let ratio = ratio();
        let mut rolling = RollingScore::new(&ratio, 50, 0.0).unwrap();
        let mut rng = sample_rng(4, 0);
        let span = Span::new(0.0, 49.9);
        let places: Vec<Point> =
            (0..173).map(|_| Point { x: span.draw(&mut rng), y: span.draw(&mut rng) }).collect();
        for (at, &place) in places.iter().enumerate() {
            assert_eq!(rolling.push(place) == AlarmState::Filling, at < 49);
        }
        let px = |p: &Point| Click::once(5.0 * p.x, 5.0 * p.y);
        let last: Vec<Click> = places[123..].iter().map(px).collect();
        let banner = crate::BannerSize { width_px: 300, height_px: 250 };
        let heatmap = crate::binning::bin_clicks(&last, banner, 5.0).unwrap().heatmap;
        assert!((rolling.score().unwrap() - ratio.score(&heatmap).unwrap()).abs() < 1e-9);
    }

    #[test]
    fn a_banner_that_breaks_raises_one_alarm_soon() {
        let ratio = ratio();
        let places = |heatmap: &Heatmap, seed| {
            let mut places = Vec::new();
            for (bin, &count) in heatmap.values().iter().enumerate() {
                let at = Point {
                    x: (bin % GRID.columns) as f64 + 0.5,
                    y: (bin / GRID.columns) as f64 + 0.5,
                };
                places.extend(std::iter::repeat_n(at, count as usize));
            }
            rand::seq::SliceRandom::shuffle(&mut places[..], &mut sample_rng(seed, 0));
            places
        };
        let population = Population { prevalence: 0.0, ..Default::default() };
        let good = places(&population.banner(&Layout::draw(3, 0), 2, 1, 2_000).heatmap, 1);
        let broken = Broken::usual(BrokenKind::BottomRight, Span::only(500))
            .scene(&GRID, &mut sample_rng(5, 0));
        let broken = places(&broken.render(GRID, &mut sample_rng(5, 1)).heatmap, 2);
        let mut rolling = RollingScore::new(&ratio, 100, 0.0).unwrap();
        assert!(
            good.iter()
                .all(|&at| matches!(rolling.push(at), AlarmState::Filling | AlarmState::Quiet))
        );
        let watched: Vec<AlarmState> = broken.iter().map(|&at| rolling.push(at)).collect();
        let first = watched.iter().position(|w| *w == AlarmState::Alarm).unwrap();
        assert!(first < 80, "{first}");
        assert_eq!(watched.iter().filter(|w| **w == AlarmState::Alarm).count(), 1);
    }

    #[test]
    fn clicks_beside_the_banner_change_nothing_and_bad_settings_are_named() {
        let ratio = ratio();
        let mut rolling = RollingScore::new(&ratio, 1, 0.0).unwrap();
        for (x, y) in [(-0.1, 3.0), (60.0, 3.0), (3.0, 50.0), (f64::NAN, 1.0)] {
            assert_eq!(rolling.push(Point { x, y }), AlarmState::Filling);
        }
        assert!(RollingScore::new(&ratio, 0, 0.0).unwrap_err().to_string().contains("window"));
        assert!(
            RollingScore::new(&ratio, 1, f64::NAN).unwrap_err().to_string().contains("threshold")
        );
    }
}
