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

/// A URL that has no password any more, neither with the user's name nor among the parameters.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let authority = match authority.rsplit_once('@') {
        Some((user, host)) => format!("{}:***@{host}", user.split(':').next().unwrap_or_default()),
        None => authority.to_owned(),
    };
    let path = match path.split_once('?') {
        Some((path, query)) => {
            let shown: Vec<_> = query.split('&').map(parameter).collect();
            format!("{path}?{}", shown.join("&"))
        }
        None => path.to_owned(),
    };
    format!("{scheme}://{authority}{path}")
}

/// A parameter, its value masked when it may be a secret (the drivers know `password`, `sslpassword` and the like).
fn parameter(parameter: &str) -> String {
    match parameter.split_once('=') {
        Some((key, _)) if key.to_ascii_lowercase().contains("pass") || key.contains('%') => {
            format!("{key}=***")
        }
        _ => parameter.to_owned(),
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
        assert_eq!(
            without_password("postgres://db/x?user=ann&password=secret&sslmode=require"),
            "postgres://db/x?user=ann&password=***&sslmode=require"
        );
        assert_eq!(without_password("postgres://a:b@db?PassWord=c"), "postgres://a:***@db?PassWord=***");
        assert!(!without_password("postgres://db/x?p%61ssword=secret").contains("secret"));
    }
}
