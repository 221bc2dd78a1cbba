//! What is wrong with a file, and where.

use std::fmt;

use crate::cli::failure::Several;

/// More are not told at once.
const MAX_TOLD: usize = 10;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// The line, where it is known.
    pub(super) line: Option<usize>,
    /// The path of what it is about; empty: the whole.
    pub(super) path: String,
    /// What is wrong, and what to do.
    pub(super) message: String,
}

/// Everything that is wrong with a value.
#[derive(Debug, Default)]
pub(super) struct Faults(pub(super) Vec<Fault>);

impl Faults {
    /// Says what is wrong with what is at `path`.
    pub(super) fn add(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.0.push(Fault { line: None, path: path.into(), message: message.into() });
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => f.write_str(&self.message),
            path => write!(f, "{path}: {}", self.message),
        }
    }
}

/// The faults of files as one error: a line each, with the file and the line.
///
/// # Errors
/// When there is one.
pub(super) fn check(faults: &[(String, Fault)]) -> anyhow::Result<()> {
    if faults.is_empty() {
        return Ok(());
    }
    let told = faults.iter().take(MAX_TOLD).map(|(file, fault)| match fault.line {
        Some(line) => format!("{file}:{line}: {fault}"),
        None => format!("{file}: {fault}"),
    });
    let mut told: Vec<String> = told.collect();
    if faults.len() > MAX_TOLD {
        told.push(format!("and {} more", faults.len() - MAX_TOLD));
    }
    Err(Several(told).into())
}
