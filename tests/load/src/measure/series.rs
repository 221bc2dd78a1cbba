//! Answers over time.

use std::time::{Duration, Instant};

use super::{Histogram, Line, Panel};

/// One histogram is kept for so long.
const STEP: Duration = Duration::from_millis(250);

/// When answers came, and how long they took.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    began: Instant,
    steps: Vec<Histogram>,
}

impl Series {
    /// Nothing yet; time counts from `began`.
    pub(crate) fn new(began: Instant) -> Self {
        Self { began, steps: Vec::new() }
    }

    /// An answer came at `at` and took `took`.
    pub(crate) fn record(&mut self, at: Instant, took: Duration) {
        let step = at.saturating_duration_since(self.began).as_micros() / STEP.as_micros();
        let step = usize::try_from(step).unwrap_or(usize::MAX);
        if self.steps.len() <= step {
            self.steps.resize_with(step + 1, Histogram::default);
        }
        self.steps[step].record(took);
    }

    /// All of them together.
    pub(crate) fn total(&self) -> Histogram {
        let mut total = Histogram::default();
        self.steps.iter().for_each(|step| total.add(step));
        total
    }

    /// Answers a second over time. The last step is left out: it was cut off.
    pub(crate) fn rate_line(&self, name: &str) -> Line {
        let rate = |step: &Histogram| step.count() as f64 / STEP.as_secs_f64();
        self.line(Panel::Throughput, name.to_owned(), rate)
    }

    /// The 99th percentile over time.
    pub(crate) fn p99_line(&self, name: &str) -> Line {
        self.line(Panel::Latency, format!("{name} p99"), |step| step.millis(0.99))
    }

    fn line(&self, panel: Panel, name: String, value: impl Fn(&Histogram) -> f64) -> Line {
        let whole = self.steps.split_last().map_or(&[][..], |(_, whole)| whole);
        let end = |number: usize| (number + 1) as f64 * STEP.as_secs_f64();
        let points = whole.iter().enumerate().map(|(number, step)| (end(number), value(step)));
        Line { panel, name, points: points.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_counted_in_their_step_and_in_the_total() {
        let began = Instant::now();
        let mut series = Series::new(began);
        for millis in [0, 100, 249, 250, 760] {
            series.record(began + Duration::from_millis(millis), Duration::from_millis(millis));
        }
        assert_eq!(series.total().count(), 5);
        let rates = series.rate_line("x").points;
        assert_eq!(rates, [(0.25, 12.0), (0.5, 4.0), (0.75, 0.0)]);
        assert!(series.p99_line("x").points[0].1 >= 249.0);
    }
}
