//! What a chart shows over time.

use serde::Serialize;

/// Which of the charts a line belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Panel {
    /// Messages a second.
    Throughput,
    /// Milliseconds.
    Latency,
}

/// A value over time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Line {
    /// Which chart it belongs to.
    pub(crate) panel: Panel,
    /// What it shows, such as `P1 accepted`.
    pub(crate) name: String,
    /// Seconds since the measurement began, and the value.
    pub(crate) points: Vec<(f64, f64)>,
}

impl Line {
    /// Messages a second, from how many there were at which times: seconds and counts, both growing.
    pub(crate) fn of_counts(name: &str, counts: &[(f64, u64)]) -> Self {
        let steps = counts.windows(2).filter_map(|pair| {
            let [(before, earlier), (now, later)] = *pair else { return None };
            (now > before).then(|| (now, later.saturating_sub(earlier) as f64 / (now - before)))
        });
        Self { panel: Panel::Throughput, name: name.to_owned(), points: steps.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_become_rates() {
        let line = Line::of_counts("x", &[(0.0, 0), (0.5, 100), (0.5, 100), (1.5, 100)]);
        assert_eq!(line.points, [(0.5, 200.0), (1.5, 0.0)]);
    }
}
