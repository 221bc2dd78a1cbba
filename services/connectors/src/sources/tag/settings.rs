//! What the owner of a tag sets: which sites it runs on, and what it does there.

use std::fmt;

use serde_json::Value;
use sha2::{Digest, Sha256};
use url::{Host, Url};

use crate::sources::{SettingsError, reader::Reader};

/// The most sites that one tag runs on.
const MOST_ORIGINS: usize = 50;
/// The most rules of which links carry the visitor's id.
const MOST_RULES: usize = 20;
/// The most hosts of one rule, and sites of one script.
const MOST_HOSTS: usize = 50;
/// The most scripts of the owner's own.
const MOST_SCRIPTS: usize = 20;
/// The longest script, in bytes.
const LONGEST_CODE: usize = 32 * 1024;
/// The longest name of a script, parameter of a link, or text before the visitor's id.
const LONGEST_NAME: usize = 64;
/// The links that carry the visitor's id unless the owner says otherwise: those to Calendly, which hands the parameter on
/// with every booking.
const CALENDLY: (&str, &str) = ("calendly.com", "utm_term");

/// What the owner of a tag sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagSettings {
    /// The sites that it runs on, as browsers send them (`https://shop.example`); no page of another one is listened to.
    pub origins: Vec<String>,
    /// The domain that the visitor's cookie is set for, such as `shop.example`; unset: the host of the page alone.
    pub cookie_domain: Option<String>,
    /// What holds before the visitor has said anything.
    pub consent: ConsentMode,
    /// Which links carry the visitor's id.
    pub decorate: Vec<Decoration>,
    /// What it runs besides, in this order.
    pub scripts: Vec<Script>,
}

/// What holds before the visitor has said anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsentMode {
    /// Nothing is stored and nothing is sent until the page says that the visitor agreed.
    Wait,
    /// The owner needs no consent, or asks for it before the tag is loaded.
    Granted,
}

impl ConsentMode {
    /// Its name in the settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Wait => "wait",
            Self::Granted => "granted",
        }
    }
}

/// Links that carry the visitor's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoration {
    /// Links to these hosts, and to hosts below them.
    pub hosts: Vec<String>,
    /// The parameter that carries it.
    pub parameter: String,
    /// What stands before the id; usually nothing.
    pub prefix: String,
}

/// A script of the owner's own, which the tag runs once the visitor has an id.
#[derive(Clone, PartialEq, Eq)]
pub struct Script {
    /// Its name; no two of a tag have the same.
    pub name: String,
    /// The hosts that it runs on, each of them that of one of the origins; none: all.
    pub sites: Vec<String>,
    /// What is run.
    pub code: String,
    /// The SHA-256 of the code, in lower-case hex: it tells which code an error came from.
    pub sha256: String,
    /// Whether it runs.
    pub enabled: bool,
}

impl fmt::Debug for Script {
    /// Without the code, which is long.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script")
            .field("name", &self.name)
            .field("sha256", &self.sha256)
            .field("enabled", &self.enabled)
            .finish_non_exhaustive()
    }
}

impl TagSettings {
    /// Reads a source's settings.
    pub(super) fn read(settings: &Value) -> Result<Self, SettingsError> {
        let mut reader = Reader::new(settings)?;
        let mut origins = Vec::new();
        for origin in reader.texts("origins", MOST_ORIGINS)? {
            if host_of(origin).is_none() {
                let expected =
                    "scheme and host as browsers send them are expected, such as https://shop.example";
                return Err(reader.error("origins", expected));
            }
            origins.push(origin.to_owned());
        }
        let cookie_domain = match reader.text("cookie_domain")? {
            Some(domain) if !is_host(domain) || !domain.contains('.') => {
                return Err(reader.error("cookie_domain", "a domain is expected, such as shop.example"));
            }
            domain => domain.map(str::to_owned),
        };
        let modes = [ConsentMode::Wait, ConsentMode::Granted].map(|mode| (mode.as_str(), mode));
        let consent = reader.choice("consent", &modes)?.unwrap_or(ConsentMode::Wait);
        let decorate = match reader.objects("decorate", MOST_RULES)? {
            None => vec![Decoration::default()],
            Some(rules) => rules.into_iter().map(Decoration::read).collect::<Result<_, _>>()?,
        };
        let mut scripts: Vec<Script> = Vec::new();
        for mut object in reader.objects("scripts", MOST_SCRIPTS)?.unwrap_or_default() {
            let script = Script::read(&mut object, &origins)?;
            if scripts.iter().any(|other| other.name == script.name) {
                return Err(object.error("name", "another script has this name"));
            }
            object.finish()?;
            scripts.push(script);
        }
        reader.finish()?;
        Ok(Self { origins, cookie_domain, consent, decorate, scripts })
    }

    /// Whether pages of this origin, as their browser sends it, are listened to.
    pub fn allows(&self, origin: &str) -> bool {
        self.origins.iter().any(|allowed| allowed == origin)
    }
}

impl Default for Decoration {
    fn default() -> Self {
        let (host, parameter) = CALENDLY;
        Self { hosts: vec![host.to_owned()], parameter: parameter.to_owned(), prefix: String::new() }
    }
}

impl Decoration {
    fn read(mut reader: Reader<'_>) -> Result<Self, SettingsError> {
        let hosts = hosts(&mut reader, "hosts")?;
        if hosts.is_empty() {
            return Err(reader.error("hosts", "at least one host is expected"));
        }
        let parameter = short(&mut reader, "parameter")?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.[]".contains(&byte);
        if parameter.is_empty() || !parameter.bytes().all(is_plain) {
            return Err(reader.error("parameter", "the name of a parameter of links is expected"));
        }
        let prefix = short(&mut reader, "prefix")?;
        reader.finish()?;
        Ok(Self { hosts, parameter, prefix })
    }
}

impl Script {
    fn read(reader: &mut Reader<'_>, origins: &[String]) -> Result<Self, SettingsError> {
        let name = short(reader, "name")?;
        if name.is_empty() || name.chars().any(char::is_control) {
            return Err(reader.error("name", "a name is expected"));
        }
        let sites = hosts(reader, "sites")?;
        if let Some(site) =
            sites.iter().find(|site| !origins.iter().any(|at| host_of(at).as_ref() == Some(*site)))
        {
            return Err(reader.error("sites", &format!("`{site}` is the host of none of the origins")));
        }
        let code = reader.text("code")?.unwrap_or_default();
        if code.is_empty() || code.len() > LONGEST_CODE || code.contains('\0') {
            return Err(reader.error("code", &format!("1 to {LONGEST_CODE} bytes are expected, without NUL")));
        }
        let enabled = reader.flag_or("enabled", true)?;
        let sha256 = hex::encode(Sha256::digest(code));
        Ok(Self { name, sites, code: code.to_owned(), sha256, enabled })
    }
}

fn short(reader: &mut Reader<'_>, name: &'static str) -> Result<String, SettingsError> {
    let text = reader.text(name)?.unwrap_or_default();
    if text.len() > LONGEST_NAME {
        return Err(reader.error(name, &format!("at most {LONGEST_NAME} bytes are expected")));
    }
    Ok(text.to_owned())
}

fn hosts(reader: &mut Reader<'_>, name: &'static str) -> Result<Vec<String>, SettingsError> {
    let hosts = reader.texts(name, MOST_HOSTS)?;
    match hosts.iter().find(|host| !is_host(host)) {
        Some(_) => Err(reader.error(name, "hosts are expected as browsers write them, such as shop.example")),
        None => Ok(hosts.into_iter().map(str::to_owned).collect()),
    }
}

/// Whether it is a host as browsers write it: in lower case, other alphabets in their ASCII form.
fn is_host(text: &str) -> bool {
    Host::parse(text).is_ok_and(|host| host.to_string() == text) && !text.contains('*')
}

/// The host of an origin as browsers send it; nothing where it is none.
pub(super) fn host_of(origin: &str) -> Option<String> {
    let url = Url::parse(origin).ok()?;
    // What is written otherwise (a slash at the end, capitals, port 443) would never equal what browsers send.
    let is_exact = url.origin().ascii_serialization() == origin && matches!(url.scheme(), "https" | "http");
    let host = url.host_str().filter(|_| is_exact && !origin.contains('*'))?;
    Some(host.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn wrong(settings: &Value) -> String {
        TagSettings::read(settings).expect_err("wrong").path
    }

    #[test]
    fn without_a_word_of_its_owner_it_waits_for_consent_and_decorates_calendly() {
        let settings = TagSettings::read(&Value::Null).expect("the defaults are right");
        assert_eq!(settings.consent, ConsentMode::Wait);
        assert_eq!(settings.decorate, [Decoration::default()]);
        assert!(settings.origins.is_empty() && !settings.allows("https://shop.example"));
        let none = TagSettings::read(&json!({ "decorate": [] })).expect("right");
        assert_eq!(none.decorate, [], "who wants none gets none");
    }

    #[test]
    fn all_that_is_set_is_read() {
        let settings = TagSettings::read(&json!({
            "origins": ["https://shop.example", "http://localhost:8080"],
            "cookie_domain": "shop.example",
            "consent": "granted",
            "decorate": [{ "hosts": ["cal.com"], "parameter": "metadata[cluid]", "prefix": "v-" }],
            "scripts": [
                { "name": "one", "sites": ["shop.example"], "code": "go()" },
                { "name": "two", "code": "stay()", "enabled": false },
            ],
        }))
        .expect("right");
        assert!(settings.allows("http://localhost:8080") && !settings.allows("http://localhost"));
        assert_eq!(settings.decorate[0].prefix, "v-");
        assert_eq!(settings.cookie_domain.as_deref(), Some("shop.example"));
        let [one, two] = settings.scripts.as_slice() else { panic!("two scripts") };
        assert_eq!(one.sha256, "e4a62ff8f51ba28e61fb4f9802d1913dbc2fe5dfd0c731ec94fe181a751ac51c");
        assert!(one.enabled && !two.enabled && two.sites.is_empty());
    }

    #[test]
    fn what_no_browser_would_send_is_no_origin() {
        for bad in [
            "*",
            "null",
            "shop.example",
            "https://shop.example/",
            "https://Shop.example",
            "ws://shop.example",
        ] {
            assert_eq!(wrong(&json!({ "origins": [bad] })), "origins", "{bad}");
        }
        for bad in ["https://shop.example", "*.shop.example", "Shop.example", "localhost", "shop.example:80"]
        {
            assert_eq!(wrong(&json!({ "cookie_domain": bad })), "cookie_domain", "{bad}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_by_its_place() {
        let script =
            |script: Value| wrong(&json!({ "origins": ["https://shop.example"], "scripts": [script] }));
        assert_eq!(script(json!({ "name": "x", "code": "" })), "scripts[0].code");
        assert_eq!(script(json!({ "name": "x", "code": "a".repeat(LONGEST_CODE + 1) })), "scripts[0].code");
        assert_eq!(script(json!({ "code": "go()" })), "scripts[0].name");
        assert_eq!(
            script(json!({ "name": "x", "code": "go()", "sites": ["other.example"] })),
            "scripts[0].sites"
        );
        assert_eq!(script(json!({ "name": "x", "code": "go()", "hash": "y" })), "scripts[0].hash");
        let twice = json!([{ "name": "x", "code": "go()" }, { "name": "x", "code": "stay()" }]);
        assert_eq!(wrong(&json!({ "scripts": twice })), "scripts[1].name");
        assert_eq!(wrong(&json!({ "decorate": [{ "parameter": "x" }] })), "decorate[0].hosts");
        assert_eq!(
            wrong(&json!({ "decorate": [{ "hosts": ["x.example"], "parameter": "a b" }] })),
            "decorate[0].parameter"
        );
        assert_eq!(wrong(&json!({ "consent": "maybe" })), "consent");
        assert_eq!(wrong(&json!({ "debug": true })), "debug");
    }
}
