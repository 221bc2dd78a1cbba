//! Faults on demand, so that tests can see what the house does when something breaks. Off unless configured; the
//! configuration reference says that it is for tests only.

use serde_json::Value;

/// Which faults are planted.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    /// A workflow's evaluation panics on bodies in which `$.fault` is this text.
    pub workflow_panic: Option<String>,
}

impl Faults {
    /// Panics if this body is the one that was asked for.
    pub(crate) fn workflow_panic(&self, body: &Value) {
        if let Some(wanted) = &self.workflow_panic {
            assert!(body.get("fault").and_then(Value::as_str) != Some(wanted), "planted fault");
        }
    }
}
