//! The bare ceiling, measured before and after everything that is compared with it: the machine may be another one
//! from minute to minute.

use std::time::Duration;

use super::ground::Ground;
use crate::{
    client::{Until, closed},
    process::{Ceiling, cpu_time},
    report::{CeilingSample, tell},
};

/// How long it is measured.
const DURATION: Duration = Duration::from_secs(3);

/// The ceilings so far.
#[derive(Debug)]
pub(super) struct Ceilings(Vec<CeilingSample>);

impl Ceilings {
    /// Measures the first.
    pub(super) async fn measure(ground: &Ground<'_>) -> anyhow::Result<Self> {
        Ok(Self(vec![once(ground).await?]))
    }

    /// Measures the next one, and returns the mean of it and the one before: what was measured between them is
    /// compared with that, in requests a second.
    pub(super) async fn again(&mut self, ground: &Ground<'_>) -> anyhow::Result<f64> {
        let after = once(ground).await?;
        let before = self.0.last().map_or(after.rate, |before| before.rate);
        let mean = f64::midpoint(before, after.rate);
        self.0.push(after);
        Ok(mean)
    }

    /// All that were measured.
    pub(super) fn all(self) -> Vec<CeilingSample> {
        self.0
    }
}

async fn once(ground: &Ground<'_>) -> anyhow::Result<CeilingSample> {
    let ceiling = Ceiling::start()?;
    let sent = closed(&ceiling.target(), ground.options.connections, Until::Elapsed(DURATION)).await?;
    let cpu = cpu_time(ceiling.process_id())?;
    let total = sent.series.total();
    let sample = CeilingSample {
        rate: sent.rate(),
        p50_millis: total.millis(0.5),
        p99_millis: total.millis(0.99),
        cpu_micros: super::cpu_each(cpu, sent.accepted),
    };
    tell(&format!(
        "  ceiling: {:.0}/s, p50 {:.2} ms, {:.1} µs of CPU",
        sample.rate, sample.p50_millis, sample.cpu_micros
    ))?;
    Ok(sample)
}
