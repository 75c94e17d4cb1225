//! The histogram of all scores as an inline SVG, with flagged banners in their own colour and the
//! threshold marked.
//!
//! Positions along x are percentages and text is not scaled, so the picture is as wide as its box
//! and stays readable. Heights are square roots of the numbers of banners, so that a handful of
//! broken banners shows beside thousands of good ones.

use std::io::{self, Write};

use super::data::Report;
use super::text::{count, counted, number};

/// Number of bars.
const BARS: usize = 48;

/// Top of the highest bar and baseline of all bars, in px from the top.
const TOP: f64 = 30.0;
const FOOT: f64 = 160.0;

/// Number of banners in one bar.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Bar {
    banners: usize,
    flagged: usize,
}

/// The range of the x axis, which includes all scores and the threshold.
#[derive(Debug, Clone, Copy)]
struct Range {
    min: f64,
    max: f64,
}

/// Writes the histogram with its caption; nothing without a banner.
pub(super) fn write_histogram(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let Some(range) = Range::of(report) else { return Ok(()) };
    let bars = bars(report, range);
    let most = bars.iter().map(|bar| bar.banners).max().unwrap_or(0).max(1) as f64;
    let height = |banners: f64| (FOOT - TOP) * (banners / most).sqrt();
    let flagged = report.banners.iter().filter(|banner| banner.flagged).count();
    let spoken = format!(
        "Histogram of {} from {} to {}, {} flagged",
        counted(report.banners.len(), "score"),
        number(range.min),
        number(range.max),
        count(flagged as u64)
    );
    write!(
        out,
        "<figure class=\"histogram\"><svg role=\"img\" aria-label=\"{spoken}\" width=\"100%\" \
         height=\"186\">"
    )?;
    for banners in marks(most) {
        let y = FOOT - height(banners);
        write!(out, "<line class=\"rule\" x1=\"0\" x2=\"100%\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>")?;
        // Labels stand on the right, where bars are usually low.
        write!(
            out,
            "<text x=\"100%\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            y - 4.0,
            count(banners as u64)
        )?;
    }
    let width = 100.0 / BARS as f64;
    for (at, bar) in bars.iter().enumerate().filter(|(_, bar)| bar.banners > 0) {
        let edge = |at: usize| number(range.at(at as f64 / BARS as f64));
        // Bars are never too low to be seen.
        let all = height(bar.banners as f64).max(2.0);
        let part = all * bar.flagged as f64 / bar.banners as f64;
        write!(
            out,
            "<g><title>{} to {}: {}",
            edge(at),
            edge(at + 1),
            counted(bar.banners, "banner")
        )?;
        write!(out, ", {} flagged</title>", count(bar.flagged as u64))?;
        for (class, y, height) in [("ok", FOOT - all + part, all - part), ("bad", FOOT - all, part)]
        {
            if height > 0.0 {
                let (x, width) = (width * (at as f64 + 0.06), width * 0.88);
                write!(
                    out,
                    "<rect class=\"{class}\" x=\"{x:.2}%\" width=\"{width:.2}%\" y=\"{y:.1}\" \
                     height=\"{height:.1}\"/>"
                )?;
            }
        }
        write!(out, "</g>")?;
    }
    write!(out, "<line class=\"foot\" x1=\"0\" x2=\"100%\" y1=\"{FOOT}\" y2=\"{FOOT}\"/>")?;
    if let Some(threshold) = report.threshold {
        let x = 100.0 * range.part(threshold);
        // The label stands on the side of the line that has more room.
        let (anchor, dx) = if x > 60.0 { ("end", -6) } else { ("start", 6) };
        write!(
            out,
            "<line class=\"threshold\" x1=\"{x:.2}%\" x2=\"{x:.2}%\" y1=\"4\" y2=\"{FOOT}\"/>"
        )?;
        write!(
            out,
            "<text class=\"threshold\" x=\"{x:.2}%\" dx=\"{dx}\" y=\"14\" text-anchor=\"{anchor}\">"
        )?;
        write!(out, "threshold {}</text>", number(threshold))?;
    }
    for (score, name) in range.ticks() {
        let x = 100.0 * range.part(score);
        write!(
            out,
            "<line class=\"foot\" x1=\"{x:.2}%\" x2=\"{x:.2}%\" y1=\"{FOOT}\" y2=\"{}\"/>",
            FOOT + 4.0
        )?;
        write!(
            out,
            "<text x=\"{x:.2}%\" y=\"{}\" text-anchor=\"middle\">{name}</text>",
            FOOT + 18.0
        )?;
    }
    write!(out, "</svg><figcaption>Scores of {}. ", counted(report.banners.len(), "banner"))?;
    write!(
        out,
        "<span class=\"key ok\"></span>not flagged <span class=\"key bad\"></span>flagged. "
    )?;
    write!(out, "Height is the square root of the number of banners.</figcaption></figure>")
}

impl Range {
    /// The range of all scores and the threshold, widened if all are equal; `None` without a
    /// banner.
    fn of(report: &Report) -> Option<Self> {
        let scores = report.banners.iter().map(|banner| banner.score);
        let (min, max) = scores
            .clone()
            .chain(report.threshold)
            .fold((f64::MAX, f64::MIN), |(min, max), score| (score.min(min), score.max(max)));
        scores.clone().next()?;
        Some(if min < max { Self { min, max } } else { Self { min: min - 0.5, max: max + 0.5 } })
    }

    /// Position of a score in the range, from 0 to 1. Computed in halves, so that the widest range
    /// does not overflow.
    fn part(self, score: f64) -> f64 {
        let part = (score / 2.0 - self.min / 2.0) / (self.max / 2.0 - self.min / 2.0);
        if part.is_finite() { part.clamp(0.0, 1.0) } else { 0.5 }
    }

    /// Three to seven round scores to write below the axis; only the two ends if the range is too
    /// small or too large for that.
    fn ticks(self) -> Vec<(f64, String)> {
        let span = self.max - self.min;
        if !(1e-3..1e9).contains(&span) || self.min.abs().max(self.max.abs()) > 1e3 * span {
            return [self.min, self.max].map(|end| (end, number(end))).to_vec();
        }
        let power = 10.0_f64.powf((span / 3.0).log10().floor());
        let step = [5.0, 2.0, 1.0]
            .map(|factor| factor * power)
            .into_iter()
            .find(|step| 3.0 * step <= span)
            .unwrap_or(power);
        let decimals = (-power.log10()).max(0.0).round() as usize;
        let (first, last) = ((self.min / step).ceil() as i64, (self.max / step).floor() as i64);
        let name = |score: f64| format!("{score:.decimals$}").replace('-', "\u{2212}");
        // Adding 0 turns a negative zero into a positive one.
        (first..=last).map(|at| at as f64 * step + 0.0).map(|score| (score, name(score))).collect()
    }

    /// The score at a position from 0 to 1.
    fn at(self, part: f64) -> f64 {
        self.min * (1.0 - part) + self.max * part
    }
}

fn bars(report: &Report, range: Range) -> [Bar; BARS] {
    let mut bars = [Bar::default(); BARS];
    for banner in &report.banners {
        let bar = &mut bars[((range.part(banner.score) * BARS as f64) as usize).min(BARS - 1)];
        bar.banners += 1;
        bar.flagged += usize::from(banner.flagged);
    }
    bars
}

/// Round numbers of banners to draw horizontal lines at: the largest that fits, and about a fifth
/// of it.
fn marks(most: f64) -> Vec<f64> {
    let power = 10.0_f64.powf(most.log10().floor());
    let large = [5.0, 2.0, 1.0]
        .map(|factor| factor * power)
        .into_iter()
        .find(|&mark| mark <= most)
        .unwrap_or(1.0);
    let small = if large >= 5.0 { (large / 5.0).floor() } else { large };
    if small < large { vec![large, small] } else { vec![large] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::banner;

    fn report(scores: &[f64], threshold: Option<f64>) -> Report {
        let flagged = |&score: &f64| threshold.is_some_and(|threshold| score >= threshold);
        let banners = scores
            .iter()
            .enumerate()
            .map(|(at, score)| banner(at + 1, *score, flagged(score)))
            .collect();
        Report { banners, threshold, ..Report::default() }
    }

    fn drawn(report: &Report) -> String {
        let mut out = Vec::new();
        write_histogram(&mut out, report).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_banner_is_in_a_bar() {
        let report = report(&[3.0, 2.9, 0.5, 0.1, 0.0, 0.0], Some(2.0));
        let bars = bars(&report, Range::of(&report).unwrap());
        assert_eq!(bars.iter().map(|bar| bar.banners).sum::<usize>(), 6);
        assert_eq!(bars[0], Bar { banners: 2, flagged: 0 });
        assert_eq!(bars[BARS - 1], Bar { banners: 1, flagged: 1 });
        let svg = drawn(&report);
        assert!(svg.contains("x1=\"66.67%\" x2=\"66.67%\""), "{svg}");
        assert!(svg.contains("text-anchor=\"end\">threshold 2.000</text>"), "{svg}");
    }

    #[test]
    fn odd_scores_draw_finite_numbers() {
        let cases: [&[f64]; 4] = [&[1.0], &[f64::MAX, f64::MIN], &[0.0; 100], &[1e-300, 0.0]];
        for scores in cases {
            let svg = drawn(&report(scores, None));
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
            assert!(svg.contains("<rect"), "{svg}");
        }
        assert_eq!(drawn(&report(&[], Some(1.0))), "");
    }

    #[test]
    fn ticks_are_round_and_in_range() {
        let ticks = |min, max| {
            Range { min, max }.ticks().into_iter().map(|(_, name)| name).collect::<Vec<_>>()
        };
        assert_eq!(ticks(-0.197, 2.736), ["0.0", "0.5", "1.0", "1.5", "2.0", "2.5"]);
        assert_eq!(ticks(-3.0, 4.0), ["−2", "0", "2", "4"]);
        assert_eq!(ticks(0.012, 0.05), ["0.02", "0.03", "0.04", "0.05"]);
        assert_eq!(ticks(7.0, 7.0 + 1e-9).len(), 2);
        for exponent in -3..9 {
            for factor in [1.0, 1.3, 2.9, 3.1, 5.9, 6.1, 9.99] {
                let range = Range { min: -0.3, max: -0.3 + factor * 10.0_f64.powi(exponent) };
                let ticks = range.ticks();
                assert!((2..=7).contains(&ticks.len()), "{range:?}: {ticks:?}");
                let inside = |score: f64| score >= range.min - 1e-12 && score <= range.max + 1e-12;
                assert!(ticks.iter().all(|(score, _)| inside(*score)), "{range:?}: {ticks:?}");
            }
        }
    }

    #[test]
    fn marks_are_round_and_fit() {
        assert_eq!(marks(1.0), [1.0]);
        assert_eq!(marks(7.0), [5.0, 1.0]);
        assert_eq!(marks(3_456.0), [2_000.0, 400.0]);
    }
}
