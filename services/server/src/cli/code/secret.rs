//! Secrets of a file: said by reference, never by value.

use std::{collections::BTreeMap, env, fmt, fs, io::ErrorKind, path::Path};

use serde_json::Value as Json;
use tributary_admin::masked;

use super::{fault::Faults, path::member};

/// A secret that a file refers to.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Secret {
    /// What the file says, such as `$NAME`.
    pub(super) reference: String,
    /// The secret; none where there is nothing of that name here.
    pub(super) value: Option<String>,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").field("reference", &self.reference).finish_non_exhaustive()
    }
}

/// The secrets of one resource by their names; those of a list by their places.
pub(super) type Secrets = BTreeMap<String, Secret>;

/// What has to be done about the secrets of a resource that is there.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing, as far as can be seen.
    Same,
    /// They are sent.
    Send,
    /// They would have to be sent, and this one is not here.
    Missing(String),
}

/// Compares what a file wants with what the server shows of what it has.
///
/// Secrets are not read back: they count as the same when the server masks them as it masks these. A secret that is not
/// here cannot be compared, and is left as it is.
pub(super) fn compare(wanted: &Secrets, masks: &BTreeMap<String, String>, is_forced: bool) -> Verdict {
    let is_other = |(name, secret): (&String, &Secret)| {
        secret.value.as_deref().is_some_and(|value| masks.get(name) != Some(&masked(value)))
    };
    let has_others = !wanted.keys().eq(masks.keys()) || wanted.iter().any(is_other);
    let knows_all = wanted.values().all(|secret| secret.value.is_some());
    if has_others || (is_forced && knows_all && !wanted.is_empty()) {
        return missing(wanted).map_or(Verdict::Send, Verdict::Missing);
    }
    Verdict::Same
}

/// The reference of a secret that is not here.
pub(super) fn missing(wanted: &Secrets) -> Option<String> {
    wanted.values().find(|secret| secret.value.is_none()).map(|secret| secret.reference.clone())
}

/// The secret that is referred to at `path`; files are looked for from `folder` on.
pub(super) fn read(json: &Json, path: &str, folder: &Path, faults: &mut Faults) -> Option<Secret> {
    let members = json.as_object().filter(|members| members.len() == 1);
    let said = members.and_then(|members| members.iter().next());
    match said.and_then(|(key, value)| Some((key.as_str(), value.as_str()?))) {
        Some(("env", name)) if !name.is_empty() => {
            let value = env::var(name).ok().filter(|value| !value.is_empty());
            Some(Secret { reference: format!("${name}"), value })
        }
        Some(("file", name)) if !name.is_empty() => {
            let value = match fs::read_to_string(folder.join(name)) {
                Ok(text) => Some(text.trim_end_matches(['\r', '\n']).to_owned()),
                Err(error) if error.kind() == ErrorKind::NotFound => None,
                Err(error) => {
                    faults.add(member(path, "file"), format!("{name} cannot be read: {error}"));
                    None
                }
            };
            Some(Secret { reference: name.to_owned(), value: value.filter(|text| !text.is_empty()) })
        }
        _ => {
            faults.add(path, "a secret is said by reference: { env: NAME } or { file: PATH }");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn secrets(all: &[(&str, Option<&str>)]) -> Secrets {
        let one =
            |value: Option<&str>| Secret { reference: "$X".to_owned(), value: value.map(str::to_owned) };
        all.iter().map(|(name, value)| ((*name).to_owned(), one(*value))).collect()
    }

    fn masks(all: &[(&str, &str)]) -> BTreeMap<String, String> {
        all.iter().map(|(name, value)| ((*name).to_owned(), masked(value))).collect()
    }

    #[test]
    fn secrets_are_sent_when_they_are_seen_to_differ() {
        const LONG: &str = "0123456789abcdef0123";
        const OTHER: &str = "0123456789abcdefxxxx";
        let there = masks(&[("a", LONG)]);
        assert_eq!(compare(&secrets(&[("a", Some(LONG))]), &there, false), Verdict::Same);
        assert_eq!(compare(&secrets(&[("a", Some(LONG))]), &there, true), Verdict::Send);
        assert_eq!(compare(&secrets(&[("a", Some(OTHER))]), &there, false), Verdict::Send);
        assert_eq!(compare(&secrets(&[("a", None)]), &there, true), Verdict::Same);
        assert_eq!(compare(&secrets(&[("b", Some(LONG))]), &there, false), Verdict::Send);
        assert_eq!(compare(&secrets(&[]), &there, false), Verdict::Send, "they are taken away");
        let two = secrets(&[("a", Some(OTHER)), ("b", None)]);
        assert_eq!(compare(&two, &there, false), Verdict::Missing("$X".to_owned()));
    }

    #[test]
    fn secrets_are_said_by_reference_only() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("key"), "canary\n").unwrap();
        let read = |json: Json| {
            let mut faults = Faults::default();
            let found = super::read(&json, "at", folder.path(), &mut faults);
            (found.and_then(|found| found.value), faults.0.len())
        };
        assert_eq!(read(json!({"file": "key"})), (Some("canary".to_owned()), 0));
        assert_eq!(read(json!({"file": "none"})), (None, 0));
        assert_eq!(read(json!({"env": "TRIBUTARY_NO_SUCH_VARIABLE"})), (None, 0));
        for wrong in [
            json!("canary"),
            json!({"env": "A", "file": "b"}),
            json!({}),
            json!({"env": 5}),
            json!({"env": ""}),
        ] {
            assert_eq!(read(wrong.clone()).1, 1, "{wrong}");
        }
        let secret = Secret { reference: "$X".to_owned(), value: Some("canary".to_owned()) };
        assert!(!format!("{secret:?}").contains("canary"));
    }
}
