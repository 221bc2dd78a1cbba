//! What is written down while it is measured.

use serde::Serialize;

use super::goals::Goal;
use crate::measure::Line;

/// What the bare handler reached once.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct CeilingSample {
    /// Requests a second.
    pub(crate) rate: f64,
    /// The middle of its times, in milliseconds.
    pub(crate) p50_millis: f64,
    /// The time within which 99 of 100 were answered, in milliseconds.
    pub(crate) p99_millis: f64,
    /// Processor time of the handler for each request, in microseconds.
    pub(crate) cpu_micros: f64,
}

/// One measurement of one figure.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    /// In the unit of the goal.
    pub(crate) value: f64,
    /// Of the ceiling that was measured around it; nothing for what is not compared.
    pub(crate) ratio: Option<f64>,
    /// What else is worth to know.
    pub(crate) note: String,
    /// How it went over time.
    pub(crate) lines: Vec<Line>,
}

impl Sample {
    /// Only a value.
    pub(crate) fn new(value: f64) -> Self {
        Self { value, ratio: None, note: String::new(), lines: Vec::new() }
    }

    /// Compared with this ceiling.
    pub(crate) fn against(self, ceiling: f64) -> Self {
        Self { ratio: Some(self.value / ceiling), ..self }
    }

    /// With this remark.
    pub(crate) fn noted(self, note: String) -> Self {
        Self { note, ..self }
    }

    /// With these lines in the chart.
    pub(crate) fn drawn(self, lines: Vec<Line>) -> Self {
        Self { lines, ..self }
    }
}

/// All samples of all goals, in the order in which they were first measured.
#[derive(Debug, Default)]
pub(crate) struct Book(Vec<(&'static Goal, Vec<Sample>)>);

impl Book {
    /// Writes one down.
    pub(crate) fn add(&mut self, goal: &'static Goal, sample: Sample) {
        match self.0.iter_mut().find(|(known, _)| known.what == goal.what) {
            Some((_, samples)) => samples.push(sample),
            None => self.0.push((goal, vec![sample])),
        }
    }

    /// Everything, by goal.
    pub(super) fn pages(&self) -> impl Iterator<Item = (&'static Goal, &[Sample])> {
        self.0.iter().map(|(goal, samples)| (*goal, samples.as_slice()))
    }
}
