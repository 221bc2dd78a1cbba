//! `tributary config`.

use std::{fmt::Write, process::ExitCode};

use serde_json::{Map, Value};

use super::output::Out;
use crate::config::{Config, masked};

/// Shows the configuration in force, as a file that could be `tributary.toml` but for the masked secrets.
///
/// # Errors
/// When standard output cannot be written to.
pub(super) fn run(config: &Config, out: &Out) -> anyhow::Result<ExitCode> {
    let shown = masked(config);
    if out.is_json() {
        out.json(&shown)?;
    } else if let Value::Object(sections) = &shown {
        out.line(toml(sections)?.trim_end())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A configuration has two levels and no null, and its texts, numbers, flags and lists of texts are written in TOML
/// as they are in JSON.
fn toml(sections: &Map<String, Value>) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    for (key, value) in sections.iter().filter(|(_, value)| !value.is_object()) {
        writeln!(text, "{key} = {value}")?;
    }
    for (section, members) in sections {
        let Value::Object(members) = members else { continue };
        writeln!(text, "\n[{section}]")?;
        for (key, value) in members {
            writeln!(text, "{key} = {value}")?;
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use figment::{
        Figment,
        providers::{Format, Toml},
    };

    use super::*;

    #[test]
    fn what_is_shown_can_be_read_again() {
        let mut config = Config { public_url: "https://in.example.com".to_owned(), ..Config::default() };
        config.egress.allow = vec!["10.0.0.0/8".to_owned()];
        let shown = masked(&config);
        let text = toml(shown.as_object().unwrap()).unwrap();
        let read: Value = Figment::from(Toml::string(&text)).extract().unwrap();
        assert_eq!(read, shown, "{text}");
    }
}
