//! Faults on demand, so that tests can see what the house does when something breaks. Off unless configured; the
//! configuration reference says that it is for tests only.

use std::time::Duration;

use serde_json::Value;
use tributary_domain::{breaker::BreakerConfig, bucket::Pace};

/// Which faults are planted.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    /// A workflow's evaluation panics on bodies in which `$.fault` is this text.
    pub workflow_panic: Option<String>,
    /// So many times shorter deliveries wait; none and one: as long as they should.
    pub hurry: u32,
}

impl Faults {
    /// Panics if this body is the one that was asked for.
    pub(crate) fn workflow_panic(&self, body: &Value) {
        if let Some(wanted) = &self.workflow_panic {
            assert!(body.get("fault").and_then(Value::as_str) != Some(wanted), "planted fault");
        }
    }

    /// How deliveries wait.
    pub(crate) fn hurry(&self) -> Hurry {
        Hurry(self.hurry.max(1))
    }
}

/// How many times shorter deliveries wait than they should: so a test of a schedule of days takes seconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hurry(u32);

impl Hurry {
    /// As long as they should.
    pub(crate) const NONE: Self = Self(1);

    /// What is left of `span`.
    pub(crate) fn of(self, span: Duration) -> Duration {
        span / self.0
    }

    /// The same, but no less than `least`: what takes a while also in a hurry.
    pub(crate) fn at_least(self, span: Duration, least: Duration) -> Duration {
        self.of(span).max(least.min(span))
    }

    /// The same limit of so much shorter minutes.
    pub(crate) fn pace(self, pace: Pace) -> Pace {
        Pace { apart: self.of(pace.apart), ..pace }
    }

    /// A breaker that is open so much shorter.
    pub(crate) fn breaker(self) -> BreakerConfig {
        let config = BreakerConfig::default();
        BreakerConfig {
            first_pause: self.of(config.first_pause),
            longest_pause: self.of(config.longest_pause),
            ..config
        }
    }
}
