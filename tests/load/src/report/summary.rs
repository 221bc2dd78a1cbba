//! The medians, and what they mean.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{
    book::{Book, CeilingSample, Sample},
    goals::{Goal, Judged, Unit, Verdict},
};
use crate::{
    measure::{Line, middle},
    options::Options,
};

/// Everything that was found.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// How long each load lasted, in seconds.
    pub(super) seconds: u64,
    /// Connections that sent.
    pub(super) connections: u32,
    /// Cores that the system offers: the load has to share them with what is measured.
    pub(super) cores: usize,
    /// The median of the bare handler.
    pub(super) ceiling: Option<CeilingSample>,
    /// All measurements of the bare handler, in order.
    pub(super) ceilings: Vec<CeilingSample>,
    /// One figure each.
    pub(super) figures: Vec<Figure>,
}

/// A figure, and how it stands.
#[derive(Debug, Serialize)]
pub(super) struct Figure {
    /// The goal's number.
    pub(super) id: &'static str,
    /// What was measured.
    pub(super) what: &'static str,
    /// What the value counts.
    pub(super) unit: Unit,
    /// The median.
    pub(super) value: f64,
    /// Of the ceiling; nothing for what is not compared.
    pub(super) ratio: Option<f64>,
    /// Whether gate and goal are shares of the ceiling.
    pub(super) by_ratio: bool,
    /// Beyond this the work is not done.
    pub(super) gate: f64,
    /// What is wanted.
    pub(super) goal: f64,
    /// How it stands.
    pub(super) verdict: Verdict,
    /// All values, in the order in which they were measured.
    pub(super) values: Vec<f64>,
    /// What else is worth to know of the median.
    pub(super) note: String,
    /// How the median went over time.
    pub(super) lines: Vec<Line>,
}

impl Report {
    /// The medians of what is in the book.
    pub(crate) fn new(options: &Options, ceilings: Vec<CeilingSample>, book: &Book) -> Self {
        let mut figures: Vec<Figure> =
            book.pages().filter_map(|(goal, samples)| Figure::of(goal, samples)).collect();
        // Both halves of a goal stand together, however they were measured; the sort keeps their order.
        figures.sort_by_key(|figure| figure.id);
        Self {
            seconds: options.seconds,
            connections: options.connections,
            cores: std::thread::available_parallelism().map_or(1, Into::into),
            ceiling: middle(&ceilings, |ceiling| ceiling.rate).copied(),
            ceilings,
            figures,
        }
    }

    /// Whether no gate is missed.
    pub(crate) fn gates_hold(&self) -> bool {
        self.figures.iter().all(|figure| figure.verdict != Verdict::BelowGate)
    }

    /// The lines of all figures, each name once.
    pub(super) fn lines(&self) -> Vec<&Line> {
        let mut names = BTreeSet::new();
        let lines = self.figures.iter().flat_map(|figure| &figure.lines);
        lines.filter(|line| names.insert(&line.name)).collect()
    }
}

impl Figure {
    fn of(goal: &Goal, samples: &[Sample]) -> Option<Self> {
        let by_ratio = goal.judged == Judged::Ratio;
        let judged = |sample: &Sample| if by_ratio { sample.ratio.unwrap_or(0.0) } else { sample.value };
        let median = middle(samples, judged)?;
        Some(Self {
            id: goal.id,
            what: goal.what,
            unit: goal.unit,
            value: median.value,
            ratio: median.ratio,
            by_ratio,
            gate: goal.gate,
            goal: goal.goal,
            verdict: goal.verdict(judged(median)),
            values: samples.iter().map(|sample| sample.value).collect(),
            note: median.note.clone(),
            lines: median.lines.clone(),
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use clap::Parser;

    use super::*;
    use crate::{
        measure::Panel,
        report::goals::{ACKNOWLEDGED, DELIVERED, MEMORY_IDLE},
    };

    pub(in crate::report) fn example() -> Report {
        let mut book = Book::default();
        for (rate, ceiling) in [(20_000.0, 80_000.0), (40_000.0, 50_000.0), (30_000.0, 75_000.0)] {
            let line =
                Line { panel: Panel::Throughput, name: format!("at {rate}"), points: vec![(1.0, rate)] };
            book.add(&ACKNOWLEDGED, Sample::new(rate).against(ceiling).drawn(vec![line]));
        }
        book.add(&MEMORY_IDLE, Sample::new(25.5).noted("small".to_owned()));
        book.add(&DELIVERED, Sample::new(2_000.0));
        let ceiling = CeilingSample { rate: 75_000.0, p50_millis: 0.5, p99_millis: 1.0, cpu_micros: 12.0 };
        Report::new(&Options::parse_from(["tributary-load"]), vec![ceiling], &book)
    }

    #[test]
    fn the_median_is_that_of_what_is_judged() {
        let report = example();
        let figure = &report.figures[0];
        assert_eq!((figure.value, figure.ratio, figure.verdict), (30_000.0, Some(0.4), Verdict::GateHeld));
        assert_eq!(figure.values, [20_000.0, 40_000.0, 30_000.0]);
        assert_eq!(report.lines().iter().map(|line| line.name.as_str()).collect::<Vec<_>>(), ["at 30000"]);
    }

    #[test]
    fn one_missed_gate_is_enough() {
        let mut report = example();
        assert!(!report.gates_hold());
        report.figures.retain(|figure| figure.id != "P5");
        assert!(report.gates_hold());
    }
}
