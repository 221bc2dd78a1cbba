//! What can be done with the demo that runs now.

use std::env;

use serde_json::json;

use super::{Saved, setup::OWNER};
use crate::{
    cli::{
        address::Addresses,
        output::{Out, Style, Text},
    },
    config::Config,
    run::Running,
};

/// Shows where everything is, and what to try.
pub(super) fn show(out: &Out, config: &Config, saved: &Saved, running: &Running) -> anyhow::Result<()> {
    let (admin, operations) = (running.admin(), running.operations());
    if out.is_json() {
        return Ok(out.json_line(&json!({
            "webhook_url": saved.webhook_url, "signing_key": saved.signing_key,
            "owner": OWNER, "owner_password": saved.owner_password, "grpc": admin, "operations": operations, "token_file": config.token_file(),
        }))?);
    }
    let command = command(config);
    let lines = [
        ("webhook URL", saved.webhook_url.clone()),
        (
            "gRPC API",
            format!("{admin} (reflection is on; the token is in {})", config.token_file().display()),
        ),
        ("owner", format!("{OWNER}; the password is in {}", Saved::file(&config.data_dir).display())),
        ("operations", format!("http://{operations}/metrics, /healthz and /readyz")),
        ("send more", format!("{command} send --repeat 100 --connections 8")),
        ("logs", format!("{command} logs source --follow")),
        ("", format!("{command} logs workflow")),
        ("", format!("{command} logs deliveries")),
        ("people", format!("{command} profiles list")),
    ];
    out.line("")?;
    for (what, words) in lines {
        out.text(&Text::new().with(Style::Bold, format!("{what:<13}")).plain(words))?;
    }
    let own = Addresses::of(config).webhook(&saved.webhook_url)?;
    out.text(
        &Text::new()
            .with(Style::Bold, "by hand")
            .with(Style::Dim, "      signed as Calendly signs; paste it into a shell:"),
    )?;
    out.line(&curl(&own, &saved.signing_key))?;
    out.line("")?;
    out.text(&Text::new().with(Style::Good, "serving").plain("; Ctrl-C stops it"))?;
    Ok(())
}

/// How this program was called, with what it needs to find this server's data folder.
fn command(config: &Config) -> String {
    let program = env::args().next().unwrap_or_else(|| "tributary".to_owned());
    if config.data_dir == Config::default().data_dir {
        return program;
    }
    format!("{program} --data-dir {}", quoted(&config.data_dir.to_string_lossy()))
}

/// A word for a POSIX shell.
fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-:".contains(letter);
    if word.chars().all(is_plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

/// A booking by curl: the signature is made when it is run, because it is good for three minutes only. The time makes
/// each a booking of its own.
fn curl(url: &str, key: &str) -> String {
    let body = r#"{"event":"invitee.created","payload":{"uri":"https://api.calendly.com/scheduled_events/by-hand/invitees/'$now'","email":"ann@example.com","name":"Ann Example"}}"#;
    format!(
        "  now=$(date +%s); body='{body}'\n  \
         sig=$(printf '%s.%s' \"$now\" \"$body\" | openssl dgst -sha256 -hmac {key} -r | cut -d' ' -f1)\n  \
         curl -sS {url} -H 'content-type: application/json' -H \"calendly-webhook-signature: t=$now,v1=$sig\" -d \"$body\"",
        key = quoted(key),
        url = quoted(url),
    )
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use http::{HeaderMap, HeaderName, HeaderValue};
    use serde_json::Value;
    use tributary_connectors::sources::{Provider, Signature, Webhook, calendly::Calendly};
    use tributary_domain::time::Timestamp;

    use super::*;

    #[test]
    fn what_is_pasted_is_signed_as_calendly_signs() {
        if Command::new("openssl").arg("version").output().is_err() {
            return;
        }
        // What curl is handed, instead of curl.
        let script = format!(
            "curl() {{ for word in \"$@\"; do printf '%s\\0' \"$word\"; done; }}\n{}",
            curl("http://127.0.0.1:1/in/x", "the key")
        );
        let shell = Command::new("sh").arg("-c").arg(script).output().unwrap();
        let words: Vec<String> =
            String::from_utf8(shell.stdout).unwrap().split('\0').map(str::to_owned).collect();
        let header = words.iter().find(|word| word.starts_with("calendly")).unwrap();
        let body = &words[words.iter().position(|word| word == "-d").unwrap() + 1];
        let (name, value) = header.split_once(": ").unwrap();
        let mut headers = HeaderMap::new();
        headers
            .insert(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
        let time = value.strip_prefix("t=").unwrap().split(',').next().unwrap();
        let now = Timestamp::from_seconds(time.parse().unwrap());
        let settings = Calendly.check_settings(&Value::Null).unwrap();
        let webhook = Webhook { origin: "", target: "/in/x", headers: &headers, body: body.as_bytes() };
        let verified = Calendly.verify(&settings, &["the key".to_owned()], &webhook, now);
        assert_eq!(verified.unwrap(), Signature::Valid);
        let body: Value = serde_json::from_str(body).unwrap();
        assert!(body["payload"]["uri"].as_str().unwrap().ends_with(time), "{body}");
    }

    #[test]
    fn words_are_quoted_where_a_shell_needs_it() {
        assert_eq!(quoted("http://127.0.0.1:8080/in/a-b_c"), "http://127.0.0.1:8080/in/a-b_c");
        assert_eq!(quoted("it's here"), r"'it'\''s here'");
    }
}
