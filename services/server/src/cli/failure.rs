//! How a command's failure is told.

use std::{fmt, io::Write};

/// Several failures, each of which is told in a line of its own.
#[derive(Debug)]
pub(super) struct Several(pub(super) Vec<String>);

impl fmt::Display for Several {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("; "))
    }
}

impl std::error::Error for Several {}

/// Writes the error with its causes to standard error, in one line, or a line for each of several.
pub(super) fn tell(error: &anyhow::Error) {
    let lines = match error.downcast_ref::<Several>() {
        Some(Several(lines)) => lines.clone(),
        None => vec![line(error)],
    };
    for line in lines {
        // Who closed standard error does not want to know.
        let _ = writeln!(std::io::stderr(), "error: {line}");
    }
}

/// The error and its causes in one line; a cause that the error tells already is not told again.
pub(super) fn line(error: &anyhow::Error) -> String {
    let mut told: Vec<String> = Vec::new();
    for cause in error.chain() {
        let text = cause.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        if !told.iter().any(|before| before.contains(&text)) {
            told.push(text);
        }
    }
    told.join(": ")
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn causes_are_told_once_and_in_one_line() {
        let error = anyhow!("no such file\nor folder").context("cannot open x: no such file or folder");
        assert_eq!(line(&error), "cannot open x: no such file or folder");
        assert_eq!(line(&anyhow!("inner").context("middle").context("outer")), "outer: middle: inner");
    }
}
