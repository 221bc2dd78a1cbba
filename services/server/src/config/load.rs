//! Putting the layers together.

use std::path::Path;

use figment::{
    Figment,
    providers::{Env, Format, Serialized, Toml},
};

use super::{Config, Flags};

/// The file that is read when none is named.
const FILE: &str = "tributary.toml";

/// What is wrong with the configuration: one line.
#[derive(Debug, thiserror::Error)]
#[error("configuration: {0}")]
pub(crate) struct ConfigError(String);

/// The configuration in force.
///
/// # Errors
/// A file that is not there, a key that does not exist, or a value that cannot be used.
pub(crate) fn load(flags: &Flags) -> Result<Config, ConfigError> {
    let mut layers = Figment::from(Serialized::defaults(Config::default()));
    if let Some(file) = &flags.config {
        if !file.is_file() {
            return Err(ConfigError(format!("there is no file {}", file.display())));
        }
        layers = layers.merge(Toml::file_exact(file));
    } else if Path::new(FILE).try_exists().unwrap_or(false) {
        layers = layers.merge(Toml::file_exact(FILE));
    }
    let environment = Env::prefixed("TRIBUTARY_").ignore(&["config", "token", "address"]).split("__");
    let layers = layers.merge(environment).merge(Serialized::globals(flags.overrides()));
    let config: Config = layers.extract().map_err(|error| ConfigError(one_line(error)))?;
    check(&config)?;
    Ok(config)
}

fn one_line(errors: figment::Error) -> String {
    let lines = errors.into_iter().map(|error| {
        let place =
            if error.path.is_empty() { String::new() } else { format!("`{}`: ", error.path.join(".")) };
        let source =
            error.metadata.as_ref().map_or_else(String::new, |metadata| format!(" (in {})", metadata.name));
        format!("{place}{}{source}", error.kind)
    });
    lines.collect::<Vec<_>>().join("; ")
}

fn check(config: &Config) -> Result<(), ConfigError> {
    let wrong = |what: &str| Err(ConfigError(what.to_owned()));
    if !config.public_url.is_empty() && !config.public_url.starts_with("http") {
        return wrong("`public_url` has to start with https:// or http://");
    }
    let url = &config.database.url;
    if !(url.is_empty() || url.starts_with("sqlite:") || url.starts_with("postgres")) {
        return wrong("`database.url` has to start with sqlite:// or postgres://");
    }
    if config.database.max_connections == 0 || config.http.max_connections == 0 {
        return wrong("`max_connections` has to be at least 1");
    }
    if !(17 << 20..1 << 32).contains(&config.journal.segment_bytes) {
        return wrong("`journal.segment_bytes` has to be from 17825792 (17 MiB) up to 4294967295");
    }
    Ok(())
}
