//! Whether Calendly can send webhooks to an address.

use std::net::IpAddr;

use http::Uri;
use tributary_connectors::sources::calendly::api::{Problem, ProblemKind};
use tributary_egress::is_global_unicast;

/// Ends of names that mean nothing beyond a network of somebody's own (RFC 6761, RFC 6762, RFC 9476 and what ICANN reserved).
const PRIVATE: [&str; 5] = ["localhost", "local", "internal", "lan", "home.arpa"];

/// Checks what webhook URLs begin with.
///
/// # Errors
/// What Calendly cannot reach in it.
pub(super) fn check(public_url: &str) -> Result<(), Problem> {
    let refused = |why: &str| {
        let advice = format!(
            "calendly cannot reach {}: {why}; set `public_url` to an https address of this server that the internet reaches",
            shown(public_url)
        );
        Err(Problem::new(ProblemKind::PublicUrl, advice))
    };
    let Ok(uri) = public_url.parse::<Uri>() else { return refused("it is no url") };
    if uri.scheme_str() != Some("https") {
        return refused("it is plain http, and calendly sends to https only");
    }
    let host = uri.host().unwrap_or_default().trim_end_matches('.').to_ascii_lowercase();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = bare.parse::<IpAddr>() {
        return if is_global_unicast(address) {
            Ok(())
        } else {
            refused("it is an address of this machine or network")
        };
    }
    let is_private = |end: &&str| host == **end || host.ends_with(&format!(".{end}"));
    if !host.contains('.') || PRIVATE.iter().any(is_private) {
        return refused("its name means nothing beyond this machine or network");
    }
    Ok(())
}

/// The URL without what could be secret in it.
fn shown(public_url: &str) -> &str {
    public_url.split(['?', '#', '@']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_internet_reaches_over_tls_will_do() {
        for url in [
            "https://in.example.com",
            "https://in.example.com:8443/hooks",
            "https://93.184.215.14",
            "https://localhost.example.com",
        ] {
            assert_eq!(check(url), Ok(()), "{url}");
        }
        for url in [
            "",
            "in.example.com",
            "http://in.example.com",
            "http://127.0.0.1:8080",
            "https://127.0.0.1",
            "https://[::1]:8443",
            "https://10.1.2.3",
            "https://169.254.169.254",
            "https://localhost",
            "https://LOCALHOST.:8080",
            "https://tributary",
            "https://tributary.local",
            "https://in.svc.internal",
        ] {
            let problem = check(url).unwrap_err();
            assert_eq!(problem.kind, ProblemKind::PublicUrl, "{url}");
            assert!(problem.advice.contains("public_url"), "{url}");
        }
    }
}
