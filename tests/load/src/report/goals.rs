//! The figures to reach, and those beyond which the work is not done.

use serde::Serialize;

/// What a figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Unit {
    /// Messages a second.
    PerSecond,
    /// Milliseconds.
    Millis,
    /// Seconds.
    Seconds,
    /// MiB.
    Mebibytes,
    /// So many times as much.
    Times,
}

/// Which way is better, and what is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Judged {
    /// The more of the ceiling the better.
    Ratio,
    /// The more the better.
    More,
    /// The less the better.
    Less,
}

/// A figure to reach.
#[derive(Debug)]
pub(crate) struct Goal {
    /// Its number, such as `P1`.
    pub(crate) id: &'static str,
    /// What is measured.
    pub(crate) what: &'static str,
    /// What its values count.
    pub(crate) unit: Unit,
    /// How it is judged.
    pub(crate) judged: Judged,
    /// Beyond this the work is not done.
    pub(crate) gate: f64,
    /// What is wanted.
    pub(crate) goal: f64,
}

/// How a figure stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// The goal is reached.
    Reached,
    /// The gate is held.
    GateHeld,
    /// The gate is missed.
    BelowGate,
}

impl Goal {
    /// How `value` stands; it is a share of the ceiling where the ratio is judged.
    pub(crate) fn verdict(&self, value: f64) -> Verdict {
        let holds = |bound: f64| match self.judged {
            Judged::Ratio | Judged::More => value >= bound,
            Judged::Less => value <= bound,
        };
        if holds(self.goal) {
            Verdict::Reached
        } else if holds(self.gate) {
            Verdict::GateHeld
        } else {
            Verdict::BelowGate
        }
    }
}

impl Verdict {
    /// As people read it.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Reached => "reached",
            Self::GateHeld => "gate held",
            Self::BelowGate => "below gate",
        }
    }
}

macro_rules! goals {
    ($($name:ident: $id:literal $what:literal $unit:ident $judged:ident $gate:literal $goal:literal;)*) => {
        $(
            #[doc = $what]
            pub(crate) const $name: Goal =
                Goal { id: $id, what: $what, unit: Unit::$unit, judged: Judged::$judged, gate: $gate, goal: $goal };
        )*
    };
}

goals! {
    ACKNOWLEDGED: "P1" "durable acknowledgement" PerSecond Ratio 0.35 0.5;
    ACKNOWLEDGED_P99: "P1" "its p99 at 1,000/s, ledger at full speed" Millis Less 10.0 5.0;
    WHOLE_WAY: "P2" "whole way, until drained" PerSecond Ratio 0.09 0.13;
    FIRST_BYTE_P50: "P4" "accepted to first byte at 1,000/s, p50" Millis Less 25.0 15.0;
    FIRST_BYTE_P99: "P4" "accepted to first byte at 1,000/s, p99" Millis Less 100.0 60.0;
    DELIVERED: "P5" "accepted to delivered, until drained" PerSecond More 2_500.0 4_000.0;
    WAITING_PAUSED: "P5b" "whole way without deliveries that wait (paused), to with" Times Less 1.15 1.05;
    WAITING_PAUSED_MEMORY: "P5b" "their memory (paused)" Mebibytes Less 32.0 8.0;
    WAITING_DEAD: "P5b" "whole way without deliveries that wait (dead), to with" Times Less 1.15 1.05;
    WAITING_DEAD_MEMORY: "P5b" "their memory (dead)" Mebibytes Less 32.0 8.0;
    LOG_BY_TIME: "P6" "log page by time, many rows, p99" Millis Less 10.0 5.0;
    LOG_BY_FILTER: "P6" "log page by filter, p99" Millis Less 100.0 50.0;
    LOG_BY_TEXT: "P6" "log page by text within a day, p99" Millis Less 400.0 300.0;
    TRACE: "P6" "trace by id, p99" Millis Less 10.0 5.0;
    CHART: "P6" "chart of 90 days, p99" Millis Less 50.0 25.0;
    MEMORY_IDLE: "P7" "memory, idle" Mebibytes Less 40.0 30.0;
    MEMORY_LOAD: "P7" "memory, full load" Mebibytes Less 256.0 150.0;
    MEMORY_GROWN: "P7" "memory, after many cluids" Mebibytes Less 512.0 256.0;
    START: "P8" "start to first 2xx, empty" Seconds Less 1.0 0.3;
    START_GROWN: "P8" "start to first 2xx, grown, with a backlog" Seconds Less 4.0 2.0;
    BACKTEST: "P9" "backtest of 100,000 messages, at 1,000/s" Seconds Less 30.0 20.0;
    BACKTEST_ACCEPTED: "P9" "p99 of accepting meanwhile, to without" Times Less 1.25 1.1;
    BACKTEST_COMMITTED: "P9" "p99 of committing meanwhile, to without" Times Less 1.25 1.1;
    BACKTEST_FIRST_BYTE: "P9" "p99 to the first byte meanwhile, to without" Times Less 1.25 1.1;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_belong_to_what_they_allow() {
        let verdicts = [0.34, 0.35, 0.49, 0.5].map(|ratio| ACKNOWLEDGED.verdict(ratio));
        assert_eq!(verdicts, [Verdict::BelowGate, Verdict::GateHeld, Verdict::GateHeld, Verdict::Reached]);
        let verdicts = [5.0, 5.1, 10.0, 10.1].map(|millis| ACKNOWLEDGED_P99.verdict(millis));
        assert_eq!(verdicts, [Verdict::Reached, Verdict::GateHeld, Verdict::GateHeld, Verdict::BelowGate]);
        assert_eq!(DELIVERED.verdict(f64::NAN), Verdict::BelowGate);
    }
}
