//! The rules of the house that a compiler does not know: layers, lengths of files, unfinished work.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Most lines of a file.
const LONGEST_FILE: usize = 500;
/// Folders of what is made here, not written.
const PASSED_OVER: [&str; 4] = ["target", "data", "node_modules", ".venv"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

/// Every crate's folder, from the workspace's root.
fn crates() -> Vec<String> {
    let services = fs::read_dir(root().join("services")).expect("the services");
    let services = services.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    let mut all: Vec<String> = services.map(|name| format!("services/{name}")).collect();
    all.extend(["actors", "migrations", "proto"].map(str::to_owned));
    all.retain(|folder| root().join(folder).join("Cargo.toml").is_file());
    all
}

/// Every file below `folder` with one of these endings.
fn files(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && !name.starts_with('.') && !PASSED_OVER.contains(&name.as_str()) {
            found.extend(files(&path, endings));
        } else if endings.iter().any(|ending| name.ends_with(ending)) {
            found.push(path);
        }
    }
    found
}

/// The names in `[dependencies]` and `[build-dependencies]` of a crate.
fn dependencies(folder: &str) -> Vec<String> {
    let manifest = fs::read_to_string(root().join(folder).join("Cargo.toml")).expect("a manifest");
    let mut names = Vec::new();
    let mut is_inside = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            is_inside = matches!(line.trim(), "[dependencies]" | "[build-dependencies]");
        } else if is_inside && let Some((name, _)) = line.split_once(['.', '=', ' ']) {
            names.push(name.trim().to_owned());
        }
    }
    names
}

fn source_of(folder: &str) -> String {
    let files = files(&root().join(folder).join("src"), &[".rs"]);
    files.iter().map(|file| fs::read_to_string(file).expect("a source file")).collect()
}

/// Whether `path` stands in `source` as code: not as the end of a longer name, nor at the start of a text.
fn names(source: &str, path: &str) -> bool {
    source.match_indices(path).any(|(at, _)| {
        let before = source[..at].chars().next_back().unwrap_or(' ');
        !before.is_alphanumeric() && before != '_' && before != '"'
    })
}

/// Which crates may name which libraries.
pub(crate) fn assert_libraries_stay_in_their_layers() {
    let faces = ["services/ingest", "services/admin", "services/auth", "services/server"];
    let rules: [(&[&str], &[&str]); 4] = [
        (&["sea-orm", "sea-orm-migration", "sqlx"], &["services/store", "migrations"]),
        (&["actix", "actix-rt"], &["actors", "services/server"]),
        (&["axum"], &faces),
        (&["async-nats"], &["services/journal"]),
    ];
    for folder in crates() {
        let (named, source) = (dependencies(&folder), source_of(&folder));
        for (libraries, allowed) in rules {
            for library in libraries.iter().filter(|_| !allowed.contains(&folder.as_str())) {
                assert!(!named.contains(&(*library).to_owned()), "{folder} depends on {library}");
                let path = format!("{}::", library.replace('-', "_"));
                assert!(!names(&source, &path), "{folder} names {library}");
            }
        }
        // The contract's own crate holds the clients and servers that are generated.
        if !faces.contains(&folder.as_str()) && folder != "proto" {
            assert!(!named.iter().any(|name| name.starts_with("tonic")), "{folder} depends on tonic");
            assert!(!names(&source, "tonic::"), "{folder} names tonic");
        }
    }
}

/// A crate depends only on crates of lower layers.
pub(crate) fn assert_dependencies_point_one_way() {
    let layers: [&[&str]; 7] = [
        &["proto", "domain"],
        &["migrations", "telemetry", "auth", "tls"],
        &["connectors", "store", "journal", "egress"],
        &["planner"],
        &["actors"],
        &["ingest", "admin"],
        &["server"],
    ];
    let layer = |name: &str| {
        let found = layers.iter().position(|layer| layer.contains(&name));
        found.unwrap_or_else(|| panic!("{name} has no layer yet: give it one here"))
    };
    for folder in crates() {
        let own = folder.rsplit('/').next().expect("a name");
        for dependency in dependencies(&folder) {
            let Some(dependency) = dependency.strip_prefix("tributary-") else { continue };
            assert!(layer(dependency) < layer(own), "{own} depends on {dependency}, which is not below it");
        }
    }
}

/// The rules do no I/O, read no clock and draw no randomness.
pub(crate) fn assert_rules_are_pure() {
    let impure = [
        "std::fs",
        "std::env",
        "std::process",
        "std::thread",
        "TcpStream",
        "SystemTime",
        "Instant::now",
        "Timestamp::now",
        "Zoned::now",
        "rand::",
        "tokio::",
    ];
    for folder in ["services/domain", "services/connectors"] {
        let (named, source) = (dependencies(folder), source_of(folder));
        for library in ["tokio", "rand", "hyper", "reqwest", "async-std", "getrandom"] {
            assert!(!named.contains(&library.to_owned()), "{folder} depends on {library}");
        }
        for word in impure {
            assert!(!names(&source, word), "{folder} names {word}");
        }
    }
}

#[test]
fn nothing_of_a_tenant_is_read_around_its_wall() {
    let store = source_of("services/store");
    // A scope's own reader and transactions are behind row-level security on Postgres; the store's are not.
    for around in ["store().reader()", "store().write_txn("] {
        assert!(!store.contains(around), "services/store has {around}");
    }
}

#[test]
fn no_file_is_too_long() {
    for file in files(&root(), &[".rs", ".proto", ".sh", ".ts", ".js"]) {
        let lines = fs::read_to_string(&file).expect("a text").lines().count();
        assert!(lines <= LONGEST_FILE, "{} has {lines} lines: split it", file.display());
    }
}

#[test]
fn nothing_is_left_unfinished() {
    // Put together here, so that this file does not find itself.
    let marks = [["TO", "DO"], ["FIX", "ME"], ["HA", "CK:"], ["todo", "!("], ["unimplemented", "!("]]
        .map(|parts| parts.concat());
    for file in files(&root(), &[".rs", ".proto", ".toml", ".sh", ".md"]) {
        let text = fs::read_to_string(&file).expect("a text");
        for mark in &marks {
            assert!(!text.contains(mark.as_str()), "{} has {mark}", file.display());
        }
    }
}

#[test]
fn every_planted_fault_still_applies() {
    for patch in files(&root().join("tests/mutants"), &[".patch"]) {
        let text = fs::read_to_string(&patch).expect("a text");
        let mut hunks = 0;
        for of_file in text.split("\ndiff --git ").skip(1) {
            let (_, rest) = of_file.split_once("\n+++ b/").expect("a file");
            let source = fs::read_to_string(root().join(rest.lines().next().expect("its name")));
            let source = source.unwrap_or_else(|error| panic!("{}: {error}", patch.display()));
            for hunk in rest.split("\n@@ ").skip(1) {
                let before = hunk.lines().skip(1).filter(|line| !line.starts_with('+'));
                let before: Vec<&str> = before.map(|line| line.get(1..).unwrap_or_default()).collect();
                let is_there = source.contains(before.join("\n").trim_end());
                assert!(is_there, "{} does not apply any more: make it anew", patch.display());
                hunks += 1;
            }
        }
        assert!(hunks > 0, "{} changes nothing", patch.display());
    }
}
