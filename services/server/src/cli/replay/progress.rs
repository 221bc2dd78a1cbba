//! How far an operation is, as it comes further.

use std::io::{self, IsTerminal, Write};

use anyhow::bail;
use tributary_proto::admin::v1::{Operation, WatchOperationRequest, operation::State};

use crate::cli::{
    client::{Client, refused},
    output::{Out, Style, Text, id, json},
    resources::operations::state_word,
};

/// How wide the bar is.
const WIDTH: i64 = 30;

/// Shows how far an operation is until it has ended: as a line that changes on a terminal, as an object for each change for
/// programs, and its end alone anywhere else.
///
/// # Errors
/// When the server refuses, or the operation did not do all that there was to do.
pub(in crate::cli) async fn watch(name: &str, client: &Client, out: &Out) -> anyhow::Result<()> {
    let request = WatchOperationRequest { name: name.to_owned() };
    let mut told = client.operations().watch_operation(request).await.map_err(refused)?.into_inner();
    let is_seen = !out.is_json() && io::stderr().is_terminal();
    let mut last = None;
    while let Some(operation) = told.message().await.map_err(refused)? {
        if out.is_json() {
            out.json_line(&json(&operation)?)?;
        } else if is_seen {
            // The line is written over by the next one.
            write!(io::stderr(), "\r\x1b[2K{}", line(&operation))?;
            io::stderr().flush()?;
        }
        last = Some(operation);
    }
    if is_seen {
        write!(io::stderr(), "\r\x1b[2K")?;
    }
    let Some(operation) = last else { bail!("the server stopped: the operation goes on when it is back") };
    if !out.is_json() {
        let style = if operation.state() == State::Succeeded { Style::Good } else { Style::Warn };
        let text = Text::new().with(Style::Bold, id(&operation.name)).and(style, state_word(&operation));
        out.text(&text.and(Style::Plain, counts(&operation)))?;
    }
    match operation.state() {
        State::Succeeded if operation.failed_count == 0 => Ok(()),
        State::Succeeded => bail!("{} could not be done", operation.failed_count),
        State::Failed => bail!("the operation failed: {}", operation.error),
        State::Cancelled => bail!("the operation was cancelled"),
        State::Running | State::Unspecified => {
            bail!("the server stopped: the operation goes on when it is back")
        }
    }
}

/// How far it is, in one line.
fn line(operation: &Operation) -> String {
    if !operation.total_complete {
        return format!("counting: {}", operation.total_count);
    }
    let ended = operation.done_count + operation.failed_count;
    let filled = (ended * WIDTH).checked_div(operation.total_count).unwrap_or(WIDTH).clamp(0, WIDTH);
    let bar: String = (0..WIDTH).map(|place| if place < filled { '█' } else { '░' }).collect();
    format!("{bar} {}", counts(operation))
}

fn counts(operation: &Operation) -> String {
    let done = format!("{} of {} done", operation.done_count, operation.total_count);
    if operation.failed_count > 0 { format!("{done}, {} failed", operation.failed_count) } else { done }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_is_as_full_as_the_work_is_done() {
        let operation = |total_count, done_count, failed_count| Operation {
            total_count,
            done_count,
            failed_count,
            total_complete: true,
            ..Operation::default()
        };
        let filled = |operation: &Operation| line(operation).chars().filter(|letter| *letter == '█').count();
        assert_eq!(filled(&operation(10, 0, 0)), 0);
        assert_eq!(filled(&operation(10, 4, 1)), 15);
        assert_eq!(filled(&operation(0, 0, 0)), 30);
        assert!(line(&operation(10, 4, 1)).ends_with("4 of 10 done, 1 failed"));
        assert_eq!(line(&Operation { total_count: 3, ..Operation::default() }), "counting: 3");
    }
}
