//! What would happen again, and whether it shall.

use std::io::{self, BufRead, IsTerminal, Write};

use anyhow::bail;
use tributary_proto::admin::v1::ReplayPreview;

use crate::cli::output::{Out, Style, Text, json, list};

/// Shows a preview: some of it, and how many there are.
///
/// # Errors
/// When standard output cannot be written to.
pub(super) fn show(out: &Out, preview: &ReplayPreview) -> anyhow::Result<()> {
    if out.is_json() {
        return Ok(out.json(&json(preview)?)?);
    }
    if !preview.messages.is_empty() {
        list(out, &preview.messages)?;
    }
    if !preview.deliveries.is_empty() {
        list(out, &preview.deliveries)?;
    }
    Ok(out.text(&Text::new().with(Style::Bold, count(preview)).plain(" would be replayed"))?)
}

/// How many fit, in words.
fn count(preview: &ReplayPreview) -> String {
    if preview.complete { preview.count.to_string() } else { format!("at least {}", preview.count) }
}

/// Asks on the terminal.
///
/// # Errors
/// When there is nobody to ask.
pub(super) fn agrees(preview: &ReplayPreview, what: &str) -> anyhow::Result<bool> {
    if !io::stdin().is_terminal() {
        bail!("{} would be replayed: say --yes to do it, or --dry-run to see some of it", count(preview));
    }
    write!(io::stderr(), "{} {what} again. Go on? [y/N] ", count(preview))?;
    io::stderr().flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(["y", "yes"].contains(&answer.trim().to_lowercase().as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_counted_to_the_end_is_at_least_so_many() {
        let preview = |complete| ReplayPreview { count: 7, complete, ..ReplayPreview::default() };
        assert_eq!(count(&preview(true)), "7");
        assert_eq!(count(&preview(false)), "at least 7");
    }
}
