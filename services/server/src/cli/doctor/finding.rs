//! What a check found.

use serde_json::{Value, json};

/// How bad it is; worse is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    /// In order.
    Ok,
    /// Worth knowing.
    Warn,
    /// Something has to be done.
    Fail,
}

/// What a check found, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    /// How bad it is.
    pub(super) state: State,
    /// What was checked.
    pub(super) what: &'static str,
    /// What was found.
    pub(super) detail: String,
    /// What to do; empty where nothing is to be done.
    pub(super) fix: String,
}

impl Finding {
    /// All is well.
    pub(super) fn ok(what: &'static str, detail: impl Into<String>) -> Self {
        Self { state: State::Ok, what, detail: detail.into(), fix: String::new() }
    }

    /// It works, and somebody should know.
    pub(super) fn warn(what: &'static str, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { state: State::Warn, what, detail: detail.into(), fix: fix.into() }
    }

    /// It does not work.
    pub(super) fn fail(what: &'static str, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { state: State::Fail, what, detail: detail.into(), fix: fix.into() }
    }

    /// For programs.
    pub(super) fn json(&self) -> Value {
        let state = match self.state {
            State::Ok => "OK",
            State::Warn => "WARN",
            State::Fail => "FAIL",
        };
        json!({ "state": state, "check": self.what, "detail": self.detail, "fix": self.fix })
    }
}
