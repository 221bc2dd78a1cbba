//! The metrics as Prometheus reads them.

use prometheus::{Registry, TextEncoder};

/// The metrics could not be written as text.
#[derive(Debug, thiserror::Error)]
#[error("the metrics could not be written as text")]
pub struct RenderError(#[source] prometheus::Error);

/// Writes all metrics of the process as text.
#[derive(Debug, Clone, Default)]
pub struct Exposition {
    registry: Registry,
}

impl Exposition {
    /// The media type of what [`Exposition::render`] returns.
    pub const CONTENT_TYPE: &'static str = prometheus::TEXT_FORMAT;

    /// Writes what the metrics of `registry` stand at.
    pub(crate) fn new(registry: Registry) -> Self {
        Self { registry }
    }

    /// What the metrics stand at now, in the Prometheus text format.
    ///
    /// # Errors
    /// When two metrics contradict each other, which is a defect of ours.
    pub fn render(&self) -> Result<String, RenderError> {
        TextEncoder::new().encode_to_string(&self.registry.gather()).map_err(RenderError)
    }
}
