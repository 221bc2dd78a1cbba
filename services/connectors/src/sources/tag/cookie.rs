//! The cookie that keeps a visitor's id.

use super::{TagSettings, settings::host_of};

/// The name of the cookie; the tag keeps the id under the same name in its storage.
pub const COOKIE: &str = "_trb_cluid";
/// For how long browsers keep it, in seconds: 400 days, which is the longest that they do.
const MAX_AGE: u32 = 400 * 24 * 60 * 60;

impl TagSettings {
    /// The `Set-Cookie` that keeps `cluid` for pages of `origin`, in the answer to a request to `host` (as its header has it);
    /// nothing where the browser would not take it, or would give it to no page of the origin.
    ///
    /// A cookie of a server lives longer than one of a script, in browsers that distrust scripts. It is no secret of the
    /// server: the page's script reads it.
    pub fn cookie(&self, cluid: &str, origin: &str, host: &str) -> Option<String> {
        let page = host_of(origin)?;
        let host = without_port(host).to_ascii_lowercase();
        let domain = self.cookie_domain.as_deref();
        let domain = domain.filter(|domain| is_within(&page, domain) && is_within(&host, domain));
        if domain.is_none() && page != host {
            return None;
        }
        let domain = domain.map(|domain| format!("; Domain={domain}")).unwrap_or_default();
        let secure = if origin.starts_with("https:") { "; Secure" } else { "" };
        Some(format!("{COOKIE}={cluid}; Path=/; Max-Age={MAX_AGE}; SameSite=Lax{domain}{secure}"))
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

fn is_within(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn cookie(domain: &str, origin: &str, host: &str) -> Option<String> {
        let settings = TagSettings::read(&json!({ "cookie_domain": domain })).expect("right");
        settings.cookie("trb_x", origin, host)
    }

    #[test]
    fn it_is_set_where_the_page_and_the_server_are_of_one_domain() {
        let whole = "_trb_cluid=trb_x; Path=/; Max-Age=34560000; SameSite=Lax; Domain=shop.example; Secure";
        assert_eq!(
            cookie("shop.example", "https://www.shop.example", "t.Shop.example:8443").as_deref(),
            Some(whole)
        );
        assert_eq!(cookie("shop.example", "https://shop.example", "t.shop.example").as_deref(), Some(whole));
        let own = "_trb_cluid=trb_x; Path=/; Max-Age=34560000; SameSite=Lax";
        assert_eq!(cookie("", "http://localhost:3000", "localhost:8080").as_deref(), Some(own));
        assert_eq!(cookie("", "http://127.0.0.1:3000", "127.0.0.1:8080").as_deref(), Some(own));
        assert_eq!(cookie("other.example", "http://localhost:3000", "localhost").as_deref(), Some(own));
    }

    #[test]
    fn it_is_not_set_where_it_would_be_another_sites() {
        assert_eq!(cookie("", "https://www.shop.example", "t.shop.example"), None);
        assert_eq!(cookie("shop.example", "https://shop.example", "tributary.example"), None);
        assert_eq!(cookie("shop.example", "https://notshop.example", "t.shop.example"), None);
        assert_eq!(cookie("shop.example", "null", "t.shop.example"), None);
    }
}
