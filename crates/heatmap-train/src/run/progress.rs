//! [`ProgressRenderer`]: a renderer for burn-train that draws one indicatif bar, or prints plain
//! lines when stderr is not a terminal.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io::Write;
use std::time::{Duration, Instant};

use burn::train::LearnerSummary;
use burn::train::logger::{EvaluationProgressLogger, TrainingProgressLogger};
use burn::train::metric::{MetricDefinition, MetricEntry, MetricId};
use burn::train::renderer::{
    EvaluationName, MetricState, MetricsRenderer, MetricsRendererEvaluation,
    MetricsRendererTraining,
};
use indicatif::{HumanDuration, ProgressBar, ProgressStyle};

/// Number of steps over which the training metrics shown are averaged.
const WINDOW: usize = 20;
/// Shortest time between two plain lines, so that a log file stays readable.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Metrics that are shown if the task has them: name, label, and whether the value is a fraction
/// that is shown in percent.
const SHOWN: [(&str, &str, bool); 4] = [
    ("loss", "loss", false),
    ("contrastive_top1", "top-1", true),
    ("exact_accuracy", "exact", true),
    ("f1_2bins", "F1", true),
];

/// A renderer that shows the main training metrics, those of the last validation that are
/// fractions, images per second, and the time left.
pub struct ProgressRenderer {
    bar: ProgressBar,
    plain: bool,
    /// Whether nothing is shown.
    silent: bool,
    images_per_step: usize,
    first_step: usize,
    step: usize,
    total: usize,
    started: Instant,
    last_line: Option<Instant>,
    names: HashMap<MetricId, String>,
    recent: BTreeMap<String, VecDeque<f64>>,
    /// For each metric, its sum over the batches of the last validation and their number.
    held_out: BTreeMap<String, (f64, usize)>,
    /// Whether a validation is in progress.
    looks: bool,
}

impl ProgressRenderer {
    /// Creates a renderer for a run of `total` steps with `images_per_step` images each. It starts
    /// at step `done`, which is not 0 for a resumed run.
    pub fn new(total: usize, done: usize, images_per_step: usize) -> Self {
        let bar = ProgressBar::new(total as u64);
        let plain = bar.is_hidden();
        let style = ProgressStyle::with_template("{bar:24} {pos}/{len} batches  {msg}");
        bar.set_style(style.expect("the template is correct").progress_chars("=> "));
        bar.set_position(done as u64);
        Self {
            bar,
            plain,
            silent: false,
            images_per_step,
            first_step: done,
            step: done,
            total,
            started: Instant::now(),
            last_line: None,
            names: HashMap::new(),
            recent: BTreeMap::new(),
            held_out: BTreeMap::new(),
            looks: false,
        }
    }

    /// Turns off all output, for a program that shows its own progress or none.
    #[must_use]
    pub fn silent(self) -> Self {
        let bar = ProgressBar::hidden();
        Self { bar, silent: true, ..self }
    }

    /// Returns the current metrics as text.
    fn message(&self) -> String {
        let mean = |name: &str| {
            let values = self.recent.get(name)?;
            Some(values.iter().sum::<f64>() / values.len() as f64)
        };
        let mut parts = Vec::new();
        for (name, called, is_share) in SHOWN {
            let number = |value: f64| {
                if is_share { format!("{:.0} %", 100.0 * value) } else { format!("{value:.3}") }
            };
            if let Some(value) = mean(name) {
                // A fraction is followed by its value on held-out samples, once there is one.
                let held_out = self.held_out.get(name).filter(|_| is_share);
                let held_out = held_out
                    .map(|(sum, count)| format!(" (held out {})", number(sum / *count as f64)));
                let held_out = held_out.unwrap_or_default();
                parts.push(format!("{called} {}{held_out}", number(value)));
            }
        }
        let done = self.step - self.first_step;
        let seconds = self.started.elapsed().as_secs_f64();
        if done > 0 && seconds > 0.0 {
            let left = seconds / done as f64 * (self.total.saturating_sub(self.step)) as f64;
            parts.push(format!("{:.1} images/s", (done * self.images_per_step) as f64 / seconds));
            parts.push(format!("{} left", HumanDuration(Duration::from_secs_f64(left))));
        }
        parts.join("  ")
    }

    fn show(&mut self) {
        if self.silent {
            return;
        }
        if !self.plain {
            self.bar.set_message(self.message());
            self.bar.set_position(self.step as u64);
            return;
        }
        let due = self.last_line.is_none_or(|last| last.elapsed() >= LINE_EVERY);
        if self.step > self.first_step && (due || self.step == self.total) {
            // Training must continue when stderr is closed.
            _ = writeln!(
                std::io::stderr(),
                "batch {}/{}  {}",
                self.step,
                self.total,
                self.message()
            );
            self.last_line = Some(Instant::now());
        }
    }

    fn remember(&mut self, entry: &MetricEntry, value: f64) {
        let Some(name) = self.names.get(&entry.metric_id) else { return };
        let values = self.recent.entry(name.clone()).or_default();
        values.push_back(value);
        if values.len() > WINDOW {
            values.pop_front();
        }
    }
}

impl MetricsRendererTraining for ProgressRenderer {
    fn update_train(&mut self, state: MetricState) {
        if let MetricState::Numeric(entry, Some(value)) = state {
            self.remember(&entry, value.current());
        }
    }

    fn update_valid(&mut self, state: MetricState) {
        if let MetricState::Numeric(entry, Some(value)) = state
            && let Some(name) = self.names.get(&entry.metric_id)
        {
            let (sum, count) = self.held_out.entry(name.clone()).or_default();
            (*sum, *count) = (*sum + value.current(), *count + 1);
        }
    }

    fn on_train_end(
        &mut self,
        _summary: Option<LearnerSummary>,
    ) -> Result<(), Box<dyn std::error::Error>> {
        Ok(())
    }
}

impl TrainingProgressLogger for ProgressRenderer {
    fn start(
        &mut self,
        _epochs: usize,
        _starting_epoch: usize,
        _items: Option<usize>,
        _label: Option<&str>,
    ) {
        self.started = Instant::now();
    }

    fn update_epoch(&mut self, _epoch: usize) {}

    /// Begins the training or a validation, and forgets the metrics of the last validation.
    fn start_split(&mut self, split: &str, _total_items: usize) {
        self.held_out.clear();
        self.looks = split.eq_ignore_ascii_case("valid");
    }

    fn update_split(&mut self, items_processed: usize) {
        // A validation counts its batches from one; only training moves the bar.
        if !self.looks && items_processed > self.step {
            self.step = items_processed;
            self.show();
        }
    }

    fn end_split(&mut self) {
        self.looks = false;
    }

    fn end(&mut self) {
        if !self.plain {
            self.bar.abandon_with_message(self.message());
        }
    }

    fn log_event_training(&mut self, _event: String) {}
}

impl EvaluationProgressLogger for ProgressRenderer {
    fn start_global_progress(&mut self, _total_tests: usize) {}

    fn start_test(&mut self, _name: &str, _total_items: usize) {}

    fn update_test_progress(&mut self, _items_processed: usize) {}

    fn end_test(&mut self) {}

    fn end_global_progress(&mut self) {}

    fn log_event_evaluation(&mut self, _event: String) {}
}

impl MetricsRendererEvaluation for ProgressRenderer {
    fn update_test(&mut self, _name: EvaluationName, _state: MetricState) {}
}

impl MetricsRenderer for ProgressRenderer {
    fn manual_close(&mut self) {}

    fn register_metric(&mut self, definition: MetricDefinition) {
        self.names.insert(definition.metric_id, definition.name.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_at_held_out_samples_does_not_move_the_bar() {
        let mut renderer = ProgressRenderer::new(100, 0, 16);
        renderer.start_split(burn::train::metric::store::Split::Train.into(), 100);
        renderer.update_split(5);
        renderer.start_split(burn::train::metric::store::Split::Valid.into(), 32);
        renderer.update_split(32);
        assert_eq!(renderer.step, 5);
        renderer.end_split();
        renderer.update_split(6);
        assert_eq!(renderer.step, 6);
    }

    #[test]
    fn the_message_averages_the_recent_steps() {
        let mut renderer = ProgressRenderer::new(100, 10, 16);
        let recent = (0..30).map(f64::from).collect::<Vec<_>>();
        renderer.recent.insert("loss".into(), recent[10..].iter().copied().collect());
        renderer.recent.insert("contrastive_top1".into(), [0.25, 0.75].into());
        assert_eq!(renderer.message(), "loss 19.500  top-1 50 %");
        renderer.held_out.insert("contrastive_top1".into(), (0.75, 2));
        assert_eq!(renderer.message(), "loss 19.500  top-1 50 % (held out 38 %)");
        renderer.step = 20;
        assert!(renderer.message().contains("images/s") && renderer.message().ends_with(" left"));
    }
}
