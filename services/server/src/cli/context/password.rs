//! A password that is asked for.

use std::{
    fs::{File, OpenOptions},
    io::{BufRead, BufReader, Read, Write, stdin},
};

use anyhow::{Context as _, bail};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// Nothing that is asked for is longer, whatever is piped in.
const MAX_INPUT: u64 = 4 * 1024;

/// The first line of standard input, where a `flag` says that a secret comes there; `what` is what it is called.
///
/// # Errors
/// When nothing comes.
pub(in crate::cli) fn piped(flag: &str, what: &str) -> anyhow::Result<String> {
    let mut text = String::new();
    stdin()
        .take(MAX_INPUT)
        .read_to_string(&mut text)
        .with_context(|| format!("no {what} can be read from standard input"))?;
    let secret = text.lines().next().unwrap_or_default();
    if secret.is_empty() {
        bail!("{flag}: no {what} came on standard input");
    }
    Ok(secret.to_owned())
}

/// Asks on the terminal.
///
/// # Errors
/// When there is none, or nothing is said.
pub(super) fn ask(what: &str) -> anyhow::Result<String> {
    let mut terminal = terminal()?;
    write!(terminal, "{what}: ")?;
    said(terminal)
}

/// Asks on the terminal, which does not show what is typed.
///
/// # Errors
/// When there is none, or nothing is said.
pub(super) fn ask_hidden(what: &str) -> anyhow::Result<String> {
    let mut terminal = terminal()?;
    write!(terminal, "{what}: ")?;
    let hidden = Hidden::new(&terminal)?;
    let password = said(terminal.try_clone()?);
    drop(hidden);
    // The line feed that was typed was not shown either.
    writeln!(terminal)?;
    password
}

fn terminal() -> anyhow::Result<File> {
    let open = OpenOptions::new().read(true).write(true).open("/dev/tty");
    open.context("there is no terminal to ask on: say --email, and --password-stdin or --token")
}

fn said(terminal: File) -> anyhow::Result<String> {
    let mut line = String::new();
    BufReader::new(terminal.take(MAX_INPUT)).read_line(&mut line)?;
    let line = line.trim_end_matches(['\r', '\n']);
    if line.is_empty() {
        bail!("nothing was said");
    }
    Ok(line.to_owned())
}

/// A terminal that shows nothing of what is typed until this is dropped.
struct Hidden {
    terminal: File,
    before: Termios,
}

impl Hidden {
    fn new(terminal: &File) -> anyhow::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        tcsetattr(terminal, OptionalActions::Flush, &quiet)?;
        Ok(Self { terminal: terminal.try_clone()?, before })
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // A terminal that is gone shows nothing in any case.
        let _ = tcsetattr(&self.terminal, OptionalActions::Flush, &self.before);
    }
}
