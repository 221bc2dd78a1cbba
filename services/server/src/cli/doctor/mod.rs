//! `tributary doctor`: what has to be in order, and what to do where it is not.

mod clock;
mod database;
mod descriptors;
mod finding;
mod folder;
mod journal;
mod ports;
mod server;
mod tls;

use std::process::ExitCode;

use self::finding::{Finding, State};
use super::{
    client::runtime,
    failure,
    output::{Out, Style, Text},
    reach::Reach,
};
use crate::config::{Config, ConfigError};

/// Checks everything that can be checked without disturbing a server that runs; fails when something has to be done.
///
/// # Errors
/// When standard output cannot be written to.
pub(super) fn run(config: Result<Config, ConfigError>, reach: &Reach, out: &Out) -> anyhow::Result<ExitCode> {
    let findings = match config {
        Err(error) => vec![Finding::fail(
            "configuration",
            failure::line(&error.into()),
            "mend it where it says; docs/configuration.md lists every key",
        )],
        Ok(config) => runtime()?.block_on(all(&config, reach)),
    };
    let worst = findings.iter().map(|finding| finding.state).max().unwrap_or(State::Ok);
    for finding in findings {
        tell(out, &finding)?;
    }
    Ok(if worst == State::Fail { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn all(config: &Config, reach: &Reach) -> Vec<Finding> {
    let mut findings = vec![Finding::ok("configuration", "can be used")];
    findings.push(clock::check(config));
    findings.extend(folder::check(config));
    findings.extend(tls::check(config));
    findings.push(descriptors::check(config));
    findings.push(journal::check(config));
    findings.extend(database::check(config).await);
    if !journal::is_open(config) {
        findings.push(ports::check(config));
    }
    findings.extend(server::check(config, reach).await);
    findings
}

fn tell(out: &Out, finding: &Finding) -> anyhow::Result<()> {
    if out.is_json() {
        return Ok(out.json_line(&finding.json())?);
    }
    let (style, word) = match finding.state {
        State::Ok => (Style::Good, "ok   "),
        State::Warn => (Style::Warn, "warn "),
        State::Fail => (Style::Bad, "fail "),
    };
    let label = Text::new().with(style, word).with(Style::Bold, format!("{:<14}", finding.what));
    out.text(&label.plain(&finding.detail))?;
    if !finding.fix.is_empty() {
        out.text(&Text::new().plain(format!("{:19}→ {}", "", finding.fix)))?;
    }
    Ok(())
}
