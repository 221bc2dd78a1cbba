//! Tracing, OpenTelemetry and the names of the metrics.
//!
//! - [`ambient`]: the wall clock and randomness of the process, handed to everybody who needs them.
//! - [`Telemetry`]: sets up logs, traces and metrics, and flushes them at the end.
//! - [`Metrics`]: every metric of the house, by name and unit.
//! - [`context`]: a trace that goes on after its message has rested in a journal.

pub mod ambient;
pub mod context;
mod escape;
mod exposition;
mod install;
mod metrics;
mod options;
mod otlp;
mod subscriber;

pub use context::TraceParent;
pub use exposition::{Exposition, RenderError};
pub use install::{InstallError, Telemetry};
pub use metrics::{Holding, Metrics};
pub use options::{LogFormat, TelemetryOptions};
pub use subscriber::{TRACE, is_filter};
