//! The configuration as people may see it.

use serde_json::Value;

use super::Config;

/// The configuration in force as JSON, passwords masked.
pub(crate) fn masked(config: &Config) -> Value {
    let mut shown = serde_json::to_value(config).unwrap_or_default();
    shown["database"]["url"] = Value::String(without_password(&config.database_url()));
    shown["telemetry"]["otlp_endpoint"] = Value::String(without_password(&config.telemetry.otlp_endpoint));
    shown
}

/// A URL whose user information has no password any more.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    match authority.rsplit_once('@') {
        Some((user, host)) => {
            let name = user.split(':').next().unwrap_or_default();
            format!("{scheme}://{name}:***@{host}{path}")
        }
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_masked_and_the_rest_is_shown() {
        assert_eq!(without_password("postgres://ann:secret@db:5432/x"), "postgres://ann:***@db:5432/x");
        assert_eq!(without_password("sqlite://data/tributary.db"), "sqlite://data/tributary.db");
        assert!(!without_password("postgres://a:p@ss@db/x").contains("ss@"));
    }
}
