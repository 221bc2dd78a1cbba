//! What is served: the tag of a source, and the scripts of its owner.

use std::sync::LazyLock;

use serde::Serialize;
use sha2::{Digest, Sha256};
use tributary_connectors::sources::tag::{ConsentMode, TagSettings};

use super::gzip::{self, Crc};

/// The tag: a function of its configuration.
const PROGRAM: &str = include_str!(concat!(env!("OUT_DIR"), "/tag.js"));
/// The same, deflated, without an end.
const PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/tag.deflate"));
/// Bytes of the hash that a version has.
const VERSION: usize = 16;

/// What is the same for all tags, and has to be worked out once.
static OF_PROGRAM: LazyLock<(Sha256, Crc)> =
    LazyLock::new(|| (Sha256::new().chain_update(PROGRAM), Crc::EMPTY.and(PROGRAM.as_bytes())));

/// A tag's file.
#[derive(Debug)]
pub(super) struct TagFile {
    /// How it is called with what its owner set; it stands behind the program.
    call: String,
    /// Of a file that says the same, and of no other.
    pub(super) version: String,
}

/// What the program is told, in its order; `tag/01-safe.js` says what each of it is.
#[derive(Serialize)]
struct Configuration<'a>(
    &'a str,
    &'a str,
    bool,
    Vec<(&'a [String], &'a str, &'a str)>,
    Vec<(&'a str, &'a str, &'a [String])>,
);

impl TagFile {
    /// The tag with the write key `key`, for a source with these settings.
    pub(super) fn new(key: &str, settings: &TagSettings) -> Self {
        let rules = settings.decorate.iter();
        let scripts = settings.scripts.iter().filter(|script| script.enabled);
        let configuration = Configuration(
            key,
            settings.cookie_domain.as_deref().unwrap_or_default(),
            settings.consent == ConsentMode::Wait,
            rules.map(|rule| (&*rule.hosts, &*rule.parameter, &*rule.prefix)).collect(),
            scripts.map(|script| (&*script.name, &*script.sha256, &*script.sites)).collect(),
        );
        // Texts, lists and a flag always have a JSON form, and JSON is JavaScript.
        let json = serde_json::to_string(&configuration).unwrap_or_default();
        let call = format!("(...{json});");
        let hash = OF_PROGRAM.0.clone().chain_update(&call).finalize();
        Self { call, version: hex::encode(&hash[..VERSION]) }
    }

    /// As it is.
    pub(super) fn plain(&self) -> Vec<u8> {
        [PROGRAM, &self.call].concat().into_bytes()
    }

    /// As gzip packs it.
    pub(super) fn packed(&self) -> Vec<u8> {
        gzip::file(PACKED, OF_PROGRAM.1, self.call.as_bytes(), PROGRAM.len() + self.call.len())
    }
}

/// The file of the script whose code has this hash; nothing where the source has none that runs. It hands the code to the
/// tag, as a function: what it declares is not the page's, and what it throws is caught there.
pub(super) fn script(settings: &TagSettings, sha256: &str) -> Option<String> {
    let script = settings.scripts.iter().find(|script| script.enabled && script.sha256 == sha256)?;
    // The code's last line may be a comment.
    Some(format!("_trb.push([\"script\",\"{sha256}\",function(){{\n{}\n}}]);\n", script.code))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;
    use serde_json::{Value, json};
    use tributary_connectors::sources::provider;

    use super::*;

    /// The most bytes that a tag may have, packed.
    const GATE: usize = 6 * 1024;

    fn file(settings: &Value) -> TagFile {
        let settings = provider("tag").expect("a provider").check_settings(settings).expect("right");
        TagFile::new("key_of_a_test", settings.tag().expect("a tag"))
    }

    #[test]
    fn it_is_small_enough_with_what_most_have_set() {
        let packed = file(&json!({
            "origins": ["https://www.shop.example", "https://shop.example"],
            "cookie_domain": "shop.example",
            "scripts": [{ "name": "calendly_integration", "code": "go()", "sites": ["shop.example"] }],
        }))
        .packed();
        assert!(packed.len() <= GATE, "{} bytes", packed.len());
    }

    #[test]
    fn packed_and_plain_it_is_the_same() {
        let file = file(&Value::Null);
        let mut read = Vec::new();
        GzDecoder::new(&*file.packed()).read_to_end(&mut read).expect("a gzip file");
        assert_eq!(String::from_utf8(read).ok(), String::from_utf8(file.plain()).ok());
    }

    #[test]
    fn its_version_is_of_all_that_it_says_and_of_nothing_else() {
        let version = |settings: &Value| file(settings).version;
        assert_eq!(version(&Value::Null), version(&json!({ "consent": "wait" })));
        assert_ne!(version(&Value::Null), version(&json!({ "consent": "granted" })));
        let script =
            |enabled: bool| json!({ "scripts": [{ "name": "x", "code": "go()", "enabled": enabled }] });
        assert_eq!(version(&Value::Null), version(&script(false)), "what does not run is not told");
        assert_ne!(version(&Value::Null), version(&script(true)));
    }
}
