//! What is told of posts: each, and all together.

use std::{collections::BTreeMap, time::Duration};

use serde_json::json;

use super::Answer;
use crate::cli::output::{Out, Style, Text, time::span};

/// Shows one answer.
pub(super) fn tell(out: &Out, answer: &Answer) -> anyhow::Result<()> {
    if out.is_json() {
        let millis = answer.took.as_secs_f64() * 1_000.0;
        let mut line = json!({ "status": answer.status, "milliseconds": millis });
        match &answer.outcome {
            Ok(message) => line["message_id"] = json!(message),
            Err(error) => line["error"] = json!(error),
        }
        return Ok(out.json_line(&line)?);
    }
    let (style, words) = match &answer.outcome {
        Ok(message) => (Style::Accent, message),
        Err(error) => (Style::Bad, error),
    };
    let status = answer.status.map(|status| status.to_string()).unwrap_or_default();
    let label = Text::new().plain(format!("{status:<3}  ")).with(style, words);
    Ok(out.text(&label.with(Style::Dim, format!("  {}", span(answer.took))))?)
}

/// How posts went altogether.
#[derive(Debug, Default)]
pub(super) struct Summary {
    counts: BTreeMap<Option<u16>, usize>,
    failed: usize,
    times: Vec<Duration>,
}

impl Summary {
    /// Counts an answer.
    pub(super) fn add(&mut self, answer: &Answer) {
        *self.counts.entry(answer.status).or_default() += 1;
        self.failed += usize::from(answer.outcome.is_err());
        self.times.push(answer.took);
    }

    /// Whether all were accepted.
    pub(super) fn is_good(&self) -> bool {
        self.failed == 0
    }

    /// Shows the counts for each status, the rate, and the time that half and 99 of 100 answers took at most.
    pub(super) fn show(&mut self, out: &Out, elapsed: Duration) -> anyhow::Result<()> {
        self.times.sort_unstable();
        let (half, most) = (percentile(&self.times, 50), percentile(&self.times, 99));
        let rate = self.times.len() as f64 / elapsed.as_secs_f64().max(f64::MIN_POSITIVE);
        let name =
            |status: &Option<u16>| status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
        if out.is_json() {
            let counts: BTreeMap<_, _> =
                self.counts.iter().map(|(status, count)| (name(status), count)).collect();
            let millis = |time: Duration| time.as_secs_f64() * 1_000.0;
            let summary = json!({ "counts": counts, "per_second": rate,
                "milliseconds": { "p50": millis(half), "p99": millis(most) } });
            return Ok(out.json_line(&json!({ "summary": summary }))?);
        }
        let counts: Vec<_> =
            self.counts.iter().map(|(status, count)| format!("{count} × {}", name(status))).collect();
        let style = if self.is_good() { Style::Good } else { Style::Bad };
        let label = Text::new().with(style, counts.join(", ")).and(Style::Plain, format!("{rate:.0}/s"));
        Ok(out.text(
            &label
                .and(Style::Plain, format!("p50 {}", span(half)))
                .and(Style::Plain, format!("p99 {}", span(most))),
        )?)
    }
}

/// What `percent` of 100 of the sorted times do not exceed; zero where there are none.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let times: Vec<_> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(percentile(&times, 50), Duration::from_millis(100));
        assert_eq!(percentile(&times, 99), Duration::from_millis(198));
        assert_eq!(percentile(&times[..1], 99), Duration::from_millis(1));
        assert_eq!(percentile(&[], 50), Duration::ZERO);
    }

    #[test]
    fn one_refusal_spoils_the_whole() {
        let answer = |outcome| Answer { status: Some(202), outcome, took: Duration::ZERO };
        let mut summary = Summary::default();
        summary.add(&answer(Ok("msg_1".to_owned())));
        assert!(summary.is_good());
        summary.add(&answer(Err("no".to_owned())));
        assert!(!summary.is_good());
    }
}
