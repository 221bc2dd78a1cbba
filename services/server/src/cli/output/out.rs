//! Standard output: everything that a command has to say goes through here.

use std::{
    env,
    io::{self, ErrorKind, IsTerminal, Write},
};

use clap::ValueEnum;
use serde_json::Value;

use super::Text;

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// Standard output cannot be written to.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to standard output")]
pub(crate) struct OutputError(#[source] io::Error);

/// Whether it failed only because the reader of standard output stopped reading, as `head` does.
pub(crate) fn is_closed(error: &anyhow::Error) -> bool {
    error.downcast_ref::<OutputError>().is_some_and(|error| error.0.kind() == ErrorKind::BrokenPipe)
}

/// Writes results to standard output.
#[derive(Debug)]
pub(crate) struct Out {
    format: Format,
    is_terminal: bool,
    has_colour: bool,
}

impl Out {
    /// Colours are for terminals only, and not where `NO_COLOR` is set.
    pub(crate) fn new(format: Format) -> Self {
        let is_terminal = io::stdout().is_terminal();
        let has_colour = is_terminal && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { format, is_terminal, has_colour }
    }

    /// Whether programs read it.
    pub(crate) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Whether a person sees it at once.
    pub(crate) fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Writes a line of words in their styles.
    pub(crate) fn text(&self, text: &Text) -> Result<(), OutputError> {
        self.line(&text.render(self.has_colour))
    }

    /// Writes the lines of a tree.
    pub(crate) fn tree(&self, tree: &super::Tree) -> Result<(), OutputError> {
        self.line(&tree.render(self.has_colour))
    }

    /// Writes one JSON value in one line.
    pub(crate) fn json_line(&self, value: &Value) -> Result<(), OutputError> {
        self.line(&value.to_string())
    }

    /// Writes one JSON value over several lines.
    pub(crate) fn json(&self, value: &Value) -> Result<(), OutputError> {
        self.line(&format!("{value:#}"))
    }

    /// Writes one or more lines as they are.
    pub(crate) fn line(&self, line: &str) -> Result<(), OutputError> {
        let mut stdout = io::stdout().lock();
        writeln!(stdout, "{line}").and_then(|()| stdout.flush()).map_err(OutputError)
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn only_a_closed_output_is_no_error() {
        let closed = || OutputError(ErrorKind::BrokenPipe.into());
        assert!(is_closed(&anyhow::Error::from(closed())));
        assert!(is_closed(&Err::<(), _>(closed()).context("while listing").unwrap_err()));
        assert!(!is_closed(&OutputError(ErrorKind::StorageFull.into()).into()));
        assert!(!is_closed(&io::Error::from(ErrorKind::BrokenPipe).into()), "a connection that broke");
    }
}
