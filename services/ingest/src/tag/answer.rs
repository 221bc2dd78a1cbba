//! How it is served: for how long it may be kept, and when it need not be sent again.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header},
};
use tributary_connectors::sources::tag::TagSettings;

use super::file::{self, TagFile};

/// For a path that says what is in it.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// For one that always has the newest: a change is everywhere within minutes, and who comes back does not wait for it.
const FOR_NOW: &str = "public, max-age=300, stale-while-revalidate=86400";

/// The folder that all of it is in.
const FOLDER: &str = "/tag/";

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asked<'a> {
    /// The write key.
    pub(crate) key: &'a str,
    /// Which version of the tag, or which script; unset: the newest tag.
    version: Option<&'a str>,
}

impl<'a> Asked<'a> {
    /// Reads `/tag/{key}.js` and `/tag/{key}/{version}.js`.
    pub(crate) fn read(path: &'a str) -> Option<Self> {
        let file = path.strip_prefix(FOLDER)?.strip_suffix(".js")?;
        Some(match file.split_once('/') {
            Some((key, version)) => Self { key, version: Some(version) },
            None => Self { key: file, version: None },
        })
    }
}

/// The answer to a browser that asks for a tag or a script. A version that is not in force any more, as of a page that was
/// kept for long, is answered with the newest tag.
pub(crate) fn answer(asked: Asked<'_>, settings: &TagSettings, headers: &HeaderMap) -> Response<Body> {
    let script = asked.version.and_then(|version| Some((version, file::script(settings, version)?)));
    if let Some((version, code)) = script {
        return respond(headers, version, FOR_EVER, false, || code.into_bytes());
    }
    let file = TagFile::new(asked.key, settings);
    let kept = if asked.version == Some(&*file.version) { FOR_EVER } else { FOR_NOW };
    let packs = takes_gzip(headers);
    respond(headers, &file.version, kept, packs, || if packs { file.packed() } else { file.plain() })
}

fn respond(
    headers: &HeaderMap,
    version: &str,
    kept: &'static str,
    is_packed: bool,
    body: impl FnOnce() -> Vec<u8>,
) -> Response<Body> {
    // Weak: it is the same, however it is packed.
    let tag = format!("W/\"{version}\"");
    let is_known = knows(headers, version);
    let mut response = Response::new(if is_known { Body::empty() } else { Body::from(body()) });
    if is_known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let answers = response.headers_mut();
    answers.extend(HeaderValue::try_from(tag).ok().map(|tag| (header::ETAG, tag)));
    if is_packed && !is_known {
        answers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    // Every page may load it, also with `crossorigin` and where it asks other origins for that.
    let same: [(HeaderName, &str); 6] = [
        (header::CONTENT_TYPE, "text/javascript; charset=utf-8"),
        (header::CACHE_CONTROL, kept),
        (header::VARY, "accept-encoding"),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"),
    ];
    answers.extend(same.map(|(name, value)| (name, HeaderValue::from_static(value))));
    response
}

/// Whether the browser has this version already.
fn knows(headers: &HeaderMap, version: &str) -> bool {
    let lists = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|list| list.to_str().ok());
    lists
        .flat_map(|list| list.split(','))
        .map(str::trim)
        .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag).trim_matches('"') == version)
}

/// Whether the browser takes gzip: it names it, and not with a weight of zero.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let lists = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|list| list.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|one| {
        let (name, weight) = one.split_once(';').unwrap_or((one, ""));
        let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.parse::<f32>().ok());
        name.trim().eq_ignore_ascii_case("gzip") && weight != Some(0.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: HeaderName, value: &'static str) -> HeaderMap {
        [(name, HeaderValue::from_static(value))].into_iter().collect()
    }

    #[test]
    fn a_path_names_a_key_and_maybe_a_version() {
        let asked = |key, version| Some(Asked { key, version });
        assert_eq!(Asked::read("/tag/abc.js"), asked("abc", None));
        assert_eq!(Asked::read("/tag/abc/0f.js"), asked("abc", Some("0f")));
        for other in ["/tag/abc", "/tag", "/tags/abc.js", "/tag/abc.css"] {
            assert_eq!(Asked::read(other), None, "{other}");
        }
    }

    #[test]
    fn gzip_is_for_those_who_ask_for_it() {
        for (encodings, takes) in [
            ("gzip", true),
            ("gzip, deflate, br", true),
            ("br;q=1.0, GZIP;q=0.8", true),
            ("gzip;q=0", false),
            ("br", false),
            ("xgzip", false),
        ] {
            assert_eq!(takes_gzip(&with(header::ACCEPT_ENCODING, encodings)), takes, "{encodings}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }

    #[test]
    fn what_is_known_is_recognised_however_it_is_written() {
        for (tags, known) in [
            ("W/\"abc\"", true),
            ("\"abc\"", true),
            ("\"x\", W/\"abc\"", true),
            ("*", true),
            ("W/\"abcd\"", false),
            ("", false),
        ] {
            assert_eq!(knows(&with(header::IF_NONE_MATCH, tags), "abc"), known, "{tags}");
        }
    }
}
