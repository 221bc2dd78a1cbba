//! Putting the layers together.

use std::path::Path;

use figment::{
    Figment,
    providers::{Env, Format, Serialized, Toml},
    value::UncasedStr,
};
use tributary_domain::subnet::Subnet;
use tributary_telemetry::is_filter;

use super::{Config, Flags};

/// The file that is read when none is named.
const FILE: &str = "tributary.toml";

/// The largest body that a source can be set to take, in bytes.
const LARGEST_BODY: usize = 8 << 20;
/// Variables that only the command line reads.
const COMMAND_LINE: [&str; 5] = ["config", "context", "token", "address", "ca"];

/// What is wrong with the configuration: one line.
#[derive(Debug, thiserror::Error)]
#[error("configuration: {0}")]
pub(crate) struct ConfigError(pub(super) String);

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
    let environment = Env::prefixed("TRIBUTARY_").filter(is_ours).split("__");
    let layers = layers.merge(environment).merge(Serialized::globals(flags.overrides()));
    let config: Config = layers.extract().map_err(|error| ConfigError(one_line(error)))?;
    check(&config)?;
    Ok(config)
}

/// Whether what follows `TRIBUTARY_` in the environment is a key of ours. Kubernetes adds variables for each Service
/// of the namespace to every container: for one that is called `tributary` they are `TRIBUTARY_SERVICE_HOST`,
/// `TRIBUTARY_PORT`, `TRIBUTARY_PORT_8080_TCP` and more, and for `tributary-admin` `TRIBUTARY_ADMIN_PORT` and so on. None
/// of our keys without a section has such a name.
fn is_ours(key: &UncasedStr) -> bool {
    let key = key.as_str().to_ascii_lowercase();
    let words = |what: &str| format!("_{key}_").contains(what);
    let is_of_a_service = words("_service_host_") || words("_service_port_") || words("_port_");
    let is_in_a_section = key.contains("__");
    (is_in_a_section || !is_of_a_service) && !COMMAND_LINE.contains(&key.as_str())
}

fn one_line(errors: figment::Error) -> String {
    let lines = errors.into_iter().map(|error| {
        let place =
            if error.path.is_empty() { String::new() } else { format!("`{}`: ", error.path.join(".")) };
        let source = error.metadata.as_ref().map_or_else(String::new, |metadata| {
            let file = metadata.source.as_ref().map_or_else(String::new, |source| format!(", {source}"));
            format!(" (in {}{file})", metadata.name)
        });
        // The kinds put backticks around what has some already.
        format!("{place}{}{source}", error.kind.to_string().replace("``", "`"))
    });
    lines.collect::<Vec<_>>().join("; ")
}

fn check(config: &Config) -> Result<(), ConfigError> {
    let wrong = |what: &str| Err(ConfigError(what.to_owned()));
    let public = &config.public_url;
    if !(public.is_empty() || public.starts_with("https://") || public.starts_with("http://")) {
        return wrong("`public_url` has to start with https:// or http://");
    }
    let url = &config.database.url;
    if !(url.is_empty() || url.starts_with("sqlite:") || url.starts_with("postgres")) {
        return wrong("`database.url` has to start with sqlite:// or postgres://");
    }
    let connections = [config.http.max_connections, config.admin.max_connections];
    if config.database.max_connections == 0 || connections.contains(&0) {
        return wrong("`max_connections` has to be at least 1");
    }
    if config.http.max_body_bytes < LARGEST_BODY {
        return wrong(
            "`http.max_body_bytes` has to be at least 8388608 (8 MiB), the largest body that a source takes",
        );
    }
    let api = &config.calendly.api_url;
    if !(api.starts_with("https://") || api.starts_with("http://")) {
        return wrong("`calendly.api_url` has to start with https:// or http://");
    }
    if config.calendly.check_seconds == 0 {
        return wrong("`calendly.check_seconds` has to be at least 1");
    }
    subnets("egress.allow", &config.egress.allow)?;
    subnets("http.trusted_proxies", &config.http.trusted_proxies)?;
    subnets("admin.trusted_proxies", &config.admin.trusted_proxies)?;
    config.allowed_origins()?;
    for provider in &config.admin.identity_providers {
        provider.check()?;
    }
    if config.admin.max_connection_age_seconds == 0 {
        return wrong("`admin.max_connection_age_seconds` has to be at least 1");
    }
    let (http, admin) = (&config.http, &config.admin);
    let pairs =
        [("http", &http.tls_certificate, &http.tls_key), ("admin", &admin.tls_certificate, &admin.tls_key)];
    let is_half =
        |certificate: &Path, key: &Path| certificate.as_os_str().is_empty() != key.as_os_str().is_empty();
    if let Some((section, ..)) = pairs.iter().find(|(_, certificate, key)| is_half(certificate, key)) {
        return Err(ConfigError(format!(
            "`{section}.tls_certificate` and `{section}.tls_key` go together: set both or none"
        )));
    }
    if !is_filter(&config.telemetry.log_filter) {
        return wrong("`telemetry.log_filter` has to be written like `info,tributary_store=debug`");
    }
    if !(17 << 20..1 << 32).contains(&config.journal.segment_bytes) {
        return wrong("`journal.segment_bytes` has to be from 17825792 (17 MiB) up to 4294967295");
    }
    Ok(())
}

/// The subnets that are the value of `key`.
///
/// # Errors
/// One that is none.
pub(crate) fn subnets(key: &str, texts: &[String]) -> Result<Vec<Subnet>, ConfigError> {
    let read = |text: &String| {
        text.parse().map_err(|_| ConfigError(format!("`{key}`: {text:?} is no subnet such as 10.1.0.0/16")))
    };
    texts.iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_kubernetes_adds_for_a_service_is_not_ours() {
        for added in [
            "SERVICE_HOST",
            "SERVICE_PORT",
            "SERVICE_PORT_HTTP",
            "PORT",
            "PORT_8080_TCP",
            "PORT_8080_TCP_ADDR",
            "ADMIN_SERVICE_HOST",
            "ADMIN_PORT_8090_TCP_PORT",
            "CONFIG",
            "context",
            "token",
        ] {
            assert!(!is_ours(added.into()), "{added}");
        }
        for ours in ["DATA_DIR", "PUBLIC_URL", "HTTP__LISTEN", "TELEMETRY__OTLP_ENDPOINT", "UNKNOWN"] {
            assert!(is_ours(ours.into()), "{ours}");
        }
    }

    /// What is wrong with the configuration that `change` makes of the defaults.
    fn wrong(change: impl FnOnce(&mut Config)) -> Option<String> {
        let mut config = Config::default();
        change(&mut config);
        check(&config).err().map(|error| error.to_string())
    }

    #[test]
    fn a_value_that_cannot_be_used_is_named_before_anything_starts() {
        assert_eq!(wrong(|_| {}), None);
        assert_eq!(wrong(|config| config.egress.allow.push("10.0.0.0/8".to_owned())), None);
        let named = |key: &str, wrong: Option<String>| {
            assert!(wrong.as_ref().is_some_and(|wrong| wrong.contains(key)), "{key}: {wrong:?}");
        };
        named("egress.allow", wrong(|config| config.egress.allow.push("10.0.0.0/99".to_owned())));
        let origin = "https://dashboard.example.com/".to_owned();
        named("allowed_origins", wrong(|config| config.admin.allowed_origins.push(origin)));
        named("admin.tls_key", wrong(|config| config.admin.tls_certificate = "admin.pem".into()));
        named("http.tls_certificate", wrong(|config| config.http.tls_key = "key.pem".into()));
        named(
            "calendly.api_url",
            wrong(|config| "api.calendly.com".clone_into(&mut config.calendly.api_url)),
        );
        named("calendly.check_seconds", wrong(|config| config.calendly.check_seconds = 0));
        named("log_filter", wrong(|config| "tributary=loudly".clone_into(&mut config.telemetry.log_filter)));
        named("max_body_bytes", wrong(|config| config.http.max_body_bytes = LARGEST_BODY - 1));
        named("public_url", wrong(|config| "httpx://in.example.com".clone_into(&mut config.public_url)));
    }
}
