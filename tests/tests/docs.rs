//! The documentation says what the code does: every stable reason and every key of the configuration is
//! described, and nothing that is gone.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "tests say at once what fails")]

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use regex::Regex;
use serde_json::Value;
use tempfile::TempDir;
use tributary_tests::{Server, binary, raw_post};

/// Crates whose texts reach callers. The command line only shows what they say.
const CRATES: [&str; 10] = [
    "actors",
    "services/admin",
    "services/auth",
    "services/connectors",
    "services/domain",
    "services/egress",
    "services/ingest",
    "services/journal",
    "services/planner",
    "services/store",
];

/// How a reason is written wherever it is: several words in capitals, or as the reason of something that waits.
const ANYWHERE: [&str; 6] = [
    r#""([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)""#,
    r#"Hold\("([A-Z_]+)"\)"#,
    r#"then_some\("([A-Z_]+)"\)"#,
    r#"park\("([A-Z_]+)""#,
    r#"code: "([A-Z_]+)""#,
    r#"reason: Set\("([A-Z_]+)""#,
];

/// Files that list reasons of one word too, and how they write them.
const LISTS: [(&str, &str); 11] = [
    ("actors/src/destination/tried.rs", CAPITALS),
    ("services/connectors/src/destinations/outcome.rs", CAPITALS),
    ("services/admin/src/error.rs", CAPITALS),
    ("services/connectors/src/sources/signature.rs", CAPITALS),
    ("services/domain/src/identity/decision.rs", SMALL),
    ("services/domain/src/normalise/cluid.rs", CAPITALS),
    ("services/domain/src/normalise/rejection.rs", CAPITALS),
    ("services/domain/src/workflow/status.rs", CAPITALS),
    ("services/egress/src/error.rs", SMALL),
    ("services/store/src/delivery.rs", CAPITALS),
    ("services/store/src/ledger/replay.rs", CAPITALS),
];
const CAPITALS: &str = r#""([A-Z][A-Z_]+)""#;
const SMALL: &str = r#"=> "([a-z_]+)""#;

/// What is not found is named where it is looked for; the reason is made of it.
const NOT_FOUND: &str = r#"not_found\("([a-z ]+)"\)"#;

/// What looks like a reason and is none.
const NO_REASONS: [&str; 14] = [
    // What operations do.
    "BACKTEST_WORKFLOW",
    // The provider's event of a message in a shape that Calendly does not send any more.
    "CALENDLY_NESTED_V1_SHAPE",
    "CARGO_PKG_VERSION",
    // What the names of least roles begin with.
    "LEAST_ROLE_",
    // How far a conflict is.
    "NEVER_JOIN",
    // How a booking can stand.
    "NO_SHOW",
    // Where a build puts what it makes.
    "OUT_DIR",
    // How a credential can stand.
    "SCOPE_MISSING",
    // A kind of invitation.
    "PASSWORD_RESET",
    "ERASE_PROFILE",
    "REPLAY_DELIVERIES",
    "REPLAY_MESSAGES",
    "SCREAMING_SNAKE_CASE",
    // Asked at the start, before anybody can call.
    "SQLITE_VERSION_NOT_FOUND",
];

/// Where names in capitals are none of ours: what platforms, and a provider, call events, and what they say and are told in
/// their words.
const OF_OTHERS: [&str; 3] = [
    "services/domain/src/workflow/catalogue/events.rs",
    "services/connectors/src/destinations",
    "services/connectors/src/sources/calcom",
];

/// Flags that do not set the configuration.
const OTHER_FLAGS: [&str; 8] =
    ["--address", "--ca", "--config", "--context", "--help", "--output", "--token", "--version"];

#[test]
fn every_reason_in_the_code_has_an_entry_and_every_entry_a_reason() {
    let mut in_code = reasons();
    for name in NO_REASONS {
        assert!(in_code.remove(name).is_some(), "{name} is not in the code any more: take it off the list");
    }
    let described: BTreeSet<String> = headings("docs/errors.md", "### ").into_iter().collect();
    let missing: Vec<_> = in_code.iter().filter(|(reason, _)| !described.contains(*reason)).collect();
    assert!(missing.is_empty(), "describe in docs/errors.md: {missing:#?}");
    let stale: Vec<_> = described.iter().filter(|reason| !in_code.contains_key(*reason)).collect();
    assert!(stale.is_empty(), "in docs/errors.md and not in the code: {stale:?}");
}

#[test]
fn every_heading_has_an_anchor_of_its_own_and_every_link_arrives() {
    let link = Regex::new(r"\]\(#([^)]+)\)").unwrap();
    for file in ["docs/api.md", "docs/errors.md", "docs/configuration.md", "docs/destinations.md"] {
        let anchors = anchors(file);
        let different: BTreeSet<_> = anchors.iter().collect();
        assert_eq!(different.len(), anchors.len(), "{file} has two headings with one anchor");
        for found in link.captures_iter(&read(file)) {
            let target = found[1].to_owned();
            assert!(different.contains(&target), "{file} links to #{target}, which is not there");
        }
    }
}

#[tokio::test]
async fn the_door_points_to_the_entry_of_its_reason() {
    let server = Server::start().await;
    for (path, reason) in [("/nowhere", "ROUTE_UNKNOWN"), ("/in/wrong", "SOURCE_UNKNOWN")] {
        let problem = raw_post(server.http(), path, &[], b"{}").await.json();
        assert_eq!(problem["reason"], reason);
        let (file, anchor) = problem["type"].as_str().and_then(|link| link.split_once('#')).expect("a link");
        assert!(anchors(file).contains(&anchor.to_owned()), "{file} has no #{anchor}");
        assert_eq!(anchor, reason.to_lowercase());
    }
}

#[test]
fn every_key_is_described_with_its_default() {
    let mut real = BTreeMap::new();
    let shown = ask(&["config", "--output", "json"], &[]).stdout;
    flatten("", &serde_json::from_slice(&shown).unwrap(), &mut real);
    let described: BTreeMap<_, _> = keys().into_iter().map(|key| (key.name, key.default)).collect();
    assert_eq!(described, real, "left: docs/configuration.md, right: the binary");
}

#[test]
fn every_environment_variable_is_read() {
    let keys = keys();
    for Key { name, variable, .. } in &keys {
        assert_eq!(*variable, format!("TRIBUTARY_{}", name.to_uppercase().replace('.', "__")));
    }
    let all: Vec<_> = keys.iter().map(|key| (key.variable.as_str(), key.default.as_str())).collect();
    let answer = ask(&["config"], &all);
    assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
    // A variable that nothing reads is an error, or the above would show nothing.
    assert!(!ask(&["config"], &[("TRIBUTARY_NOTHING__READS_THIS", "1")]).status.success());
}

#[test]
fn every_flag_is_described() {
    let help = String::from_utf8(ask(&["config", "--help"], &[]).stdout).unwrap();
    let flag = Regex::new(r"(?m)^\s+(?:-\w, )?(--[a-z-]+)").unwrap();
    let mut real: BTreeSet<_> = flag.captures_iter(&help).map(|found| found[1].to_owned()).collect();
    for other in OTHER_FLAGS {
        assert!(real.remove(other), "{other} is no flag any more: take it off the list");
    }
    let described: BTreeSet<_> =
        keys().into_iter().map(|key| key.flag).filter(|flag| !flag.is_empty()).collect();
    assert_eq!(described, real, "left: docs/configuration.md, right: the binary");
}

/// Every reason in the code, with a file where it stands.
fn reasons() -> BTreeMap<String, PathBuf> {
    let anywhere = ANYWHERE.map(|pattern| Regex::new(pattern).unwrap());
    let not_found = Regex::new(NOT_FOUND).unwrap();
    let mut all = BTreeMap::new();
    let files = CRATES.iter().flat_map(|folder| sources(&root().join(folder).join("src")));
    let others = OF_OTHERS.map(|path| root().join(path));
    assert!(others.iter().all(|path| path.exists()), "one of {OF_OTHERS:?} is gone: correct this test");
    for file in files.filter(|file| !others.iter().any(|other| file.starts_with(other))) {
        let code = production(&file);
        for found in anywhere.iter().flat_map(|pattern| pattern.captures_iter(&code)) {
            all.insert(found[1].to_owned(), file.clone());
        }
        for found in not_found.captures_iter(&code) {
            all.insert(format!("{}_NOT_FOUND", found[1].to_uppercase().replace(' ', "_")), file.clone());
        }
    }
    for (list, pattern) in LISTS {
        let (file, code) = (root().join(list), production(&root().join(list)));
        let before = all.len();
        for found in Regex::new(pattern).unwrap().captures_iter(&code) {
            all.insert(found[1].to_owned(), file.clone());
        }
        assert!(all.len() > before, "{list} lists no reason of its own any more: correct this test");
    }
    all
}

/// The Rust files below a folder, without those of tests.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.unwrap().path();
        match path.file_name().and_then(|name| name.to_str()) {
            Some("tests" | "tests.rs") => {}
            _ if path.is_dir() => found.extend(sources(&path)),
            Some(name) if name.ends_with(".rs") => found.push(path),
            _ => {}
        }
    }
    found
}

/// The code of a file, without comments and without the tests at its end.
fn production(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).map(|line| format!("{line}\n")).collect()
}

/// A row of the configuration reference.
struct Key {
    name: String,
    /// As JSON, which TOML writes the same way.
    default: String,
    variable: String,
    /// Empty: there is none.
    flag: String,
}

/// The keys that docs/configuration.md describes.
fn keys() -> Vec<Key> {
    let text = read("docs/configuration.md");
    let rows = text.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix('|'));
    let cells = rows.map(|row| row.split('|').map(|cell| cell.trim().trim_matches('`')).collect::<Vec<_>>());
    let keys: Vec<Key> = cells
        .filter(|cells| cells.len() == 5 && cells[0] != "key")
        .map(|cells| Key {
            name: cells[0].to_owned(),
            default: cells[1].to_owned(),
            variable: cells[3].to_owned(),
            flag: cells[4].to_owned(),
        })
        .collect();
    assert!(!keys.is_empty(), "the tables of docs/configuration.md cannot be read: correct this test");
    keys
}

/// The leaves of `value`, each with its path and its value as JSON.
fn flatten(path: &str, value: &Value, leaves: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                flatten(&path, member, leaves);
            }
        }
        leaf => {
            leaves.insert(path.to_owned(), leaf.to_string());
        }
    }
}

/// What the binary answers, with these environment variables and no other of its own, and no file.
fn ask(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let folder = TempDir::new().unwrap();
    let mut command = Command::new(binary());
    for (name, _) in env::vars().filter(|(name, _)| name.starts_with("TRIBUTARY_")) {
        command.env_remove(name);
    }
    command.args(arguments).envs(environment.iter().copied()).current_dir(folder.path());
    command.output().expect("the binary starts")
}

/// The texts of a file's headings that begin with `mark`.
fn headings(file: &str, mark: &str) -> Vec<String> {
    read(file).lines().filter_map(|line| line.strip_prefix(mark)).map(str::to_owned).collect()
}

/// The anchors of a file's headings, as GitHub makes them: lower case, punctuation away, hyphens for spaces.
fn anchors(file: &str) -> Vec<String> {
    let plain = |heading: String| -> String {
        let heading = heading.to_lowercase().replace(' ', "-");
        heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect()
    };
    ["# ", "## ", "### "].iter().flat_map(|mark| headings(file, mark)).map(plain).collect()
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The root of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests stand below the root").to_owned()
}
